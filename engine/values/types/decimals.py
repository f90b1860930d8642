"""Exact decimal numbers. A column holds their text, with the digits as written."""

from __future__ import annotations

from decimal import Decimal, ExtendedContext, localcontext

import polars as pl

from engine.values.encoding.decimal128 import exponent_word, is_decimal, low_word
from engine.values.encoding.pieces import Part
from engine.values.encoding.scalars import Encoding
from engine.values.frames import col
from engine.values.types.conversions import ZERO, Conversion, convert, matching
from engine.values.types.numbers import NUMBER, as_written
from engine.values.types.options import Options
from engine.values.types.row import Computing, SortWords, Type
from engine.values.types.sorting import signed_words

# 18 digits before the point and 16 after: the 34 that MongoDB's Decimal128 holds exactly.
DIGITS, PLACES = 34, 16
DECIMAL = pl.Decimal(DIGITS, PLACES)
STEP = Decimal("1e-16")
TEXT = r"^[+-]?[0-9]{1,18}(\.[0-9]{1,16})?\z"


def parse_decimal(text: pl.Expr, _options: Options) -> pl.Expr:
    """Plain decimal text, kept as written but for a plus sign: at most 18 digits before the point and 16 after (34 fit a decimal128)."""
    return pl.when(text.str.contains(TEXT)).then(text.str.strip_prefix("+"))


def _read(raw: object) -> Decimal:
    with localcontext(ExtendedContext, prec=2 * DIGITS):  # it traps nothing: what cannot be computed becomes NaN
        value = Decimal(str(raw))
        if isinstance(raw, bool) or not abs(value) < Decimal(10) ** 18 or value != value.quantize(STEP):
            raise ValueError("a decimal number with up to 18 digits before the point and 16 after")
    return value


def _fixed(value: Decimal) -> Decimal:
    with localcontext(prec=2 * DIGITS):
        return value.quantize(STEP)


def _text(value: pl.Expr) -> pl.Expr:
    """The text of a computed value, without the zeros that end its fraction."""
    return value.cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")


def _key_text(column: pl.Expr) -> pl.Expr:
    """1, 1.0 and 01.00 are one value, as are 0 and -0."""
    return _text(column.cast(DECIMAL))


def _sort_words(values: pl.Series) -> SortWords:
    scaled = col("").cast(DECIMAL).to_physical().fill_null(0)
    halves = values.alias("").to_frame().select(high=scaled // (1 << 64), low=scaled % (1 << 64))
    return [*signed_words(halves["high"]), halves["low"].cast(pl.UInt64).to_numpy()]


def _write(low: pl.Series, high: pl.Series, fits: pl.Series) -> Part:
    """Two little-endian words of 8 bytes, the lower first."""
    if not fits.all():
        raise ValueError("a decimal is not plain decimal text of at most 34 significant digits")
    return Part((low.to_numpy().astype("<u8", copy=False), high.to_numpy().astype("<u8", copy=False)), 16)


ROWS = (
    Type(
        "decimal",
        "An exact decimal number (Decimal128); the digits are kept as written.",
        pl.String(),
        "decimal",
        "a decimal number with up to 18 digits before the point and 16 after",
        as_written(parse_decimal),
        accepted=(("12.50", "12.50"), ("+3", "3"), ("-0.001", "-0.001")),
        refused=("1,5", "1e3", ".5", "1234567890123456789", "NaN"),
        encoding=Encoding(b"\x13", (low_word, exponent_word, is_decimal), _write),
        read=_read,
        to_column=lambda value: format(value, "f"),
        from_column=Decimal,
        show=lambda text: {"$numberDecimal": text},
        computing=Computing(DECIMAL, _text, _fixed),
        key_text=_key_text,
        sort_words=_sort_words,
        conversions={
            "int": Conversion(convert("decimal"), ZERO),
            "long": Conversion(convert("decimal"), ZERO),
            "string": Conversion(matching(TEXT, "decimal", lambda text: {"$ltrim": {"input": text, "chars": "+"}})),
        },
        server_differs="MongoDB writes a computed decimal with other digits than the engine (2.50 for 2.5)",
        options=NUMBER,
        numeric=True,
        bson_range={
            "minimum": Decimal("-999999999999999999.9999999999999999"),
            "maximum": Decimal("999999999999999999.9999999999999999"),
            "multipleOf": Decimal("1E-16"),
        },
    ),
)
