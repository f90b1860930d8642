"""What is known of the sources when a mapping is compiled: their headers, their tables, and what a cell of a level is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from engine.mapping.columns import level, lookup_of, rows_of
from engine.mapping.model import Child
from engine.mapping.model import Mapping as Model
from engine.plan.cells import CELL, without_nulls
from engine.plan.joins import Keys, cell_of
from engine.sources.secondary import Table


@dataclass(frozen=True)
class Given:
    """`columns` are the document's source's, `missing` those of each source that are read and not there."""

    mapping: Model
    columns: Sequence[str]
    missing: Mapping[str, set[str]]
    tables: Mapping[str, Table]

    def header(self, array: str) -> Sequence[str]:
        """The columns of the source that a level's rows are made of; none for members of a JSON text."""
        source = rows_of(self.mapping, array)
        return () if source is None else self.tables[source].columns if source else self.columns

    def is_absent(self, array: str, column: str) -> bool:
        """Whether a column is not there, though the mapping puts up with it."""
        source, name = self._source(array, column)
        return source is not None and name in self.missing.get(source, ())

    def absent(self, array: str) -> set[str]:
        """The columns that fields of the level read and that are not there."""
        return {column for one in level(self.mapping, array) for column in one.columns if self.is_absent(array, column)}

    def cell(self, array: str, column: str) -> pl.Expr:
        """A cell of a level; missing where its source says so."""
        if self.is_absent(array, column):
            return pl.lit(None, dtype=pl.String)
        return without_nulls(pl.col(CELL + column), self._null_values(self._source(array, column)[0]))

    def keys(self, array: str, origin: Child) -> Keys:
        """How rows of a level find those of another source."""
        table, nulls = self.tables[origin.source], self._null_values(origin.source)
        theirs = tuple(without_nulls(cell_of(table, column), nulls) for column, _ in origin.on)
        return Keys(tuple(self.cell(array, column) for _, column in origin.on), theirs)

    def _source(self, array: str, column: str) -> tuple[str | None, str]:
        """The source that a column of a level is from (None for a JSON text), and its name there."""
        if found := lookup_of(self.mapping, column):
            return (found[0].origin.source if isinstance(found[0].origin, Child) else None), found[1]
        return rows_of(self.mapping, array), column

    def _null_values(self, source: str | None) -> tuple[str, ...]:
        return self.mapping.sources[source].null_values if source else self.mapping.source.null_values
