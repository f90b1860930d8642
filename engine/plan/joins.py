"""Rows of a level matched with those of a secondary source: the child rows of an array, the one row of a lookup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from engine.errors import DataError, finding
from engine.mapping.model import Lookup
from engine.plan.cells import as_cells
from engine.plan.names import FOUND, PARENT, cell_name, child_rows_name, key_name, unmatched_name
from engine.sources.names import ROW
from engine.sources.secondary import SecondarySource
from engine.values.columns import KEY, VALUE, ColumnRef
from engine.values.frames import col


@dataclass(frozen=True)
class JoinKeys:
    """How rows are matched: what must be equal, of the level's cells (left) and the secondary source's (right).

    A missing value matches nothing.
    """

    left: tuple[pl.Expr, ...]
    right: tuple[pl.Expr, ...]

    @property
    def names(self) -> list[str]:
        """The key columns, in both frames."""
        return [key_name(place) for place in range(len(self.left))]

    def left_key(self) -> list[pl.Expr]:
        """The key in the rows of the level, under `names`."""
        return [expr.alias(name) for expr, name in zip(self.left, self.names, strict=True)]

    def right_key(self) -> list[pl.Expr]:
        """The key in the rows of the secondary source, under `names`."""
        return [expr.alias(name) for expr, name in zip(self.right, self.names, strict=True)]


def cell_of(table: SecondarySource, name: str) -> pl.Expr:
    """A cell of a table (see `as_cells`); empty where it is missing and the mapping allows it."""
    return col(cell_name(name)) if name in table.columns else pl.lit("")


def child_rows(
    table: SecondarySource, keys: JoinKeys, columns: Sequence[str], path: str, wide: Sequence[tuple[str, str]] = ()
) -> pl.DataFrame:
    """The table as an array takes it: keys, cells, and which row it is; of a wide row as often as it has columns (key, name)."""
    cells = [cell_of(table, name).alias(cell_name(name)) for name in columns]
    selected = (*keys.right_key(), *cells, pl.int_range(pl.len(), dtype=pl.UInt32).alias(child_rows_name(path)))
    if not wide:
        return as_cells(table.frame, table.columns).select(*selected).drop_nulls(keys.names)
    key, value = cell_name(KEY), cell_name(VALUE)
    named = pl.lit(pl.Series([key for key, _ in wide])).implode().alias(key)
    values = pl.concat_list([cell_name(name) for _, name in wide]).alias(value)
    found = as_cells(table.frame, table.columns).select(*selected, named, values).drop_nulls(keys.names)
    return found.explode(key, value, empty_as_null=False, keep_nulls=False)


@dataclass(frozen=True)
class ChildRows:
    """Elements that are rows of a table."""

    keys: JoinKeys
    frame: pl.DataFrame

    def __call__(self, outer: pl.DataFrame) -> pl.DataFrame:
        """The elements of all rows: PARENT, cells and which row it is; in the order of the outer rows, then of the table."""
        asked = outer.select(PARENT, *self.keys.left_key()).drop_nulls()
        return asked.join(self.frame, on=self.keys.names, how="inner", maintain_order="left_right").drop(self.keys.names)


@dataclass(frozen=True)
class LookupJoin:
    """A lookup: `frame` has one row for each key."""

    name: str
    keys: JoinKeys
    frame: pl.DataFrame

    def __call__(self, outer: pl.DataFrame) -> pl.DataFrame:
        """The outer frame with the lookup's cells."""
        keyed = outer.with_columns(self.keys.left_key())
        joined = keyed.join(self.frame, on=self.keys.names, how="left", maintain_order="left")
        asked = pl.all_horizontal(col(name).is_not_null() for name in self.keys.names)
        return joined.with_columns((asked & col(FOUND).is_null()).alias(unmatched_name(self.name))).drop(*self.keys.names, FOUND)


def lookup_join(table: SecondarySource, keys: JoinKeys, columns: Sequence[ColumnRef], lookup: Lookup, file: str) -> LookupJoin:
    """A lookup of these columns. Raises DataError where the table has a key twice."""
    cells = [cell_of(table, column.name).alias(cell_name(column.written)) for column in columns]
    frame = (
        as_cells(table.frame, table.columns).select(*keys.right_key(), *cells, pl.lit(value=True).alias(FOUND), ROW).drop_nulls(keys.names)
    )
    twice = frame.filter(pl.struct(keys.names).is_duplicated())
    if len(twice):
        rows = f"rows {twice[ROW][0]} and others, {len(twice):,} in all"
        message = f"the lookup {lookup.name} needs one row for each key; the source {table.name} has several for some keys: {rows}"
        hint = "name more columns in `on`, or embed the rows as an array"
        raise DataError(finding("lookup_not_unique", message, hint=hint, file=file, line=lookup.line))
    return LookupJoin(lookup.name, keys, frame.drop(ROW))
