"""The batch loop: every row of the source is accounted for once; a few batches are in flight at a time."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from bson import ObjectId

from engine.digests.checksum import Content, content
from engine.digests.keys import Digests, uuids
from engine.documents.bson import ID_AT, MAX_DOCUMENT_BYTES, oversize
from engine.mapping.columns import private_columns
from engine.mapping.model import Dedup, Mapping
from engine.mongo.sink import Receiver, Refusal, Sink
from engine.plan import Evaluated, Plan
from engine.run.dedup import (
    Judge,
    KeepChosen,
    KeepFirst,
    KeptRows,
    decide,
    near_reason,
    refuse_repeated,
    source_read_once,
    suspicious_key,
    suspicious_share,
)
from engine.run.journal import Journal
from engine.run.progress import RunProgress
from engine.run.rehearsing import Rehearsal
from engine.run.rejects import Rejects
from engine.run.report import Reason, Report
from engine.run.usage import SecondaryUsage
from engine.sources import RowReader
from engine.sources.batch import Batch

IN_FLIGHT = 2  # batches in flight to the server; more would only cost memory, the server is the slower side
WRITERS = 2
WRITER = "writer"  # how their threads are called
GRACE, GRACE_STOPPED = 3.0, 1.0  # seconds that a failed or interrupted run waits for writes under way: the server may not answer at all
MANY = 1_000  # documents of a batch from which on their order matters to the server; fewer stay in the source's order


@dataclass(frozen=True)
class Job:
    """Everything one run needs. `home` is the folder of the rejects files; `limit` is in rows; `sink` is None in a dry run.

    `allow` are the codes of refusals in spite of which the run goes on. `winners` says which of the duplicates are kept, where that takes
    a first reading of the source.
    """

    mapping: Mapping
    source: RowReader
    sink: Sink | None
    progress: RunProgress
    home: Path
    run_id: str
    limit: int | None = None
    allow: frozenset[str] = frozenset()
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))
    journal: Journal | None = None
    winners: KeptRows | None = None


@dataclass(frozen=True)
class Sent:
    """A batch that was sent: what was refused, what was accepted, and the number of its last row.

    `written_before`: an earlier run had written it.
    """

    refusals: list[Refusal]
    accepted: Content
    last_row: int
    written_before: bool


class Loader:
    """The batch loop and its state between batches. `sent` is the content that the target accepted from this run.

    `usage` says which rows of the secondary sources it has used. Documents go to `receiver`; without one they are only judged.

    Rows up to `after` were written by an earlier run: they are judged again, but not sent. `settled` gets the last row of each batch
    that is written, as long as the target refused nothing.
    """

    def __init__(
        self,
        job: Job,
        plan: Plan,
        report: Report,
        receiver: Receiver | None = None,
        *,
        after: int = 0,
        settled: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.receiver = receiver or Rehearsal(job.mapping)
        self.job, self.plan, self.report, self.after, self.settled = job, plan, report, after, settled
        file = job.home / "rejects" / f"{job.mapping.name}-{job.run_id}.csv"
        self.rejects = Rejects(file, plan.columns, private_columns(job.mapping, plan.columns), job.mapping.private_rejects)
        self.noted = [check for check in plan.checks if check.outcome in ("warn", "null", "drop")]
        self.judge: Judge = KeepChosen(job.winners) if job.winners else KeepFirst()
        self.near_key = plan.near_key()
        self.key_looked_at = False
        self.hashed = bool(job.mapping.identity and job.mapping.identity.hash)
        self.sent = Content()
        self.usage = SecondaryUsage(plan.secondary_sources)
        self.none_refused = True

    def load(self) -> None:
        """Load every row of the source. Raises DataError, TargetError."""
        try:
            self._loop(ThreadPoolExecutor(WRITERS, thread_name_prefix=WRITER))
            self.update_report()
            counts = self.report.accounting
            self.warn(suspicious_share(self.job.mapping.dedup, counts.duplicates, counts.documents + counts.duplicates))
        finally:
            self.rejects.close()
            self.report.rejects_file = str(self.rejects.path) if self.rejects.count else ""

    def _loop(self, writers: ThreadPoolExecutor) -> None:
        under_way: deque[tuple[Future[Sent], Evaluated]] = deque()
        try:
            for batch in prefetched(limited(self.job.source.batches(), self.job.limit)):
                fresh = self.judge_batch(batch)
                fresh, documents = self.drop_repeated(fresh, self.plan.encode(fresh))
                under_way.append((writers.submit(self.write, documents, batch.last), fresh.without_values()))
                while len(under_way) > IN_FLIGHT:
                    self.account_sent(*under_way.popleft())
                self.update_report()
            while under_way:
                self.account_sent(*under_way.popleft())
        except BaseException as error:
            self.receiver.stop()
            writers.shutdown(wait=False, cancel_futures=True)
            join_threads(WRITER, GRACE_STOPPED if isinstance(error, KeyboardInterrupt) else GRACE)
            raise
        writers.shutdown()

    def judge_batch(self, batch: Batch) -> Evaluated:
        """The rows of a batch that become documents, with their `_id`; the others are added to the accounting."""
        verdicts = self.plan.apply(batch.frame)
        self.usage.ask(verdicts.asked)
        self.rejects.add_malformed(batch.malformed)
        self.rejects.add_rejected(self.plan.with_group_rows(verdicts.rejected), self.plan.checks)
        fresh = self.drop_duplicates(verdicts.accepted)
        counts = self.report.accounting
        counts.rows_read += batch.source_rows
        counts.filtered += verdicts.filtered
        counts.duplicates += verdicts.accepted.source_rows - fresh.source_rows
        for check, rows in fresh.counts(self.noted).items():
            noted = self.report.warnings if check.outcome == "warn" else self.report.nulled
            noted[Reason(check.code, check.path, check.message)] += rows
        return fresh

    def drop_duplicates(self, accepted: Evaluated) -> Evaluated:
        """The rows without duplicates, with `_id` where the engine makes it."""
        identity, dedup = self.job.mapping.identity, self.job.mapping.dedup
        keys = {on: accepted.digests(key) for on, key in self.plan.keys.items()}
        if identity:
            accepted = accepted.with_ids(uuids(keys[identity.hash]) if identity.hash else random_ids(len(accepted)))
        return self.drop_repeated_keys(accepted, keys[dedup.on], dedup) if dedup else accepted

    def drop_repeated_keys(self, accepted: Evaluated, keys: Digests, dedup: Dedup) -> Evaluated:
        """The rows that are kept. Counts near-duplicates; warns where the key does not seem to identify the first rows."""
        if not self.key_looked_at and len(accepted):
            self.key_looked_at = True
            self.warn(suspicious_key(self.plan, accepted, keys))
        found = self.judge.judge(keys, accepted.digests(self.near_key) if self.near_key else None)
        if dedup.keep == "fail":
            refuse_repeated(accepted, found.duplicate, self.job.mapping)
        gone = found.duplicate
        if dedup.near and found.near.any():
            self.report.warnings[near_reason(dedup.near)] += int(found.near.sum())
            gone = gone | found.near if dedup.near.action == "drop" else gone
        return accepted.filter(pl.Series(~gone))

    def warn(self, message: str) -> None:
        """Show the warning now, and note it in the report, once."""
        if message and message not in self.report.notes:
            self.report.notes.append(message)
            self.job.progress.warn(message)

    def drop_repeated(self, fresh: Evaluated, documents: pl.Series) -> tuple[Evaluated, pl.Series]:
        """Without the documents that would be the same live one as an earlier one of this run; their rows are rejected."""
        if not (refusals := self.receiver.repeated(documents)):
            return fresh, documents
        self.refuse(fresh, refusals)
        places = [refusal.index for refusal in refusals]
        return fresh.without(places), documents.filter(~pl.int_range(len(documents), eager=True).is_in(places))

    def write(self, documents: pl.Series, last: int) -> Sent:
        """Send a batch whose last row number is `last`. Runs in a writer's thread. Raises TargetError."""
        large = oversize(documents)
        places, written_before = self.order(documents, (~large).arg_true()), 0 < last <= self.after
        too_large = f"the document is larger than {MAX_DOCUMENT_BYTES:,} bytes"
        refusals = [Refusal(index, "too_large", "", too_large) for index in large.arg_true()]
        if not written_before and len(places):
            refused = self.receiver.write(documents.gather(places))
            refusals += [replace(refusal, index=int(places[refusal.index])) for refusal in refused]
        left_out = {refusal.index for refusal in refusals}
        stored = documents.to_list()
        accepted = content(raw for index, raw in enumerate(stored) if index not in left_out) if left_out else content(stored)
        return Sent(refusals, accepted, last, written_before)

    def order(self, documents: pl.Series, places: pl.Series) -> pl.Series:
        """The places in sending order. Hashes are sent sorted, so that each page of the index on `_id` is touched once per batch."""
        if not self.hashed or len(places) < MANY:
            return places
        return places.gather(documents.gather(places).bin.slice(ID_AT).arg_sort())

    def account_sent(self, future: Future[Sent], fresh: Evaluated) -> None:
        """Account for a batch that was sent: count its documents, keep the refused rows."""
        sent = future.result()
        self.refuse(fresh, sent.refusals)
        self.report.accounting.documents += sent.accepted.count
        stored = fresh.without(refusal.index for refusal in sent.refusals)
        self.usage.embed(stored.embedded)
        self.report.accounting.grouped += stored.source_rows - len(stored)
        if sent.written_before:
            self.report.changes["before"] = self.report.changes.get("before", 0) + sent.accepted.count
            return
        self.sent += sent.accepted
        self.none_refused &= not sent.refusals
        if self.none_refused:
            self.settled(sent.last_row)

    def refuse(self, fresh: Evaluated, refusals: Sequence[Refusal]) -> None:
        """Write the rows of refused documents to the rejects file, each with all rows of its group."""
        if not self.job.mapping.group_by:
            self.rejects.add_refused(fresh, refusals)
            return
        for refusal in refusals:
            rows = self.plan.with_group_rows(fresh.at(refusal.index))
            self.rejects.add_refused(rows, [replace(refusal, index=place) for place in range(len(rows))])

    def update_report(self) -> None:
        """Update the report and show it."""
        self.report.accounting.rejected = self.rejects.count
        self.report.rejects, self.report.rejected_rows = self.rejects.reasons, self.rejects.rows
        source = self.job.source
        self.job.progress.rows(self.report, source.position / source.size if source.size else None)


