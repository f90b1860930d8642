"""Rejected rows that somebody has corrected, as a task: a run in mode upsert of just these rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.errors import DataError, UsageError, finding
from engine.mapping.model import Array, Mapping, RowsOrigin
from engine.mongo.ledger import Ledger
from engine.mongo.records import Outcome
from engine.run.corrections import RejectsSource, ranges
from engine.run.report import Report
from engine.run.session import LoadTask

MISSES = frozenset({"reject_limit", "duplicate_limit", "nothing_to_publish", "unmatched_limit"})  # rows that are wrong again stop no retry


def retry_task(mapping: Mapping, file: Path) -> LoadTask:
    """The rows of a corrected rejects file; those that are wrong again go to a new one.

    Raises:
        UsageError: the documents' `_id`s are random, so a row that is loaded twice would be there twice.
        DataError: it is not a rejects file of this mapping.
    """
    if mapping.identity and not mapping.identity.hash and not mapping.target.key_paths:
        message = "with random ObjectIds, a row that is retried twice would be stored twice"
        hint = "correct the source and run again, or use id: {hash: …}"
        raise UsageError(finding("random_id", message, hint=hint, file=str(mapping.file)))
    retry = _Retry(RejectsSource(file, mapping), mapping)
    upsert = replace(
        mapping,
        target=mapping.target if mapping.target.amends else replace(mapping.target, mode="upsert"),
        source=replace(mapping.source, paths=(str(file),)),
        arrays=tuple(map(_without_orphans, mapping.arrays)),
    )
    return LoadTask(upsert, retry.open, retry.facts, resumes=False, allow=MISSES, command="rejects retry")


@dataclass
class _Retry:
    """`origin` is the run that rejected the rows first; known once the ledger was asked."""

    source: RejectsSource
    mapping: Mapping
    origin: str = field(default="", init=False)

    def open(self, ledger: Ledger | None) -> RejectsSource:
        self.origin = _origin(ledger, self.source.run, self.mapping) if ledger else ""
        return self.source

    def facts(self, report: Report) -> dict[str, Any]:
        left = {reject.row for reject in RejectsSource(Path(report.rejects_file)).rejects()} if report.rejects_file else set[int]()
        return {"retry_of": self.origin, "settled": tuple(ranges(set(self.source.rows) - left))}


def _without_orphans(array: Array) -> Array:
    """The array, ignoring orphans: most rows of a secondary source belong to documents that were loaded before."""
    return replace(array, origin=replace(array.origin, orphans="ignore")) if isinstance(array.origin, RowsOrigin) else array


def _origin(ledger: Ledger, run: str, mapping: Mapping) -> str:
    """The run that first rejected the rows. Raises DataError where its documents are no longer live: these rows do not belong there."""
    found = ledger.find(run)
    origin = found.retry_of if found and found.retry_of else run
    first = ledger.find(origin)
    if first is None or first.outcome is not Outcome.PUBLISHED:
        message = f"run {origin} is not in the ledger of {mapping.target.database}, or was not published"
        raise DataError(finding("not_published", message, hint="correct the source and run again"))
    newer = ledger.newest_load()
    if mapping.target.mode in ("replace", "sync") and newer != origin:
        message = f"run {newer} has replaced the documents of run {origin} since"
        raise DataError(finding("superseded", message, hint="retry the rows that the newer run rejected"))
    return origin
