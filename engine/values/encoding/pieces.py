"""Putting bytes together by column: a part of a document is a tape of pieces, and all rows are joined at once.

Neighbouring pieces of fixed width are laid side by side in one numpy block, which polars takes over through `Array(UInt8)` → `List(UInt8)`
→ `Binary` at about 5 ns a row; what is left is added up as a balanced tree, at about 20 ns for each addition and row. A join is a
single query: calls into polars cost more than work on small batches of wide documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.values.frames import col

BYTES = pl.List(pl.UInt8)
MAX_VALUE = 1 << 31
"""Bytes that `regroup` puts into one polars value, which holds less than 4 GiB."""

Column = NDArray[Any]
Size = int | NDArray[np.int32]
"""Bytes of a value, in all rows or by row. Past 2 GiB it wraps around: `limits.oversize` counts for itself and refuses such a document."""


@dataclass(frozen=True, slots=True)
class PieceChoice:
    """The pieces in rows that are `valid`, `absent` in the others."""

    valid: pl.Series
    pieces: tuple[Piece, ...]
    absent: bytes | pl.Series


Piece = bytes | Column | pl.Series | PieceChoice
"""The same bytes in every row, bytes of one width per row (numbers, or a matrix of bytes), a Binary without nulls, or a choice."""


@dataclass(frozen=True, slots=True)
class Part:
    """The pieces of one value per row, their bytes in sum, and in which rows there is a value (None: in all)."""

    pieces: tuple[Piece, ...]
    size: Size
    valid: pl.Series | None = None


def prefix(size: Size) -> bytes | Column:
    """A length as BSON writes it: int32, little-endian."""
    return size.to_bytes(4, "little") if isinstance(size, int) else size.astype("<i4", copy=False)


def sizes(values: pl.Series) -> NDArray[np.int32]:
    """Bytes of each value."""
    return values.bin.size().to_numpy().astype(np.int32, copy=False)


def flat(values: pl.Series) -> pl.Series:
    """The bytes of all values one after another: UInt8, contiguous, copied once."""
    return values.cast(BYTES).explode(empty_as_null=False, keep_nulls=False)


def join(pieces: Sequence[Piece], rows: int) -> pl.Series:
    """The pieces of each row as one value: Binary, `rows` long."""
    columns: list[pl.Series] = []
    joined = _tree(list(_expressions(pieces, rows, columns)))
    return pl.DataFrame(columns).select(joined).to_series()


def regroup(values: pl.Series, counts: NDArray[np.int64]) -> pl.Series:
    """Join runs of neighbouring values: the first `counts[0]` of them become the first value of the result, and so on."""
    ends = np.concatenate([[0], np.cumsum(values.bin.size().to_numpy(), dtype=np.int64)])
    bounds = ends[np.concatenate([[0], np.cumsum(counts)])]
    if bounds[-1] >= MAX_VALUE and len(counts) > 1:
        half = len(counts) // 2
        here = int(counts[:half].sum())
        return pl.concat([regroup(values[:here], counts[:half]), regroup(values[here:], counts[half:])])
    whole = flat(values).implode().cast(pl.Binary)
    # One value cut at many places: polars repeats its pointer, not its bytes.
    cut = pl.lit(whole).first().bin.slice(pl.lit(pl.Series(bounds[:-1])), pl.lit(pl.Series(np.diff(bounds))))
    return pl.select(cut).to_series()


def names(code: bytes, counts: NDArray[np.int64]) -> pl.Series:
    """The heads of array elements, `code "0" NUL` and so on in each array, taken from a list as long as the longest."""
    heads = pl.select(pl.lit(code) + pl.int_range(int(counts.max(initial=0))).cast(pl.Binary) + pl.lit(b"\0")).to_series()
    return heads.gather(pl.Series(np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)))


def _tree(values: list[pl.Expr]) -> pl.Expr:
    """The values added up pairwise: each byte is copied once a level, not once a value."""
    while len(values) > 1:
        pairs = [first + second for first, second in zip(values[::2], values[1::2], strict=False)]
        values = pairs + values[len(pairs) * 2 :]
    return values[0]


def _expressions(pieces: Sequence[Piece], rows: int, columns: list[pl.Series]) -> Iterator[pl.Expr]:
    """The pieces as expressions over `columns`, to which it adds; each run of fixed width becomes one of them."""
    run: list[bytes | Column] = []
    for piece in pieces:
        if isinstance(piece, bytes | np.ndarray):
            run.append(piece)
            continue
        if run:
            yield _named(_block(run, rows), columns)
            run = []
        yield _chosen(piece, rows, columns) if isinstance(piece, PieceChoice) else _named(piece, columns)
    if run:
        yield _named(_block(run, rows), columns)


def _chosen(choice: PieceChoice, rows: int, columns: list[pl.Series]) -> pl.Expr:
    absent = pl.lit(choice.absent) if isinstance(choice.absent, bytes) else _named(choice.absent, columns)
    value = _tree(list(_expressions(choice.pieces, rows, columns)))
    return pl.when(_named(choice.valid, columns)).then(value).otherwise(absent)


def _named(values: pl.Series, columns: list[pl.Series]) -> pl.Expr:
    name = str(len(columns))
    columns.append(values.alias(name))
    return col(name)


def _block(run: Sequence[bytes | Column], rows: int) -> pl.Series:
    """Pieces of fixed width side by side, one row of a matrix for each row."""
    formats: list[Any] = [f"V{len(piece)}" if isinstance(piece, bytes) else (piece.dtype, piece.shape[1:]) for piece in run]
    layout = np.dtype([(str(place), form) for place, form in enumerate(formats)])
    block = np.empty(rows, layout)
    matrix = block.view(np.uint8).reshape(rows, layout.itemsize)
    blank = (piece if isinstance(piece, bytes) else bytes(layout[place].itemsize) for place, piece in enumerate(run))
    matrix[:] = np.frombuffer(b"".join(blank), np.uint8)
    for place, piece in enumerate(run):
        if not isinstance(piece, bytes):
            block[str(place)] = piece
    return pl.Series(matrix, dtype=pl.Array(pl.UInt8, layout.itemsize)).cast(BYTES).cast(pl.Binary)
