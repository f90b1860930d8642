"""Binary numbers: int, long, double."""

from __future__ import annotations

import sys

import polars as pl

from engine.values.encoding.scalars import filled, number
from engine.values.types.conversions import ZERO, Conversion, convert, matching
from engine.values.types.number_format import plain
from engine.values.types.options import Options
from engine.values.types.readers import read_double, read_whole
from engine.values.types.row import Parse, Type
from engine.values.types.sorting import double_words, signed_words

NUMBER = frozenset({"number"})
# What polars' own parsers take, as regular expressions of the server.
WHOLE = r"^[+-]?[0-9]+\z"
DOUBLE_TEXT = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\z"
LONG_NUMBER, LONG_EXPONENT = 200, r"[eE][+-]?[0-9]{3}"  # where the server calls an underflow an error, the engine takes it for zero
LONG_PATTERN = f"{LONG_EXPONENT}|^.{{{LONG_NUMBER}}}"
LONG_TEXT = {"$regex": LONG_PATTERN}


def as_written(parse: Parse) -> Parse:
    """The same of numbers as people write them, where a field says how."""
    return lambda text, options: parse(plain(text, options.number) if options.number else text, options)


def parse_double(text: pl.Expr, _options: Options) -> pl.Expr:
    """Correctly rounded IEEE 754 double; `nan`, `inf` and numbers beyond its range are refused."""
    value = text.cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value)


def _key_text(column: pl.Expr) -> pl.Expr:
    """0.0 and -0.0 are one value."""
    return pl.when(column != 0).then(column).otherwise(column.abs()).cast(pl.String)


def _parse_integer(dtype: type[pl.DataType]) -> Parse:
    return as_written(lambda text, _options: text.cast(dtype, strict=False))


INT = Type(
    "int",
    "A whole number of 32 bits.",
    pl.Int32(),
    "int",
    "a whole number from -2147483648 to 2147483647",
    _parse_integer(pl.Int32),
    accepted=(("42", 42), ("-7", -7), ("+7", 7), ("007", 7)),
    refused=("4.0", " 4", "1,000", "2147483648", "", "1e3"),
    encoding=number(b"\x10", "<i4", filled(0)),
    read=read_whole(32),
    sort_words=signed_words,
    conversions={
        "long": Conversion(convert("int")),
        "decimal": Conversion(matching(WHOLE, "int")),
        "string": Conversion(matching(WHOLE, "int")),
    },
    options=NUMBER,
    numeric=True,
    whole=True,
)
LONG = Type(
    "long",
    "A whole number of 64 bits.",
    pl.Int64(),
    "long",
    "a whole number of 64 bits",
    _parse_integer(pl.Int64),
    accepted=(("9007199254740993", 9007199254740993), ("-1", -1)),
    refused=("9223372036854775808", "1.0", "x"),
    encoding=number(b"\x12", "<i8", filled(0)),
    read=read_whole(64),
    sort_words=signed_words,
    conversions={
        "int": Conversion(convert("long")),
        "decimal": Conversion(matching(WHOLE, "long")),
        "string": Conversion(matching(WHOLE, "long")),
    },
    options=NUMBER,
    numeric=True,
    whole=True,
)
DOUBLE = Type(
    "double",
    "A binary floating-point number (IEEE 754, 64 bits), correctly rounded.",
    pl.Float64(),
    "double",
    "a finite number such as -12.5 or 1e3",
    as_written(parse_double),
    accepted=(("18856.281305978155", 18856.281305978155), ("-2e3", -2000.0), (".5", 0.5)),
    refused=("1,5", "nan", "Infinity", "1e999", "$5", " 1"),
    encoding=number(b"\x01", "<f8", filled(0.0)),
    read=read_double,
    key_text=_key_text,
    sort_words=double_words,
    conversions={
        "int": Conversion(convert("double"), ZERO),
        "long": Conversion(convert("double"), ZERO),
        "decimal": Conversion(convert("double")),
        "string": Conversion(matching(DOUBLE_TEXT, "double"), LONG_TEXT),
    },
    options=NUMBER,
    numeric=True,
    bson_range={"minimum": -sys.float_info.max, "maximum": sys.float_info.max},  # neither NaN nor an infinity lies between
)
ROWS = (INT, LONG, DOUBLE)
