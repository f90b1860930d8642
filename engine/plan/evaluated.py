"""Rows that went through the stages of a plan: what may be asked of them, whatever their columns are called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from engine.digests.keys import Digests, RowKey
from engine.mapping.model import ID
from engine.plan.checks import Check
from engine.plan.names import cell_name, child_rows_name
from engine.sources.batch import source_rows
from engine.sources.names import FILE, MEMBERS, ROW
from engine.sources.secondary import SourceRows
from engine.values.frames import col


@dataclass(frozen=True)
class Layout:
    """What all rows of a plan have: the source's `columns`, and `child_rows`, the arrays of child rows with their sources."""

    columns: tuple[str, ...]
    child_rows: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class EvaluatedRow:
    """One row for Python: its number, its file, its `cells` by the source's columns, its values by path, and what it breaks."""

    number: int
    file: str
    cells: Mapping[str, str]
    values: Mapping[str, Any]

    def breaks(self, check: Check) -> bool:
        """Whether the row breaks a check."""
        return bool(self.values[check.flag])


@dataclass(frozen=True)
class Evaluated:
    """Rows with their cells, values and verdicts, column by column; never changed, and nothing is copied that can be shared.

    Every series has one item for each row, in their order. `frame` is for the expressions of the plan that made it; its other columns are
    named in `engine.plan.names`.
    """

    frame: pl.DataFrame
    layout: Layout

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def row_numbers(self) -> pl.Series:
        """The rows' numbers in the source (Int64); that of its first row for a group."""
        return self.frame[ROW]

    @property
    def source_rows(self) -> int:
        """How many rows of the source these are: more than themselves where rows are grouped."""
        return source_rows(self.frame)

    def values(self, path: str) -> pl.Series:
        """The values of a field or an array of the document, in the dtype of its type; null for a missing one."""
        return self.frame[path]

    def broken(self, checks: Iterable[Check]) -> pl.Series:
        """Which rows break one of these checks (Boolean)."""
        flags = [check.flag for check in checks]
        return self.frame.select(pl.any_horizontal(flags)).to_series() if flags else pl.repeat(value=False, n=len(self), eager=True)

    def counts(self, checks: Iterable[Check]) -> dict[Check, int]:
        """How many rows break each check; checks that no row breaks are left out."""
        checks = list(checks)
        sums: tuple[int, ...] = self.frame.select(col(check.flag).sum() for check in checks).row(0) if checks else ()
        return {check: count for check, count in zip(checks, sums, strict=True) if count}

    def digests(self, key: RowKey) -> Digests:
        """The digest of each row's key."""
        return key.digests(self.frame)

    def distinct(self, key: RowKey) -> tuple[int, ...]:
        """How many different values each part of a key has."""
        return self.frame.select(part.n_unique().alias(str(place)) for place, part in enumerate(key.parts)).row(0)

    @property
    def embedded(self) -> list[SourceRows]:
        """The rows of secondary sources that are in the documents."""
        return [(source, self.frame[child_rows_name(path)].explode()) for path, source in self.layout.child_rows]

    def filter(self, mask: pl.Series) -> Evaluated:
        """The rows where the mask is true."""
        return self if mask.all() else replace(self, frame=self.frame.filter(mask))

    def at(self, index: int) -> Evaluated:
        """The row at this place alone."""
        return replace(self, frame=self.frame[index : index + 1])

    def without(self, indexes: Iterable[int]) -> Evaluated:
        """The other rows than those at these places."""
        gone = pl.Series([*indexes], dtype=pl.Int64)
        return self if gone.is_empty() else self.filter(~pl.int_range(len(self), eager=True).is_in(gone.implode()))

    def with_ids(self, ids: pl.Series) -> Evaluated:
        """The same with these values for `_id`."""
        return replace(self, frame=self.frame.with_columns(ids.alias(ID)))

    def without_values(self) -> Evaluated:
        """The same without values and flags, which take most of the memory: enough to say where the rows ended, and to reject them."""
        cells, rows = map(cell_name, self.layout.columns), (child_rows_name(path) for path, _ in self.layout.child_rows)
        members = [MEMBERS] if MEMBERS in self.frame.columns else []
        return replace(self, frame=self.frame.select(ROW, FILE, *members, *cells, *rows))

    def rows(self) -> Iterator[EvaluatedRow]:
        """One by one."""
        columns = [(name, cell_name(name)) for name in self.layout.columns]
        for row in self.frame.iter_rows(named=True):
            yield EvaluatedRow(row[ROW], row[FILE], {name: row[cell] for name, cell in columns}, row)

    def row(self, index: int) -> EvaluatedRow:
        """The row at this place."""
        return next(self.at(index).rows())
