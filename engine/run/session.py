"""The story of a run: one collection's load as a `Session`; several of one mapping become live together, all or none.

The single steps are in `stages`, `limits` and `target`, the batch loop in `loading`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from engine.errors import EngineError, TargetError
from engine.mapping.model import Mapping
from engine.mongo.actors import actor
from engine.mongo.address import Address
from engine.mongo.ledger import Ledger
from engine.mongo.leftovers import remove_leftovers
from engine.mongo.locks import Lock
from engine.mongo.privileges import Task, task_of
from engine.mongo.records import Outcome
from engine.mongo.runids import new_run_id
from engine.mongo.server import server
from engine.mongo.sink import Sink
from engine.run.allowing import lifted
from engine.run.journal import Journal, journaled, record_of
from engine.run.limits import refuse_limited_replacement, refuse_shrunk_replacement
from engine.run.loading import Job
from engine.run.process import peak_memory_mb, signals_deferred
from engine.run.progress import RunProgress
from engine.run.report import Report
from engine.run.stages import compile_job, index_and_read_back, load_rows, rehearse, timed
from engine.run.target import choose_sink, connected, ownership_of, require_fitting, require_target
from engine.sources import RowReader


def _no_run(_: Ledger) -> str:
    return ""


def _nothing(_: Report) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class LoadTask:
    """What to load: `open` returns the source; its argument is the ledger, None in a dry run.

    `superseded` names a later run whose documents the task must not change; empty for none. `facts` is asked, after a published run, for
    further fields of its `RunRecord`. `resumes`: it may resume an unfinished run. `allow` are codes of `ALLOWED` that such a task never
    stops at. `command` is the one that loads.
    """

    mapping: Mapping
    open: Callable[[Ledger | None], RowReader]
    facts: Callable[[Report], dict[str, Any]] = _nothing
    superseded: Callable[[Ledger], str] = _no_run
    resumes: bool = True
    allow: frozenset[str] = frozenset()
    command: str = "run"

    @property
    def privileged(self) -> Task:
        """Its row of the table of privileges."""
        return task_of(self.command, self.mapping.target.mode if self.command == "run" else "")


@dataclass(frozen=True)
class Settings:
    """What the user asks of a run besides the mapping. `home`: where rejects files go; `allow`: codes of `ALLOWED`; `wait`: seconds.

    `reason` is why they load, for the ledger.
    """

    home: Path
    dry_run: bool = False
    limit: int | None = None
    allow: frozenset[str] = frozenset()
    wait: float = 0
    reason: str = ""


@dataclass
class Session:
    """One collection's load, from connecting to the server to the finished run record. `report` is filled on the way.

    `waiting`: it is ready, and its turn to become live has not come. `publishing`: its turn has come.
    """

    task: LoadTask
    settings: Settings
    progress: RunProgress
    report: Report = field(init=False)
    allow: frozenset[str] = field(init=False)
    waiting: bool = field(default=False, init=False)
    publishing: bool = field(default=False, init=False)
    started: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.allow = self.settings.allow | self.task.allow
        mapping = lifted(self.task.mapping, self.allow)
        self.task = replace(self.task, mapping=mapping)
        name = f"{mapping.target.database}.{mapping.target.collection}"
        self.report = Report(new_run_id(), mapping.name, mapping.version, mapping.source.path, name)

    @contextmanager
    def ready(self, address: Address | None) -> Iterator[Callable[[], None]]:
        """A load except for its last step. Yields the function that publishes. Without an address it is a dry run.

        Raises EngineError. Then nothing of the run is live in mode replace; in the other modes, complete documents may be.
        """
        with ExitStack() as stack:
            job = self._at_server(address, stack) if address else self._job(self.task.open(None))
            stack.enter_context(self._ending(job))
            refuse_limited_replacement(job)
            job, plan = compile_job(job, self.report)
            rehearse(job, plan, self.report)
            sent = load_rows(job, plan, self.report)
            if job.sink:
                refuse_shrunk_replacement(job, sent)
                index_and_read_back(job, self.report, job.sink, sent)
            self.waiting = True
            yield partial(self._make_live, job)

    def _at_server(self, address: Address, stack: ExitStack) -> Job:
        """The job at a server: connected, locked, cleaned up after runs that died, and recorded in the ledger."""
        mapping, report = self.task.mapping, self.report
        report.target = f"{address.shown}/{report.target}"
        client, profile = connected(address, mapping, report, stack)
        ledger = Ledger(client, mapping.target, report.run_id)
        lock = stack.enter_context(Lock(client, mapping.target, ledger, self.settings.wait))
        source = self.task.open(ledger)
        report.notes += [f"removed {name}, left by a run that died" for name in remove_leftovers(client, mapping.target)]
        later = "" if "superseded" in self.allow else self.task.superseded(ledger)
        report.notes += [f"run {later} was published since: live documents that differ from these rows stay"] if later else []
        fitting = require_fitting(client, ownership_of(client, mapping, profile, ledger), profile, ledger, self.allow)
        ownership = ownership_of(client, mapping, profile, ledger, fitting.beside)
        report.notes += fitting.notes
        sink = choose_sink(client, ownership, profile, lock, ledger, yields=bool(later))
        by = actor(client, mapping.file, self.settings.reason)
        record = lock.stamp(record_of(mapping, report, by, self.settings.limit, [shape.run for shape in fitting.beside]))
        journal = Journal(ledger, record, source, resumes=self.task.resumes and not mapping.sources)
        stack.enter_context(journaled(journal, report))
        return self._job(source, sink, journal)

    def _job(self, source: RowReader, sink: Sink | None = None, journal: Journal | None = None) -> Job:
        run, settings = self.report.run_id, self.settings
        return Job(self.task.mapping, source, sink, self.progress, settings.home, run, settings.limit, self.allow, journal=journal)

    @contextmanager
    def _ending(self, job: Job) -> Iterator[None]:
        """Whatever happens, the outcome is set and what is not live is discarded."""
        self.started = time.monotonic()
        try:
            yield
        except BaseException as error:
            if self.report.outcome is Outcome.RUNNING:
                self.report.outcome = self._failed_as(error)
            raise
        finally:
            if job.sink and self.report.outcome is not Outcome.PUBLISHED:
                self._discard(job.sink)
            self._add_totals(job)

    def _failed_as(self, error: BaseException) -> Outcome:
        if isinstance(error, KeyboardInterrupt):
            return Outcome.INTERRUPTED
        return Outcome.NOT_PUBLISHED if self.waiting else Outcome.FAILED

    def _make_live(self, job: Job) -> None:
        """From ready to live, and recorded; in a dry run only the outcome is set."""
        self.waiting, self.publishing = False, True
        if not (job.sink and job.journal):
            self.report.outcome = Outcome.DRY_RUN
            return
        with timed(job, self.report, "publish"), signals_deferred(atomic=not job.sink.writes_live):
            live = job.sink.publish()
            self.report.checksum, self.report.live_documents = live.checksum, live.count
            self.report.outcome = Outcome.PUBLISHED
        self.report.notes += job.sink.notes
        self._add_totals(job)
        job.journal.publish(self.report, job.sink.state(live), self.task.facts(self.report))

    def _add_totals(self, job: Job) -> None:
        """Add changes, seconds and peak memory to the report."""
        self.report.changes |= job.sink.changes if job.sink else {}
        self.report.seconds, self.report.peak_memory_mb = time.monotonic() - self.started, peak_memory_mb()

    def _discard(self, sink: Sink) -> None:
        """Remove what was written. A failure to do so is only noted: the user must see the failure that led here."""
        try:
            sink.discard()
        except TargetError:
            self.report.notes.append("the staging collection could not be removed")


def load_together(sessions: Sequence[Session]) -> None:
    """Prepare every collection, then publish all of them. None is begun if the target of one can take no load.

    Raises EngineError; the reports then say how far each one came.
    """
    several = len(sessions) > 1
    try:
        with ExitStack() as stack:
            settings = sessions[0].settings  # the same for all
            address = None if settings.dry_run else stack.enter_context(server(settings.wait))
            ready = []
            if address:
                _require_targets(address, [session.task for session in sessions])
            for session in sessions:
                with about(session.task.mapping, several=several):
                    ready.append(stack.enter_context(session.ready(address)))
            for session, make_live in zip(sessions, ready, strict=True):
                with about(session.task.mapping, several=several):
                    make_live()
    finally:
        for report in (session.report for session in sessions):
            if report.outcome is Outcome.RUNNING:  # its turn never came
                report.outcome = Outcome.NOT_PUBLISHED


def _require_targets(address: Address, tasks: Sequence[LoadTask]) -> None:
    for task in tasks:
        with about(task.mapping, several=len(tasks) > 1):
            require_target(address, task.privileged, task.mapping)


@contextmanager
def about(mapping: Mapping, *, several: bool) -> Iterator[None]:
    """With several collections, an error names the one that it is about."""
    try:
        yield
    except EngineError as error:
        if not several:
            raise
        raise type(error)([replace(item, message=f"{mapping.target.collection}: {item.message}") for item in error.findings]) from None
