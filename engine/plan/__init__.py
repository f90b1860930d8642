"""A mapping, compiled once into polars expressions; after this, nothing on the batch path looks at the mapping.

The expressions run in stages, each over the columns that the one before it made (`levels`). A flag is a Boolean column, true where a row
breaks the check; flags are never null.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath

import polars as pl

from engine.digests.keys import RowKey
from engine.documents.bson import Encoder, compile_shape
from engine.errors import DataError, Finding
from engine.mapping.columns import expand
from engine.mapping.model import Child, Field, Mapping
from engine.plan.cells import CELL, value_of, way, when_name
from engine.plan.checks import Check, broken_by
from engine.plan.groups import conflicts
from engine.plan.header import check_header
from engine.plan.joins import ROWS
from engine.plan.levels import Compiler, Level
from engine.plan.rows import KeyParts, row_keys
from engine.plan.shape import shape
from engine.sources.batch import FILE, ROW
from engine.sources.secondary import FIRST, Table, members, weight

__all__ = ["CELL", "Check", "Level", "Plan", "Verdicts", "compile_plan", "shape", "value_of", "way", "when_name"]


@dataclass(frozen=True)
class Verdicts:
    """What became of one batch. The frames hold ROW, the source cells (`CELL` + name), the values by path and the flags of the checks.

    Filtered rows are only counted.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    filtered: int


@dataclass(frozen=True)
class Plan:
    """A compiled mapping for one header.

    `columns` are the source's; the frames given to `apply` have them and ROW. `keys` gives what a row is known by.
    """

    mapping: Mapping
    columns: tuple[str, ...]
    level: Level
    checks: tuple[Check, ...]
    keys: dict[KeyParts, RowKey]
    encoder: Encoder = field(repr=False)
    tables: MappingOf[str, Table] = field(default_factory=dict, repr=False)
    conflicts: pl.DataFrame | None = field(default=None, repr=False)
    warnings: tuple[str, ...] = ()

    def evaluate(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Run the stages over a batch: its rows with cells, texts, values and flags, none of them judged yet."""
        if FILE not in frame.columns:  # rows that are of no file, such as a test's
            frame = frame.with_columns(pl.lit(PurePath(self.mapping.source.path).name).alias(FILE))
        cells = frame.rename({name: CELL + name for name in self.columns})
        if self.conflicts is not None:
            cells = cells.join(self.conflicts, on=ROW, how="left", maintain_order="left")
        return self.level.evaluate(cells)

    def grouped(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The first row of each group, where rows are grouped."""
        return frame.unique(list(self.mapping.group_by), keep="first", maintain_order=True) if self.mapping.group_by else frame

    def apply(self, frame: pl.DataFrame) -> Verdicts:
        """Run the stages over a batch. Raises DataError where a check with outcome `fail` is broken."""
        done = self.evaluate(frame)
        broken = self.count(done, self.checks)
        if not broken:
            return Verdicts(done, done.clear(), 0)
        kept = done.filter(~broken_by(broken, "filter"))
        self._stop_at_failures(kept, broken)
        rejected = broken_by(broken, "reject")
        return Verdicts(kept.filter(~rejected), kept.filter(rejected), weight(done) - weight(kept))

    @property
    def carried(self) -> tuple[str, ...]:
        """The columns that say which rows of other sources are in a document."""
        return tuple(ROWS + one.path for one in self.mapping.arrays if isinstance(one.origin, Child))

    def embed(self, documents: pl.DataFrame) -> None:
        """Note which rows of other sources are in these documents."""
        for one in self.mapping.arrays:
            if isinstance(one.origin, Child):
                self.tables[one.origin.source].embed(documents[ROWS + one.path].explode())

    def whole(self, rejected: pl.DataFrame) -> pl.DataFrame:
        """Where rows are grouped, all rows of the groups that these begin: each with its own cells, and the flags of the first."""
        if not self.mapping.group_by or rejected.is_empty():
            return rejected
        cells = {name: CELL + name for name in self.columns}
        found = members(self.tables[""], self.mapping.group_by, rejected).rename(cells)
        flags = rejected.select(pl.col(ROW).alias(FIRST), *(check.flag for check in self.checks if check.flag in rejected.columns))
        return found.join(flags, on=FIRST, how="left", maintain_order="left")

    def count(self, done: pl.DataFrame, checks: Iterable[Check]) -> dict[Check, int]:
        """How many rows break each check; checks that no row breaks are left out."""
        checks = list(checks)
        sums: tuple[int, ...] = done.select(pl.col([check.flag for check in checks]).sum()).row(0) if checks else ()
        return {check: count for check, count in zip(checks, sums, strict=True) if count}

    def _stop_at_failures(self, done: pl.DataFrame, broken: Iterable[Check]) -> None:
        for check in broken:
            if check.outcome == "fail" and len(rows := done.filter(pl.col(check.flag))[ROW]):
                where = ", ".join(
                    [f"row {rows[0]}", *([f"column {check.column!r}"] if check.column else []), *([check.path] if check.path else [])]
                )
                hint = "correct the row, or let the mapping reject such rows instead of failing"
                message = f"{where}: {check.message}"
                raise DataError(Finding(0, 0, check.code, message, hint=hint, file=self.mapping.source.path))

    def explain(self) -> str:
        """The plan as text: each field's way from column to document, and the checks in their order."""
        lines = [f"{len(self.columns)} columns -> {len(self.mapping.fields)} fields, {len(self.checks)} checks"]
        lines += [f"  {one.path:<28} {one.type.name:<9} <- {_origin(one)}" for one in self.mapping.fields]
        lines += [f"  check {check.code:<18} {check.path:<28} {check.outcome:<7} {check.message}" for check in self.checks]
        return "\n".join(lines)


def _origin(one: Field) -> str:
    steps = [*(name for name, _ in one.transforms), *(["map"] if one.labels else []), *(["when"] if one.when else [])]
    if one.columns:
        return " | ".join([f"column {' and '.join(map(repr, one.columns))}", *steps])
    return " | ".join(["computed" if one.compute else f"the load's {one.meta}" if one.meta else "constant", *steps])


def compile_plan(mapping: Mapping, columns: Sequence[str], *, now: datetime, tables: MappingOf[str, Table] | None = None) -> Plan:
    """Compile a mapping for a source with these columns, and the tables that its arrays and lookups read.

    Raises:
        DataError: a header is not the one that the mapping expects, or a lookup's key is not unique.
    """
    tables, mapping = tables or {}, expand(mapping, columns)
    headers = {"": check_header(mapping, columns)} | {
        name: check_header(mapping, one.columns, name) for name, one in tables.items() if name
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
        tables=tables,
        conflicts=conflicts(mapping, tables[""], missing[""]) if mapping.group_by else None,
        warnings=tuple(note for _, notes in headers.values() for note in notes),
    )
