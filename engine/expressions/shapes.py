"""Shapes that several forms share, for polars and for MongoDB: a value computed once, a result that must stay in range."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import polars as pl

from engine.values.types.decimals import DECIMAL

INFINITY = float("inf")
NOT_FINITE = [INFINITY, -INFINITY, float("nan")]
DECIMAL_LIMIT = {"$toDecimal": "1E+18"}


def mongo_operator(name: str) -> Callable[..., object]:
    """MongoDB's operator over a list of operands."""
    return lambda *values: {name: list(values)}


def polars_let(body: Callable[..., pl.Expr], *values: pl.Expr) -> pl.Expr:
    """`body` over the values, each computed once: otherwise nested expressions double in size at every level."""
    names = [f"v{position}" for position in range(len(values))]
    variables = pl.struct([value.alias(name) for value, name in zip(values, names, strict=True)])
    return variables.struct.with_fields(body(*map(pl.field, names)).alias("result")).struct.field("result")


def mongo_let(body: Callable[..., object], *values: object, prefix: str = "v") -> object:
    """`body` over the values, each computed once, in `$let`; paths and constants stay as they are."""
    names = [value if is_plain(value) else f"$${prefix}{position}" for position, value in enumerate(values)]
    variables = {str(name)[2:]: value for name, value in zip(names, values, strict=True) if name is not value}
    return {"$let": {"vars": variables, "in": body(*names)}} if variables else body(*names)


def is_plain(value: object) -> bool:
    """Whether repeating this MongoDB expression costs nothing: a path, a variable or a constant."""
    if isinstance(value, dict):
        return "$literal" in value or (isinstance(value.get("$toDecimal"), str) and not value["$toDecimal"].startswith("$"))
    return value is None or isinstance(value, str | bool | int | float | datetime | list)


def mongo_guard(body: Callable[..., object], nullable: Sequence[bool], *values: object) -> object:
    """`body` over the values, or null where one that may be is null or missing: `x <= null` is true of these alone."""

    def guarded(*names: object) -> object:
        tests = [{"$lte": [name, None]} for name, may in zip(names, nullable, strict=True) if may]
        if not tests:
            return body(*names)
        return {"$cond": [tests[0] if len(tests) == 1 else {"$or": tests}, None, body(*names)]}

    return mongo_let(guarded, *values)


def polars_finite(value: pl.Expr) -> pl.Expr:
    """A double, or null where it left the range of double."""
    return value.replace(NOT_FINITE, None)


def mongo_finite(value: object) -> object:
    """The same; MongoDB finds NaN in a list as any other number."""
    return mongo_let(lambda result: {"$cond": [{"$in": [result, NOT_FINITE]}, None, result]}, value, prefix="r")


def polars_decimal(value: pl.Expr) -> pl.Expr:
    """A decimal, or null where it has more than 18 digits before the point."""
    return value.cast(DECIMAL, strict=False)


def mongo_decimal(value: object) -> object:
    """The same."""
    return mongo_let(lambda result: {"$cond": [{"$lt": [{"$abs": result}, DECIMAL_LIMIT]}, result, None]}, value, prefix="r")


def polars_long(value: pl.Expr) -> pl.Expr:
    """A long from 128-bit arithmetic, or null beyond 64 bits."""
    return value.cast(pl.Int64, strict=False)


def mongo_long(value: object) -> object:
    """A long from arithmetic in decimals (34 digits: exact wherever the result fits), or null beyond 64 bits."""
    return {"$convert": {"input": value, "to": "long", "onError": None}}


def polars_quotient(dividend: pl.Expr, divisor: pl.Expr) -> pl.Expr:
    """Correctly rounded, as IEEE 754 asks: where the divisor is one value, polars would multiply by its reciprocal."""
    pairs = pl.struct(dividend.alias("a"), divisor.alias("b"))
    return polars_finite(pairs.map_batches(_divide, return_dtype=pl.Float64, is_elementwise=True))


def _divide(pairs: pl.Series) -> pl.Series:
    """Row by row; a single row is doubled, so that it does not count as one value."""
    rows = pl.concat([pairs, pairs]) if len(pairs) == 1 else pairs
    return (rows.struct.field("a") / rows.struct.field("b")).head(len(pairs))


def polars_whole(value: pl.Expr, unit: int) -> pl.Expr:
    """How many whole units a long holds, its fraction dropped."""
    return polars_let(lambda a: pl.when(a >= 0).then(a // unit).otherwise(-(-a // unit)), value)


def mongo_whole(value: object, unit: int) -> object:
    """The same: values below 2**53 divide so exactly that the fraction cannot round up."""
    return {"$toLong": {"$divide": [value, unit]}}


def polars_nonzero(value: pl.Expr) -> pl.Expr:
    """A divisor, null where it is zero."""
    return value.replace(0, None)


def mongo_nonzero(value: object) -> object:
    """The same. The division around it then yields null and never fails, even while mongod folds constants."""
    return {"$cond": [{"$eq": [value, 0]}, None, value]}
