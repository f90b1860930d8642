"""Rows of other sources beside ours: the child rows of an array, the one row of a lookup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from engine.errors import DataError, problem
from engine.mapping.columns import KEY, VALUE
from engine.mapping.model import Lookup
from engine.plan.cells import CELL
from engine.sources.batch import ROW
from engine.sources.secondary import INDEX, Table

PARENT = "\0parent"
"""Number of the surrounding row in its frame, from 0 (UInt32): which row an element belongs to."""
FOUND = "\0found"
ROWS = "\0rows "  # before an array's path: which rows of its source the elements are


@dataclass(frozen=True)
class Keys:
    """How two sources are matched: what must be equal, from our cells and their table's columns. A missing value matches nothing."""

    ours: tuple[pl.Expr, ...]
    theirs: tuple[pl.Expr, ...]

    @property
    def names(self) -> list[str]:
        """The key columns, in both frames."""
        return [f"\0key {place}" for place in range(len(self.ours))]

    def of_ours(self) -> list[pl.Expr]:
        """Our key, under its names."""
        return [one.alias(name) for one, name in zip(self.ours, self.names, strict=True)]

    def of_theirs(self) -> list[pl.Expr]:
        """Their key, under the same."""
        return [one.alias(name) for one, name in zip(self.theirs, self.names, strict=True)]


def unmatched_name(lookup: str) -> str:
    """Name of the column that says whether a row's key is asked for and not there."""
    return f"\0unmatched {lookup}"


def cell_of(table: Table, name: str) -> pl.Expr:
    """A column of a table; one that the mapping puts up with missing is empty."""
    return pl.col(name) if name in table.columns else pl.lit("")


def child_rows(table: Table, keys: Keys, columns: Sequence[str], path: str, wide: Sequence[tuple[str, str]] = ()) -> pl.DataFrame:
    """The table as an array takes it: keys, cells, and which row it is; of a wide row as often as it has columns (key, name)."""
    cells = [cell_of(table, name).alias(CELL + name) for name in columns]
    around = (*keys.of_theirs(), *cells, pl.col(INDEX).alias(ROWS + path))
    if not wide:
        return table.frame.select(*around).drop_nulls(keys.names)
    named = pl.lit(pl.Series([key for key, _ in wide])).implode().alias(CELL + KEY)
    values = pl.concat_list([name for _, name in wide]).alias(CELL + VALUE)
    found = table.frame.select(*around, named, values).drop_nulls(keys.names)
    return found.explode(CELL + KEY, CELL + VALUE, empty_as_null=False, keep_nulls=False)


@dataclass(frozen=True)
class Children:
    """Elements that are rows of a table."""

    table: Table
    keys: Keys
    frame: pl.DataFrame
    path: str

    def __call__(self, outer: pl.DataFrame) -> pl.DataFrame:
        """The elements of all rows: PARENT, cells; in the order of the outer rows, then of the table."""
        asked = outer.select(PARENT, *self.keys.of_ours()).drop_nulls()
        found = asked.join(self.frame, on=self.keys.names, how="inner", maintain_order="left_right").drop(self.keys.names)
        self.table.match(found[ROWS + self.path])
        return found


@dataclass(frozen=True)
class Join:
    """A lookup: `frame` has one row for each key. `unmatched` is the column that says whether a key is asked for and not there."""

    name: str
    keys: Keys
    frame: pl.DataFrame
    unmatched: str

    def __call__(self, outer: pl.DataFrame) -> pl.DataFrame:
        """The outer frame with the lookup's cells."""
        keyed = outer.with_columns(self.keys.of_ours())
        joined = keyed.join(self.frame, on=self.keys.names, how="left", maintain_order="left")
        asked = pl.all_horizontal(pl.col(name).is_not_null() for name in self.keys.names)
        return joined.with_columns((asked & pl.col(FOUND).is_null()).alias(self.unmatched)).drop(*self.keys.names, FOUND)


def lookup_join(table: Table, keys: Keys, columns: Sequence[str], one: Lookup, file: str) -> Join:
    """A lookup of these columns. Raises DataError where the table has a key twice."""
    cells = [cell_of(table, column).alias(f"{CELL}{one.name}.{column}") for column in columns]
    frame = table.frame.select(*keys.of_theirs(), *cells, pl.lit(value=True).alias(FOUND), ROW).drop_nulls(keys.names)
    twice = frame.filter(pl.struct(keys.names).is_duplicated())
    if len(twice):
        said = f"rows {twice[ROW][0]} and others, {len(twice):,} in all"
        message = f"the lookup {one.name} needs one row for each key; the source {table.name} has several for one: {said}"
        hint = "name more columns in `on`, or embed the rows as an array"
        raise DataError(problem("lookup_not_unique", message, hint=hint, file=file, line=one.line))
    return Join(one.name, keys, frame.drop(ROW), unmatched_name(one.name))
