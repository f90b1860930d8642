"""Elements of an array: made from the rows around them, evaluated as rows of their own, and put back as one list per row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from engine.expressions.aggregates import AGGREGATES, narrowed, widened
from engine.expressions.tree import Gathered, to_polars
from engine.plan.joins import PARENT, ROWS

if TYPE_CHECKING:
    from engine.plan.levels import Level

Cells = Callable[[pl.DataFrame], pl.DataFrame]


def there_name(array: str) -> str:
    """Name of the column that says whether a row has elements of an array, good or bad."""
    return f"\0there {array}"


@dataclass(frozen=True)
class Elements:
    """One array, compiled.

    `cells` makes the elements of a frame (which has PARENT), in order: PARENT and the cells of each. `around` are columns of the outer
    frame that the elements' expressions read; `present` says which elements there are, `dropped` which are left out as bad. `element` is
    the value of one (none where the array is not embedded), `flags` and `carried` are columns that the outer rows need of theirs. Checks
    with the flags `settled` have had their effect, here or further in.
    """

    path: str
    cells: Cells
    around: tuple[str, ...]
    level: Level
    present: pl.Expr | None
    dropped: pl.Expr | None
    order: tuple[tuple[pl.Expr, bool], ...]
    flags: tuple[str, ...]
    gathered: tuple[Gathered, ...]
    element: pl.Expr | None
    carried: tuple[str, ...]
    settled: frozenset[str]
    empty: str

    def fold(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with this array's list, its aggregates and the flags of its elements."""
        outer = frame.with_row_index(PARENT)
        done = self.made(outer)
        flags = done.group_by(PARENT).agg(pl.col(self.flags).any(), pl.lit(value=True).alias(there_name(self.path)))
        outer = outer.join(flags, on=PARENT, how="left", maintain_order="left")
        outer = outer.join(self._lists(self._kept(done)), on=PARENT, how="left", maintain_order="left")
        return outer.with_columns(pl.col(*self.flags, there_name(self.path)).fill_null(value=False), *self._of_none()).drop(PARENT)

    def made(self, outer: pl.DataFrame) -> pl.DataFrame:
        """The elements of rows that have PARENT, evaluated."""
        elements = self.cells(outer)
        if self.around:
            elements = elements.hstack(outer.select(self.around)[elements[PARENT]])
        done = self.level.evaluate(elements.drop(PARENT)).with_columns(elements[PARENT])
        return done if self.present is None else done.filter(self.present)

    def _kept(self, done: pl.DataFrame) -> pl.DataFrame:
        kept = done if self.dropped is None else done.filter(~self.dropped)
        if not self.order:
            return kept
        by, descending = [PARENT, *(one for one, _ in self.order)], [False, *(down for _, down in self.order)]
        return kept.sort(by, descending=descending, nulls_last=True, maintain_order=True)

    def _lists(self, kept: pl.DataFrame) -> pl.DataFrame:
        gathered = [_gather(one) for one in self.gathered]
        carried = [pl.col(name) if name == ROWS + self.path else pl.col(name).explode() for name in self.carried]
        lists = [] if self.element is None else [self.element.alias(self.path)]
        return kept.group_by(PARENT, maintain_order=True).agg(*lists, *gathered, *carried)

    def _of_none(self) -> list[pl.Expr]:
        """What stands in rows without an element, too."""
        return [_of_all(one) for one in self.gathered] + (
            [pl.col(self.path).fill_null([])] if self.element is not None and self.empty == "list" else []
        )


def _of_all(one: Gathered) -> pl.Expr:
    """The aggregate in its type, for rows without elements too: one that leaves the range of its type is missing, and not as if of none."""
    empty = AGGREGATES[one.name].empty
    return narrowed(pl.col(one.column) if empty is None else pl.col(one.column).fill_null(empty), one.type)


def _gather(one: Gathered) -> pl.Expr:
    """The aggregate of a group of elements."""
    if one.inner is None:
        return pl.len().alias(one.column)
    return AGGREGATES[one.name].combine(widened(to_polars(one.inner), one.name, one.inner.type)).alias(one.column)


def in_row(lists: Sequence[pl.Expr], plain: Sequence[str]) -> Cells:
    """Elements from lists of cells, all of one length, in one row; the cells `plain` stand beside each of them."""

    def cells(outer: pl.DataFrame) -> pl.DataFrame:
        found = outer.select(PARENT, *plain, *lists)
        return found.explode([name for name in found.columns if name not in {PARENT, *plain}], empty_as_null=False, keep_nulls=False)

    return cells


def unpacked(column: str) -> Cells:
    """Elements from a list of structs, whose fields are the cells."""

    def cells(outer: pl.DataFrame) -> pl.DataFrame:
        return outer.select(PARENT, column).explode(column, empty_as_null=False, keep_nulls=False).unnest(column)

    return cells


def numbered(cells: Cells, name: str) -> Cells:
    """The same, with the number of each element in its row as a cell."""

    def counted(outer: pl.DataFrame) -> pl.DataFrame:
        return cells(outer).with_columns(pl.int_range(1, pl.len() + 1).over(PARENT).cast(pl.String).alias(name))

    return counted
