"""The ledger as one run sees it: what it loads, how far it is, how it ended, and which earlier run it may resume."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any

from engine import __version__
from engine.apply.recorded import recorded
from engine.errors import TargetError, finding
from engine.mapping.model import Mapping
from engine.mongo.ledger import Ledger
from engine.mongo.records import Actor, Outcome, RunRecord
from engine.mongo.state import CollectionState
from engine.run.report import Report
from engine.sources import RowReader


class Journal:
    """Records the progress of a run for later runs.

    `source` is the file as it is, before anything is joined to its rows; `resumes`: it may resume another run.
    """

    def __init__(self, ledger: Ledger, record: RunRecord, source: RowReader, *, resumes: bool) -> None:
        self._ledger, self._record, self._source, self._resumes = ledger, record, source, resumes
        self.published = False

    def begin(self) -> list[str]:
        """Write the run record: from now on other runs see this one. Returns the runs before it that died."""
        return self._ledger.start(self._record)

    def stage(self, name: str) -> None:
        """A stage begins."""
        self._ledger.set_fields(stage=name)

    def opened(self, uuid: str) -> None:
        """The collection of this UUID is the run's own, whatever becomes of the run; none where it is empty."""
        if uuid:
            self._ledger.set_fields(uuid=uuid)

    def record_progress(self, row: int) -> None:
        """All rows up to this one are in the live collection, and were read back."""
        self._ledger.set_fields(rows_done=row)

    def resumable(self) -> tuple[str, int]:
        """An unfinished run of the same load, and the last row that it read back (0: none). Call it after the source was read once."""
        digest = self._source.fingerprint["sha256"]
        if not (self._resumes and isinstance(digest, str)):
            return "", 0
        self._record = replace(self._record, source_sha256=digest)
        self._ledger.set_fields(source_sha256=digest)
        run, row = self._ledger.unfinished(self._record)
        if row:
            self._ledger.set_fields(rows_done=row, resumed=run)
        return run, row

    def publish(self, report: Report, live: CollectionState, facts: dict[str, Any]) -> None:
        """The run is live; `facts` are further fields of its record."""
        details = {"source_file": self._source.fingerprint} | report.as_json()
        rejected = report.rejected_rows.known
        known = {} if rejected is None else {"rejected": rejected}
        self._ledger.finish(report.outcome, details, live=live, **known, **facts)
        self.published = True

    def end(self, report: Report) -> None:
        """The run failed or was interrupted. An error in recording that is ignored: the user must see the failure itself."""
        with suppress(TargetError):
            self._ledger.finish(report.outcome, report.as_json())


def record_of(mapping: Mapping, report: Report, by: Actor, limit: int | None, beside: Iterable[str]) -> RunRecord:
    """The run record of a run that starts; `beside` are the runs whose documents have another shape.

    To be called in the environment in which the mapping was loaded.
    """
    return RunRecord(
        report.run_id,
        mapping.target.database,
        mapping.target.collection,
        by=by,
        mode=mapping.target.mode,
        engine=__version__,
        mapping=mapping.name,
        mapping_sha256=sha256(mapping.text.encode()).hexdigest(),
        meaning_sha256=mapping.digest,
        applied=recorded(mapping),
        beside=tuple(beside),
        limit=limit,
        details={"mapping_text": mapping.text, "source": report.source},
    )


@contextmanager
def journaled(journal: Journal, report: Report) -> Iterator[None]:
    """Keep the run record, also of a run that fails. Raises TargetError where a published run could not be recorded as one."""
    died = "died: its process ended without a word, as when it is killed or the system runs out of memory"
    report.notes += [f"run {run} {died}" for run in journal.begin()]
    try:
        yield
    except BaseException as error:
        if journal.published:
            raise
        if report.outcome is Outcome.PUBLISHED and isinstance(error, TargetError):
            hint = "readers see the new documents; check the server, then run again to record it"
            unrecorded = finding("ledger_unwritten", "the documents ARE live, but the run could not be recorded", hint=hint)
            raise TargetError([unrecorded, *error.findings]) from None
        journal.end(report)
        raise
