"""The run: what is loaded, when it counts as good, and how it becomes live. The batch loop itself is in `loading`."""

from __future__ import annotations

import os
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from types import FrameType

from engine.digests.checksum import Content
from engine.errors import DataError, TargetError, problem
from engine.mongo.sink import SERVER_VALIDATOR, Sink
from engine.plan import Plan, compile_plan
from engine.run.loading import Job, Loader, look_ahead, random_ids
from engine.run.report import Accounting, Report
from engine.run.secondary import account_others
from engine.sources import notes
from engine.sources.secondary import Table, read_others

__all__ = ["Job", "new_run_id", "random_ids", "run"]
RESUMED = ("upsert", "append")


def new_run_id() -> str:
    """Time and chance: sorts by time, never meets another."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ-") + secrets.token_hex(3)


def run(job: Job, report: Report) -> None:
    """Check, load, index, verify, publish. Fills the report as it goes.

    Raises EngineError, after which nothing of the run is live in mode replace; in the others, whole documents of it may be.
    """
    with prepared(job, report) as publish:
        publish()


@contextmanager
def prepared(job: Job, report: Report) -> Iterator[Callable[[], None]]:
    """All of a run but the last step, which it gives: make it live. What is not made live is discarded at the end, or at any failure."""
    started, complete = time.monotonic(), False
    try:
        refuse_part(job)
        sent = load(job, report)
        if job.sink:
            refuse_nothing(job, sent)
            check(job, report, job.sink, sent)
        complete = True
        yield partial(publish, job, report, started)
        if report.outcome == "running" and job.sink:
            discard(report, job.sink)
    except BaseException as error:
        if report.outcome != "published":
            held_back = complete and "publish" not in report.stages  # it is another collection of the mapping that failed
            report.outcome = "interrupted" if isinstance(error, KeyboardInterrupt) else "not published" if held_back else "failed"
            if job.sink:
                discard(report, job.sink)
        raise
    finally:
        tell(job, report, started)


def load(job: Job, report: Report) -> Content:
    """Every row to its place; what the target accepted."""
    tables: dict[str, Table] = {}
    if job.mapping.sources or job.mapping.group_by:
        with timed(job, report, "sources"):
            tables, job.source = read_others(job.mapping, job.source)
    plan = compile_plan(job.mapping, job.source.columns, now=job.now, tables=tables)
    report.notes += plan.warnings
    if job.mapping.dedup and job.mapping.dedup.looks_ahead:
        with timed(job, report, "decide"):
            job.winners = look_ahead(job, plan, report)
    if job.sink and job.sink.in_place:
        rehearse(job, plan, report)
    loader = make_loader(job, plan, report)
    with timed(job, report, "load"):
        if job.sink:
            job.sink.open()
        loader.load()
    report.notes += [*drifted(report), *notes(job.source)]
    account_others(job, plan, report, published(job))
    check_limits(job, report)
    return loader.sent


def refuse_part(job: Job) -> None:
    """Raises DataError where `--limit` would replace a live collection by a part of the source."""
    if job.limit is not None and job.sink and (live := job.sink.replaced()):
        message = f"the first {job.limit:,} rows would replace the {live:,} documents that are live"
        hint = "--dry-run, or engine preview, or another target.collection"
        raise DataError(problem("limited_replace", message, hint=hint, file=str(job.mapping.file)))


def refuse_nothing(job: Job, sent: Content) -> None:
    """Raises DataError where nothing at all would replace a live collection."""
    if not sent.count and job.sink and (live := job.sink.replaced()):
        message = f"no document came of the source, and {live:,} are live; nothing was published"
        hint = "is it the right source, are all rows rejected? to empty the collection, drop it on the server"
        raise DataError(problem("nothing_to_publish", message, hint=hint, file=str(job.mapping.file)))


def rehearse(job: Job, plan: Plan, report: Report) -> None:
    """Before anything goes into a live collection: read the whole source and judge every row, to know before what is wrong with it."""
    if job.source.size is None:
        report.notes.append("standard input is read once: what is wrong with it is found when the rows before are live already")
        return
    with timed(job, report, "check"):
        dry = replace(job, sink=None)
        Loader(dry, plan, report).load()
        account_others(dry, plan, report, published(dry))
        check_limits(dry, report)
    report.accounting = Accounting()
    report.rejects, report.warnings, report.nulled = Counter(), Counter(), Counter()


def make_loader(job: Job, plan: Plan, report: Report) -> Loader:
    """A loader, which in the modes that can be resumed goes on where an earlier run stopped, and leaves word of how far it is."""
    if not (job.sink and job.journal and job.mapping.target.mode in RESUMED):
        return Loader(job, plan, report)
    earlier, after = job.journal.unfinished()
    if after:
        report.notes.append(f"goes on where run {earlier} ended: rows up to {after:,} are in the collection, and were read back then")
    return Loader(job, plan, report, after, job.journal.settled)


def check(job: Job, report: Report, sink: Sink, sent: Content) -> None:
    """From loaded to ready: indexes, and meanwhile what was sent is read back."""
    verifier = ThreadPoolExecutor(1, thread_name_prefix="verifier")
    try:
        reading = verifier.submit(sink.read_back)
        with timed(job, report, "index"):
            sink.build(job.mapping.indexes)
            report.indexes = ["_id_", *(index.name for index in job.mapping.indexes)]
        with timed(job, report, "verify"):
            verify(reading.result(), sent)
    except BaseException:
        sink.stop()
        raise
    finally:
        verifier.shutdown(wait=False)  # a server that does not answer must not hold up the end of the run


def publish(job: Job, report: Report, started: float) -> None:
    """From ready to live; a dry run only says so."""
    if not job.sink:
        report.outcome = "dry run"
        return
    with timed(job, report, "publish"), undisturbed(at_once=not job.sink.in_place):
        live = job.sink.publish()
        report.checksum, report.live_documents = live.checksum, live.count
        report.outcome = "published"
    tell(job, report, started)  # the ledger is written before `prepared` ends


def tell(job: Job, report: Report, started: float) -> None:
    """What became of documents, and what it took."""
    report.changes |= job.sink.changes if job.sink else {}
    report.seconds, report.peak_memory_mb = time.monotonic() - started, peak_memory_mb()


@contextmanager
def undisturbed(*, at_once: bool) -> Iterator[None]:
    """Put off SIGINT and SIGTERM, where what happens takes no time, so that it has happened or has not."""
    if not at_once or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def later(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    usual = {number: signal.signal(number, later) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def discard(report: Report, sink: Sink) -> None:
    """Remove what was written; where even that fails, the failure that led here is what the user must hear of."""
    try:
        sink.discard()
    except TargetError:
        report.notes.append("the staging collection could not be removed")


@contextmanager
def timed(job: Job, report: Report, stage: str) -> Iterator[None]:
    """Announce a stage and note how long it took."""
    job.progress.stage(stage)
    if job.journal:
        job.journal.stage(stage)
    started = time.monotonic()
    try:
        yield
    finally:
        report.stages[stage] = time.monotonic() - started


def drifted(report: Report) -> list[str]:
    """A note where the server refused what the mapping accepts; which keywords and paths, the rejects say."""
    refused = sum(rows for reason, rows in report.rejects.items() if reason.code == SERVER_VALIDATOR)
    message = f"the server's validator refused {refused:,} documents that the mapping accepts: the two have drifted apart"
    return [f"{message} (was the validator changed by someone else?)"] if refused else []


def check_limits(job: Job, report: Report) -> None:
    """Raises DataError when more rows were rejected, or dropped as duplicates, than allowed, or when the accounting does not balance."""
    counts, limit = report.accounting, job.mapping.limit
    rejected = counts.rejected + sum(one.malformed for one in report.others)
    rows = counts.rows_read + sum(one.rows_read for one in report.others if one.malformed)
    if limit.exceeded(rejected, rows):
        message = f"{rejected:,} of {rows:,} rows were rejected, the limit is {limit.of('rows')}; {published(job)}"
        kept = report.rejects_file or "the files that the notes name"
        hint = f"look into {kept}, correct the source or the mapping, or raise limits.rejects"
        raise DataError(problem("reject_limit", message, hint=hint, file=str(job.mapping.file)))
    if job.mapping.duplicates.exceeded(counts.duplicates, counts.rows_read):
        allowed = job.mapping.duplicates.of("rows")
        message = f"{counts.duplicates:,} of {counts.rows_read:,} rows are duplicates, the limit is {allowed}; {published(job)}"
        hint = "does dedup.on name a row? correct it or the source, or raise limits.duplicates"
        raise DataError(problem("duplicate_limit", message, hint=hint, file=str(job.mapping.file)))
    if not counts.balanced:
        raise DataError(problem("unbalanced", f"the accounting does not balance: {counts}; {published(job)}", hint="please report this"))


def published(job: Job) -> str:
    """What a failed run has left, in words."""
    return "what the target accepted is live already" if job.sink and job.sink.in_place else "nothing was published"


def verify(found: Content, sent: Content) -> None:
    """Raises TargetError when what was read back is not what was sent."""
    if found != sent:
        message = f"sent {sent.count:,} documents with checksum {sent.checksum}, read back {found.count:,} with {found.checksum}"
        raise TargetError(problem("not_as_sent", message, hint="look at the server's log, then run again"))


def peak_memory_mb() -> float:
    """Peak resident memory of this process in MB (0 where the platform does not tell)."""
    try:
        import resource  # noqa: PLC0415 -- not on Windows
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if os.uname().sysname == "Darwin" else 1 << 10), 1)
