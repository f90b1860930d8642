"""Rejected rows that somebody has corrected, as a task: a run in place of just these rows, in mode upsert where the mapping has another.

Only rows that the run rejected are taken. Where another run was published since, a live document that differs may be that run's: it stays,
and the row is rejected again as `superseded`, unless that is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.errors import DataError, UsageError, finding
from engine.mapping.model import Array, Mapping, RowsOrigin
from engine.mongo.ledger import Ledger
from engine.mongo.records import Outcome, RunRecord
from engine.run.allowing import or_allow
from engine.run.corrections import RejectsSource
from engine.run.report import Report
from engine.run.rowranges import ranges
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
        target=mapping.target if mapping.target.amends or mapping.target.mode == "append" else replace(mapping.target, mode="upsert"),
        source=replace(mapping.source, paths=(str(file),)),
        arrays=tuple(map(_without_orphans, mapping.arrays)),
    )
    return LoadTask(upsert, retry.open, retry.facts, retry.superseded, resumes=False, allow=MISSES, command="rejects retry")


@dataclass
class _Retry:
    """`origin` is the run that rejected the rows first; known once the ledger was asked."""

    source: RejectsSource
    mapping: Mapping
    origin: RunRecord = field(default=RunRecord(""), init=False)

    def open(self, ledger: Ledger | None) -> RejectsSource:
        if ledger:
            rejecting, self.origin = self._runs(ledger)
            if rejecting.rejected is None:
                message = f"the ledger does not have the numbers of all rows that run {rejecting.run_id} rejected: they are too many"
                raise DataError(finding("too_many_rejects", message, hint="correct the source and run again"))
            self.source.rejected = [*rejecting.rejected]
        return self.source

    def superseded(self, ledger: Ledger) -> str:
        """Empty, or a run published since, which may have written these documents. Raises DataError where no row belongs there any more."""
        later = ledger.later_load(self.origin)
        if later and self.mapping.target.mode in ("replace", "sync", "delete"):
            message = f"run {later} has loaded the collection since run {self.origin.run_id} rejected the rows"
            raise DataError(finding("superseded", message, hint=f"retry the rows that the later run rejected, {or_allow('superseded')}"))
        return later

    def facts(self, report: Report) -> dict[str, Any]:
        left = {reject.row for reject in RejectsSource(Path(report.rejects_file)).rejects()} if report.rejects_file else set[int]()
        return {"retry_of": self.origin.run_id, "settled": tuple(ranges(set(self.source.rows) - left))}

    def _runs(self, ledger: Ledger) -> tuple[RunRecord, RunRecord]:
        """The run that rejected the rows of the file, and the one that rejected them first."""
        rejecting = self._published(ledger, self.source.run)
        return rejecting, self._published(ledger, rejecting.retry_of) if rejecting.retry_of else rejecting

    def _published(self, ledger: Ledger, run: str) -> RunRecord:
        record = ledger.find(run)
        if record is None or record.outcome is not Outcome.PUBLISHED:
            message = f"run {run} is not in the ledger of {self.mapping.target.database}, or was not published"
            raise DataError(finding("not_published", message, hint="correct the source and run again"))
        return record


def _without_orphans(array: Array) -> Array:
    """The array, ignoring orphans: most rows of a secondary source belong to documents that were loaded before."""
    return replace(array, origin=replace(array.origin, orphans="ignore")) if isinstance(array.origin, RowsOrigin) else array
