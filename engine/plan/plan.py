"""A mapping, compiled once into polars expressions; after this, nothing on the batch path looks at the mapping.

The expressions run in stages, each over the columns that the one before it made (`levels`). A flag is a Boolean column, true where a row
breaks the check; flags are never null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePath

import polars as pl

from engine.digests.keys import RowKey
from engine.documents.bson import Encoder, compile_shape
from engine.errors import DataError, Finding
from engine.mapping.columns import expand
from engine.mapping.model import Mapping, RowsOrigin
from engine.plan.cells import as_cells
from engine.plan.checks import Check
from engine.plan.compiler import Compiler
from engine.plan.evaluated import Evaluated, Layout
from engine.plan.groups import conflicts
from engine.plan.header import check_header
from engine.plan.levels import Level
from engine.plan.rows import KeyParts, near_key, row_keys
from engine.plan.shape import shape
from engine.plan.trace import LevelTrace
from engine.sources.names import FILE, FIRST, ROW
from engine.sources.secondary import SecondarySource, SourceRows, members
from engine.values.frames import chosen, col


@dataclass(frozen=True)
class Verdicts:
    """What became of one batch. Filtered rows are only counted; `asked` are the rows of secondary sources that its arrays looked up."""

    accepted: Evaluated
    rejected: Evaluated
    filtered: int
    asked: tuple[SourceRows, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A compiled mapping for one header; it keeps nothing of what it evaluates.

    `columns` are the source's; the frames given to `apply` have them and ROW. `keys` gives what identifies a row.
    """

    mapping: Mapping
    columns: tuple[str, ...]
    level: Level
    checks: tuple[Check, ...]
    keys: MappingOf[KeyParts, RowKey]
    encoder: Encoder = field(repr=False)
    secondary_sources: MappingOf[str, SecondarySource] = field(default_factory=dict, repr=False)
    conflicts: pl.DataFrame | None = field(default=None, repr=False)
    warnings: tuple[str, ...] = ()

    def evaluate(self, frame: pl.DataFrame) -> Evaluated:
        """Run the stages over a batch: none of its rows is judged yet."""
        return self._evaluate(frame, [])

    def apply(self, frame: pl.DataFrame) -> Verdicts:
        """Run the stages over a batch. Raises DataError where a check with outcome `fail` is broken."""
        asked: list[SourceRows] = []
        done = self._evaluate(frame, asked)
        broken = done.counts(self.checks)
        kept = done.filter(~done.broken(_with(broken, "filter")))
        self._stop_at_failures(kept, broken)
        rejected = kept.broken(_with(broken, "reject"))
        return Verdicts(kept.filter(~rejected), kept.filter(rejected), done.source_rows - kept.source_rows, tuple(asked))

    def _evaluate(self, frame: pl.DataFrame, asked: list[SourceRows]) -> Evaluated:
        if FILE not in frame.columns:  # rows that do not come from a file, such as a test's
            frame = frame.with_columns(pl.lit(PurePath(self.mapping.source.path).name).alias(FILE))
        cells = as_cells(frame, self.columns)
        if self.conflicts is not None:
            cells = cells.join(self.conflicts, on=ROW, how="left", maintain_order="left")
        return Evaluated(self.level.evaluate(cells, asked), self._layout)

    @property
    def _layout(self) -> Layout:
        arrays = ((array.path, array.origin) for array in self.mapping.arrays)
        return Layout(self.columns, tuple((path, origin.source) for path, origin in arrays if isinstance(origin, RowsOrigin)))

    def encode(self, rows: Evaluated) -> pl.Series:
        """The rows' documents as BSON (Binary). They have an `_id`."""
        return self.encoder.encode(rows.frame)

    def with_placeholder_ids(self, rows: Evaluated) -> Evaluated:
        """An `_id` of the right type where it is the engine's to give: for documents that are looked at, and not stored."""
        return (
            rows.with_ids(pl.repeat(bytes(self.mapping.id_type.width), len(rows), dtype=pl.Binary, eager=True))
            if self.mapping.identity
            else rows
        )

    def near_key(self) -> RowKey | None:
        """The row without the columns that near-duplicates differ in, where they are looked for. Raises DataError as `rows.near_key`."""
        return near_key(self.mapping, self.columns)

    def grouped(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The first row of each group, where rows are grouped."""
        return frame.unique(chosen(*self.mapping.group_by), keep="first", maintain_order=True) if self.mapping.group_by else frame

    def with_group_rows(self, rejected: Evaluated) -> Evaluated:
        """Where rows are grouped, all rows of the groups with these first rows: each with its own cells, and the flags of the first."""
        if not self.mapping.group_by or not len(rejected):
            return rejected
        found = members(self.secondary_sources[""], self.mapping.group_by, rejected.row_numbers)
        cells = as_cells(found, self.columns)
        there = (check.flag for check in self.checks if check.flag in rejected.frame.columns)
        flags = rejected.frame.select(col(ROW).alias(FIRST), *there)
        return replace(rejected, frame=cells.join(flags, on=FIRST, how="left", maintain_order="left"))

    def traces(self, rows: Evaluated) -> dict[str, LevelTrace]:
        """How the values came about: of the document, under an empty name, and of the elements of each array."""
        return dict(LevelTrace(self.level, rows.frame).with_arrays())

    def _stop_at_failures(self, done: Evaluated, broken: Iterable[Check]) -> None:
        for check in _with(broken, "fail"):
            if len(rows := done.row_numbers.filter(done.broken([check]))):
                where = ", ".join(
                    [f"row {rows[0]}", *([f"column {check.column!r}"] if check.column else []), *([check.path] if check.path else [])]
                )
                hint = "correct the row, or let the mapping reject such rows instead of failing"
                message = f"{where}: {check.message}"
                raise DataError(Finding(0, 0, check.code, message, hint=hint, file=self.mapping.source.path))


def _with(checks: Iterable[Check], outcome: str) -> Iterator[Check]:
    return (check for check in checks if check.outcome == outcome)


def compile_plan(mapping: Mapping, columns: Sequence[str], *, now: datetime, tables: MappingOf[str, SecondarySource] | None = None) -> Plan:
    """Compile a mapping for a source with these columns, and the tables that its arrays and lookups read.

    Raises:
        DataError: a header is not the one that the mapping expects, or a lookup's key is not unique.
    """
    tables, mapping = tables or {}, expand(mapping, columns)
    headers = {"": check_header(mapping, columns)} | {
        name: check_header(mapping, source.columns, name) for name, source in tables.items() if name
    }
    missing = {name: found for name, (found, _) in headers.items()}
    compiler = Compiler(mapping, columns, missing, tables, now)
    level = compiler.level()
    return Plan(
        mapping=mapping,
        columns=tuple(columns),
        level=level,
        checks=tuple(compiler.checks.found),
        keys=row_keys(mapping, columns),
        encoder=compile_shape(shape(mapping)),
        secondary_sources=tables,
        conflicts=conflicts(mapping, tables[""], missing[""]) if mapping.group_by else None,
        warnings=tuple(note for _, notes in headers.values() for note in notes),
    )
