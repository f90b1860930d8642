"""What YAML holds as a value of a type: readers that several types share."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress

import polars as pl

from engine.values.types.options import Options
from engine.values.types.row import Parse


def read_double(raw: object) -> float:
    """A finite number."""
    value = math.nan
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        with suppress(OverflowError):
            value = float(raw)
    if not math.isfinite(value):
        raise ValueError("a finite number")
    return value


def read_whole(width: int) -> Callable[[object], int]:
    """A whole number of so many bits."""

    def read(raw: object) -> int:
        if not isinstance(raw, int) or isinstance(raw, bool) or not -(1 << width - 1) <= raw < 1 << width - 1:
            raise ValueError(f"a whole number of {width} bits")
        return raw

    return read


def read_parsed(parse: Parse, expects: str) -> Callable[[object], bytes]:
    """What YAML writes as a text: the type's own parser reads it."""

    def read(raw: object) -> bytes:
        value = pl.select(parse(pl.lit(raw), Options())).item() if isinstance(raw, str) else None
        if value is None:
            raise ValueError(f"{expects}, quoted")
        return bytes(value)

    return read
