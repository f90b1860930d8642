"""The stages of a load, each of which brings a job one step on: compile, rehearse, load, index and read back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

from engine.digests.checksum import Content
from engine.errors import TargetError, counted, finding
from engine.mapping.model import Mapping
from engine.mongo.sink import SERVER_VALIDATOR, Sink
from engine.plan import Plan, compile_plan
from engine.run.limits import check_limits, check_matches, check_unmatched, deletion_read_once, left_behind
from engine.run.loading import Job, Loader, choose_kept_rows
from engine.run.report import Accounting, Report
from engine.run.secondary import account_secondary_sources
from engine.sources import notes
from engine.sources.secondary import SecondarySource, read_secondary_sources

RESUMED = ("upsert", "append", "update", "delete")


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


def compile_job(job: Job, report: Report) -> tuple[Job, Plan]:
    """The job with its rows joined to the secondary sources and the duplicates that stay chosen, and the plan for its rows."""
    tables: dict[str, SecondarySource] = {}
    if job.mapping.sources or job.mapping.group_by:
        with timed(job, report, "sources"):
            tables, source = read_secondary_sources(job.mapping, job.source)
            job = replace(job, source=source)
    plan = compile_plan(job.mapping, job.source.columns, now=job.now, tables=tables)
    report.notes += plan.warnings
    if job.mapping.dedup and job.mapping.dedup.reads_twice:
        with timed(job, report, "decide"):
            job = replace(job, winners=choose_kept_rows(job, plan, report))
    return job, plan


def rehearse(job: Job, plan: Plan, report: Report) -> None:
    """Read the whole source and check every row before anything goes into a live collection, to find its problems first."""
    if not (job.sink and job.sink.writes_live):
        return
    if job.source.size is None:
        if job.mapping.target.mode == "delete":
            raise deletion_read_once(job.mapping)
        report.notes.append("standard input can be read only once: a problem in it is found when the rows before it are live already")
        return
    lookout = job.sink.lookout()
    with timed(job, report, "check"):
        dry = replace(job, sink=None)
        rehearsal = Loader(dry, plan, report, lookout)
        rehearsal.load()
        account_secondary_sources(dry, plan, rehearsal.usage, report, left_behind(dry))
        check_limits(dry, report)
        if lookout:
            check_matches(dry, report, lookout)
    report.accounting = Accounting()
    report.rejects, report.warnings, report.nulled = Counter(), Counter(), Counter()


def load_rows(job: Job, plan: Plan, report: Report) -> Content:
    """Load all rows; returns the content that the target accepted. Raises DataError where limits are exceeded."""
    loader = make_loader(job, plan, report)
    with timed(job, report, "load"):
        if job.sink:
            job.sink.open()
            if job.journal:
                job.journal.opened(job.sink.made)
        loader.load()
    report.notes += [*drifted(report, job.mapping), *notes(job.source)]
    account_secondary_sources(job, plan, loader.usage, report, left_behind(job))
    check_limits(job, report)
    if job.sink:
        check_unmatched(job, report, job.sink.changes["unmatched"])
    return loader.sent


def make_loader(job: Job, plan: Plan, report: Report) -> Loader:
    """A loader. In the modes that can be resumed it continues an unfinished run and records its own progress."""
    if not (job.sink and job.journal and job.mapping.target.mode in RESUMED):
        return Loader(job, plan, report, job.sink)
    earlier, after = job.journal.resumable()
    if after:
        report.notes.append(f"continues run {earlier}: rows up to {after:,} are in the collection already and were read back")
    return Loader(job, plan, report, job.sink, after=after, settled=job.journal.record_progress)


def index_and_read_back(job: Job, report: Report, sink: Sink, sent: Content) -> None:
    """From loaded to ready: build the indexes and, at the same time, read back what was sent. Raises TargetError."""
    verifier = ThreadPoolExecutor(1, thread_name_prefix="verifier")
    try:
        reading = verifier.submit(sink.read_back)
        if not job.mapping.target.amends:
            _index(job, report, sink)
        with timed(job, report, "verify"):
            require_as_sent(reading.result(), sent)
    except BaseException:
        sink.stop()
        raise
    finally:
        verifier.shutdown(wait=False)  # a server that does not answer must not delay the end of the run


def _index(job: Job, report: Report, sink: Sink) -> None:
    with timed(job, report, "index"):
        sink.build(job.mapping)
        by_id = [] if job.mapping.target.timeseries else ["_id_"]
        report.indexes = [*by_id, *(index.name for index in job.mapping.indexes)]


def require_as_sent(found: Content, sent: Content) -> None:
    """Raises TargetError when what was read back is not what was sent."""
    if found != sent:
        message = f"sent {counted(sent.count, 'document')} with checksum {sent.checksum}, read back {found.count:,} with {found.checksum}"
        raise TargetError(finding("not_as_sent", message, hint="look at the server's log, then run again"))


def drifted(report: Report, mapping: Mapping) -> list[str]:
    """A note where the server refused what the mapping accepts; the rejects file has the keywords and paths."""
    refused = sum(rows for reason, rows in report.rejects.items() if reason.code == SERVER_VALIDATOR)
    message = f"the server's validator refused {counted(refused, 'document')} that the mapping accepts"
    if any(array.keeps_elements for array in mapping.arrays):
        why = "with the elements that the live ones have, they break it; or was the validator changed by someone else?"
    else:
        why = "the two have drifted apart (was the validator changed by someone else?)"
    return [f"{message}: {why}"] if refused else []
