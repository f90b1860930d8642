"""What a constraint is given: a value written in YAML, as a value of the field's type, and that as a polars literal.

The values are Python's: int, float, Decimal, bool, str, naive UTC datetime, bytes for objectId, uuid and binData, and lists of degrees.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal, ExtendedContext, localcontext
from typing import Any

import polars as pl

from engine.values.types import WIDTHS, Options, expected, type_table
from engine.values.types.geo import POSITION

EXACT = pl.Decimal(38, 16)
DIGITS = 34  # of a Decimal128, of which 18 before the point and 16 after are the type's
STEP = Decimal("1e-16")


def bound(raw: object, type_name: str) -> Any:
    """A value as written in YAML, as a value of the field's type.

    Raises:
        ValueError: it is none; the message says what was expected.
    """
    return READERS[type_name](raw)


def _whole(width: int) -> Callable[[object], int]:
    def read(raw: object) -> int:
        if not isinstance(raw, int) or isinstance(raw, bool) or not -(1 << width - 1) <= raw < 1 << width - 1:
            raise ValueError(f"a whole number of {width} bits")
        return raw

    return read


def _double(raw: object) -> float:
    value = math.nan
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        with suppress(OverflowError):
            value = float(raw)
    if not math.isfinite(value):
        raise ValueError("a finite number")
    return value


def _decimal(raw: object) -> Decimal:
    with localcontext(ExtendedContext, prec=2 * DIGITS):  # it traps nothing: what cannot be computed becomes NaN
        value = Decimal(str(raw))
        if isinstance(raw, bool) or not abs(value) < Decimal(10) ** 18 or value != value.quantize(STEP):
            raise ValueError("a decimal number with up to 18 digits before the point and 16 after")
    return value


def _date(raw: object) -> datetime:
    try:
        value = datetime.fromisoformat(str(raw))
        value = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    except (ValueError, OverflowError):
        raise ValueError("a date such as 2024-01-31 or 2024-01-31T12:00:00Z") from None
    if value.microsecond % 1000:
        raise ValueError("a date of whole milliseconds, which is all that BSON holds")
    return value


def _bool(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    raise ValueError("true or false")


def _string(raw: object) -> str:
    if isinstance(raw, str):
        return raw
    raise ValueError("quoted text")


def _parsed(type_name: str) -> Callable[[object], bytes]:
    """A reader for what YAML writes as a text: the type's own parser."""
    kind = type_table[type_name]

    def read(raw: object) -> bytes:
        value = pl.select(kind.parse(pl.lit(raw), Options())).item() if isinstance(raw, str) else None
        if value is None:
            raise ValueError(f"{expected(kind, Options())}, quoted")
        return bytes(value)

    return read


def _place(raw: object) -> list[float]:
    """Longitude and latitude, as a point of a test's `expect` is written."""
    if isinstance(raw, list) and len(raw) == POSITION.shape[0]:
        with suppress(ValueError):
            return [_double(number) for number in raw]
    raise ValueError("a list of longitude and latitude")


def _places(raw: object) -> list[list[float]]:
    if isinstance(raw, list):
        return [_place(one) for one in raw]
    raise ValueError("a list of [longitude, latitude]")


READERS: dict[str, Callable[[object], Any]] = {
    "string": _string,
    "int": _whole(WIDTHS["int"]),
    "long": _whole(WIDTHS["long"]),
    "double": _double,
    "decimal": _decimal,
    "bool": _bool,
    "date": _date,
    "objectId": _parsed("objectId"),
    "uuid": _parsed("uuid"),
    "binData": _parsed("binData"),
    "point": _place,
    "linestring": _places,
}


def comparable(value: pl.Expr, type_name: str) -> pl.Expr:
    """A value column in a dtype that compares exactly (decimals are kept as text)."""
    return value.cast(EXACT) if type_name == "decimal" else value


def literal(value: object, type_name: str) -> pl.Expr:
    """A bound as a polars literal of the dtype of `comparable`."""
    return pl.lit(_fixed(value), dtype=_dtype(type_name))


def literals(values: Iterable[object], type_name: str) -> pl.Expr:
    """Several bounds as one list, for `is_in`."""
    return pl.lit(pl.Series([_fixed(value) for value in values], dtype=_dtype(type_name))).implode()


def _dtype(type_name: str) -> pl.DataType:
    return EXACT if type_name == "decimal" else type_table[type_name].dtype


def _fixed(value: object) -> object:
    if not isinstance(value, Decimal):
        return value
    with localcontext(prec=2 * DIGITS):
        return value.quantize(STEP)
