"""The cells of an array's elements, made of the row around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from engine.plan.names import PARENT
from engine.values.frames import chosen, cols

Cells = Callable[[pl.DataFrame], pl.DataFrame]
"""Makes the elements of a frame that has PARENT, in order: PARENT and the cells of each."""


def in_row(lists: Sequence[pl.Expr], plain: Sequence[str]) -> Cells:
    """Elements from lists of cells, all of one length, in one row; the cells `plain` are repeated for each of them."""

    def cells(outer: pl.DataFrame) -> pl.DataFrame:
        found = outer.select(*cols((PARENT, *plain)), *lists)
        exploded = chosen(*(name for name in found.columns if name not in {PARENT, *plain}))
        return found.explode(exploded, empty_as_null=False, keep_nulls=False)

    return cells


def unpacked(column: str) -> Cells:
    """Elements from a list of structs, whose fields are the cells."""

    def cells(outer: pl.DataFrame) -> pl.DataFrame:
        found = outer.select(cols((PARENT, column)))
        return found.explode(chosen(column), empty_as_null=False, keep_nulls=False).unnest(chosen(column))

    return cells


def numbered(cells: Cells, name: str) -> Cells:
    """The same, with the number of each element in its row as a cell."""

    def counted(outer: pl.DataFrame) -> pl.DataFrame:
        return cells(outer).with_columns(pl.int_range(1, pl.len() + 1).over(PARENT).cast(pl.String).alias(name))

    return counted
