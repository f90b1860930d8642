"""Text."""

from __future__ import annotations

import polars as pl

from engine.values.encoding.scalars import TEXT
from engine.values.types.options import Options
from engine.values.types.row import Type


def parse_string(text: pl.Expr, _options: Options) -> pl.Expr:
    """Text stays as it is."""
    return text


def _read(raw: object) -> str:
    if isinstance(raw, str):
        return raw
    raise ValueError("quoted text")


STRING = Type(
    "string",
    "Text, kept exactly as written.",
    pl.String(),
    "string",
    "text",
    parse_string,
    accepted=(("00501", "00501"), (" a ", " a ")),
    refused=(),
    encoding=TEXT,
    read=_read,
    any_text=True,
)
ROWS = (STRING,)
