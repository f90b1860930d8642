"""What is known of the sources when a mapping is compiled: their headers, their tables, and what a cell of a level is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from engine.mapping.columns import fields_at, rows_of
from engine.mapping.model import Mapping as Model
from engine.mapping.model import RowsOrigin
from engine.plan.cells import without_nulls
from engine.plan.joins import JoinKeys, cell_of
from engine.plan.names import cell_name
from engine.sources.secondary import SecondarySource
from engine.values.columns import ColumnKind, ColumnRef
from engine.values.frames import col


@dataclass(frozen=True)
class SourceContext:
    """`columns` are the document's source's, `missing` those of each source that are read but missing."""

    mapping: Model
    columns: Sequence[str]
    missing: Mapping[str, set[str]]
    secondary_sources: Mapping[str, SecondarySource]

    def header(self, array: str) -> Sequence[str]:
        """The columns of the source that a level's rows are made of; none for members of a JSON text."""
        source = rows_of(self.mapping, array)
        return () if source is None else self.secondary_sources[source].columns if source else self.columns

    def is_missing(self, column: ColumnRef) -> bool:
        """Whether a column is missing, and the mapping allows it."""
        if column.source is None or column.kind is ColumnKind.NUMBERED:
            return False
        return column.name in self.missing.get(column.source, ())

    def missing_columns(self, array: str) -> set[str]:
        """The missing columns that fields of the level read."""
        return {column.written for field in fields_at(self.mapping, array) for column in field.columns if self.is_missing(column)}

    def cell(self, column: ColumnRef) -> pl.Expr:
        """A cell of a level; missing where its source says so."""
        if self.is_missing(column):
            return pl.lit(None, dtype=pl.String)
        return without_nulls(col(cell_name(column.written)), self._null_values(column.source))

    def keys(self, origin: RowsOrigin) -> JoinKeys:
        """How rows of a level are matched with those of a secondary source."""
        table, nulls = self.secondary_sources[origin.source], self._null_values(origin.source)
        right = tuple(without_nulls(cell_of(table, column), nulls) for column, _ in origin.on)
        return JoinKeys(tuple(self.cell(column) for _, column in origin.on), right)

    def _null_values(self, source: str | None) -> tuple[str, ...]:
        return self.mapping.sources[source].null_values if source else self.mapping.source.null_values
