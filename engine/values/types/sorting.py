"""Columns as unsigned words that sort as their values do."""

from __future__ import annotations

import numpy as np
import polars as pl

from engine.values.types.row import SortWords

SIGN = np.uint64(1 << 63)


def signed_words(values: pl.Series) -> SortWords:
    """Of whole numbers of up to 64 bits, and of dates."""
    return [values.cast(pl.Int64).fill_null(0).to_numpy().view(np.uint64) ^ SIGN]


def double_words(values: pl.Series) -> SortWords:
    """Of doubles that are finite."""
    bits = (values.fill_null(0.0).to_numpy() + 0.0).view(np.int64)  # numpy adds 0 to -0 and has 0; polars leaves it out
    return [np.where(bits < 0, ~bits, bits ^ np.int64(-(1 << 63))).view(np.uint64)]