def join_threads(prefix: str, seconds: float) -> None:
    """Wait so long for the threads of a pool that was shut down. Not for futures: an interruption can come before one is noted anywhere.

    What a thread still writes after the end of a run would make a staging collection anew that was dropped.
    """
    deadline = time.monotonic() + seconds
    for thread in [thread for thread in threading.enumerate() if thread.name.startswith(prefix)]:
        thread.join(max(0, deadline - time.monotonic()))


def choose_kept_rows(job: Job, plan: Plan, report: Report) -> KeptRows:
    """Read the source once to decide which duplicates are kept. Raises DataError where the source cannot be read twice."""
    if job.source.size is None:
        raise source_read_once(job.mapping)

    def shown() -> Iterator[Batch]:
        for batch in prefetched(limited(job.source.batches(), job.limit)):
            job.progress.rows(report, job.source.position / job.source.size if job.source.size else None)
            yield batch

    return decide(plan, shown())


def random_ids(count: int) -> pl.Series:
    """New ObjectIds."""
    return pl.Series([ObjectId().binary for _ in range(count)], dtype=pl.Binary)


def prefetched(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches; each is read while the one before it is processed."""
    with ThreadPoolExecutor(1, thread_name_prefix="reader") as reader:
        coming = reader.submit(next, batches, None)
        while batch := coming.result():
            coming = reader.submit(next, batches, None)
            yield batch


def limited(batches: Iterator[Batch], limit: int | None) -> Iterator[Batch]:
    """The first `limit` rows, malformed ones included."""
    for batch in batches:
        if limit is None:
            yield batch
            continue
        yield batch.up_to(limit)
        if batch.last >= limit:
            return
