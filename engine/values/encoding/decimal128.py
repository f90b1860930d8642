"""Plain decimal text to BSON decimal128, as expressions; a missing value counts as 0.

The format is IEEE 754-2008 decimal128 in binary integer decimal encoding: from the top, a sign, 14 bits of biased exponent and 113 bits of
coefficient. 34 digits stay below 2^113, so the format's other form never arises. "12.50" is 1250 at exponent -2; "-0" keeps its sign.
"""

from __future__ import annotations

import polars as pl

BIAS = 6176
DIGITS = 34
PLAIN = r"\A-?[0-9]+(\.[0-9]+)?\z"
SIGN_AT = 1 << 63
EXPONENT_AT = 1 << 49


def low_word(text: pl.Expr) -> pl.Expr:
    """The lower 64 bits: UInt64."""
    return (_coefficient(text) % _word()).cast(pl.UInt64)


def exponent_word(text: pl.Expr) -> pl.Expr:
    """The upper 64 bits, with sign and exponent: UInt64."""
    sign = text.str.starts_with("-").fill_null(value=False).cast(pl.UInt64)
    exponent = (BIAS - _scale(text).clip(upper_bound=BIAS)).cast(pl.UInt64)
    return sign * pl.lit(SIGN_AT, pl.UInt64) + exponent * EXPONENT_AT + (_coefficient(text) // _word()).cast(pl.UInt64)


def is_decimal(text: pl.Expr) -> pl.Expr:
    """Whether the text is plain decimal notation that decimal128 holds as it is written; true for a missing value."""
    return (text.str.contains(PLAIN) & (_digits(text).str.len_bytes() <= DIGITS) & (_scale(text) <= BIAS)).fill_null(value=True)


def _digits(text: pl.Expr) -> pl.Expr:
    """The significant digits; none for zero."""
    return text.str.replace_all("[-.]", "").str.strip_chars_start("0")


def _scale(text: pl.Expr) -> pl.Expr:
    """How many digits follow the point."""
    return (text.str.len_bytes() - 1 - text.str.find(".", literal=True)).fill_null(0).cast(pl.Int64)


def _coefficient(text: pl.Expr) -> pl.Expr:
    """The digits as a number; 0 where there are none, or other characters: `is_decimal` tells those apart."""
    return _digits(text).cast(pl.Int128, strict=False).fill_null(0)


def _word() -> pl.Expr:
    return pl.lit(1 << 64, pl.Int128)
