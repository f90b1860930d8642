"""The document and the elements of each array are levels: rows of one kind, evaluated by the same stages.

A level's lookups come first; its stages make texts from cells, values from texts, and flags; then come its arrays, each evaluated as a
level of its own and folded into one list per row; then what is made of both: computed fields, aggregates, rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from engine.expressions.aggregates import AGGREGATES, narrowed, widened
from engine.expressions.tree import AggregateCall, to_polars
from engine.plan.cells import Stage
from engine.plan.elements import Cells
from engine.plan.names import PARENT, child_rows_name, has_elements_name
from engine.sources.secondary import SourceRows
from engine.values.frames import col, cols

Step = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class Level:
    """Rows of one kind, compiled. `evaluate` takes frames with cells (and what is around, for elements), and adds all else."""

    lookups: tuple[Step, ...]
    source_stages: tuple[Stage, ...]
    arrays: tuple[ArrayStage, ...]
    dependent_stages: tuple[Stage, ...]

    def evaluate(self, frame: pl.DataFrame, asked: list[SourceRows]) -> pl.DataFrame:
        """The frame with values, lists and flags. The rows of secondary sources that were asked for are appended to `asked`."""
        for lookup in self.lookups:
            frame = lookup(frame)
        if not self.arrays:
            return staged(frame, (*self.source_stages, *self.dependent_stages))
        frame = staged(frame, self.source_stages)
        for array in self.arrays:
            frame = array.fold(frame, asked)
        return staged(frame, self.dependent_stages)


def staged(frame: pl.DataFrame, stages: Iterable[Stage]) -> pl.DataFrame:
    """The frame with the columns of the stages, each made of those before it."""
    lazy = frame.lazy()
    for stage in stages:
        lazy = lazy.with_columns(*stage)
    return lazy.collect()


@dataclass(frozen=True)
class ArrayStage:
    """One array, compiled.

    `cells` makes its elements, which are rows of the source `child_source`, if any. `outer_columns` are columns of the outer frame that
    the elements' expressions read; `keep_if` says which elements there are, `drop_if` which are left out as bad. `element`
    is the value of one (none where the array is not embedded), `flags` and `child_row_columns` are columns of the elements
    that the outer rows need. Checks with the flags `resolved_flags` have had their effect, here or further in.
    """

    path: str
    cells: Cells
    child_source: str | None
    outer_columns: tuple[str, ...]
    level: Level
    keep_if: pl.Expr | None
    drop_if: pl.Expr | None
    order: tuple[tuple[pl.Expr, bool], ...]
    flags: tuple[str, ...]
    aggregates: tuple[AggregateCall, ...]
    element: pl.Expr | None
    child_row_columns: tuple[str, ...]
    resolved_flags: frozenset[str]
    empty: str

    def fold(self, frame: pl.DataFrame, asked: list[SourceRows]) -> pl.DataFrame:
        """The frame with this array's list, its aggregates and the flags of its elements."""
        outer = frame.with_row_index(PARENT)
        done = self.make_elements(outer, asked)
        some = pl.lit(value=True).alias(has_elements_name(self.path))
        flags = done.group_by(PARENT).agg(*(flag.any() for flag in cols(self.flags)), some)
        outer = outer.join(flags, on=PARENT, how="left", maintain_order="left")
        outer = outer.join(self._lists(self._kept(done)), on=PARENT, how="left", maintain_order="left")
        signs = (sign.fill_null(value=False) for sign in cols((*self.flags, has_elements_name(self.path))))
        return outer.with_columns(*signs, *self._without_elements()).drop(PARENT)

    def make_elements(self, outer: pl.DataFrame, asked: list[SourceRows]) -> pl.DataFrame:
        """The elements of rows that have PARENT, evaluated."""
        elements = self.cells(outer)
        if self.child_source is not None:
            asked.append((self.child_source, elements[child_rows_name(self.path)]))
        if self.outer_columns:
            elements = elements.hstack(outer.select(cols(self.outer_columns))[elements[PARENT]])
        done = self.level.evaluate(elements.drop(PARENT), asked).with_columns(elements[PARENT])
        return done if self.keep_if is None else done.filter(self.keep_if)

    def _kept(self, done: pl.DataFrame) -> pl.DataFrame:
        kept = done if self.drop_if is None else done.filter(~self.drop_if)
        if not self.order:
            return kept
        by, descending = [PARENT, *(expr for expr, _ in self.order)], [False, *(down for _, down in self.order)]
        return kept.sort(by, descending=descending, nulls_last=True, maintain_order=True)

    def _lists(self, kept: pl.DataFrame) -> pl.DataFrame:
        aggregates = [_aggregate(call) for call in self.aggregates]
        own = child_rows_name(self.path)
        carried = [col(name) if name == own else col(name).explode() for name in self.child_row_columns]
        lists = [] if self.element is None else [self.element.alias(self.path)]
        return kept.group_by(PARENT, maintain_order=True).agg(*lists, *aggregates, *carried)

    def _without_elements(self) -> list[pl.Expr]:
        """Aggregates and lists, with the values that rows without an element get."""
        return [_final_aggregate(call) for call in self.aggregates] + (
            [col(self.path).fill_null([])] if self.element is not None and self.empty == "list" else []
        )


def _final_aggregate(call: AggregateCall) -> pl.Expr:
    """The aggregate in its type, for rows without elements too: one that is out of its range is missing, not that of no elements."""
    empty = AGGREGATES[call.name].empty
    return narrowed(col(call.column) if empty is None else col(call.column).fill_null(empty), call.type)


def _aggregate(call: AggregateCall) -> pl.Expr:
    """The aggregate of a group of elements."""
    if call.inner is None:
        return pl.len().alias(call.column)
    return AGGREGATES[call.name].combine(widened(to_polars(call.inner), call.name, call.inner.type)).alias(call.column)
