"""The batch loop: every row of the source to its one place, counted, with a few batches on their way at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import polars as pl
import polars.selectors as cs
from bson import ObjectId

from engine.digests.checksum import Content, content
from engine.digests.keys import Digests, uuids
from engine.documents.bson import ID_AT, MAX_DOCUMENT_BYTES, oversize
from engine.mapping.columns import private_columns
from engine.mapping.model import ID, Dedup, Mapping
from engine.mongo.sink import Refusal, Sink
from engine.plan import Plan
from engine.run.dedup import (
    Decided,
    First,
    Judge,
    Winners,
    conspicuous,
    decide,
    many,
    near_key,
    near_reason,
    refuse_repeated,
    unreadable_twice,
)
from engine.run.rejects import Rejects
from engine.run.report import Reason, Report
from engine.sources import Rows
from engine.sources.batch import ROW, Batch
from engine.sources.secondary import MEMBERS, weight

IN_FLIGHT = 2  # batches on their way to the server; more only costs memory, the server is the slower side
WRITERS = 2
GRACE, GRACE_STOPPED = 60.0, 1.0  # seconds that a failed or interrupted run gives writes under way: the server may not answer at all
MANY = 1_000  # documents of a batch from which on their order matters to the server; fewer stay in the source's order
SAME_ID = "an earlier row has the same _id"


class Progress(Protocol):
    """Told what happens while it happens."""

    def stage(self, name: str) -> None:
        """A stage begins: check, load, index, verify, publish."""

    def rows(self, report: Report, done: float | None) -> None:
        """More rows were read; `done` is the share of the file read so far, None when unknown."""

    def warn(self, message: str) -> None:
        """Something looks wrong while there is still time to stop."""


class Journal(Protocol):
    """Keeps what a run has done, where later runs find it."""

    def stage(self, name: str) -> None:
        """A stage begins."""

    def settled(self, row: int) -> None:
        """All rows up to this one are in the live collection, and were read back."""

    def unfinished(self) -> tuple[str, int]:
        """A run that did the same and ended early, and the last row that it settled; 0 for none. The source was read once before."""


@dataclass
class Job:
    """Everything one run needs. `home` is where the rejects file goes; `limit` stops after that many rows; no sink is a dry run.

    `winners` are the rows that stay of those that are the same, where only a first reading of the source could tell.
    """

    mapping: Mapping
    source: Rows
    sink: Sink | None
    progress: Progress
    home: Path
    run_id: str
    limit: int | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))
    journal: Journal | None = None
    winners: Winners | None = None


@dataclass(frozen=True)
class Sent:
    """A batch that was sent: who was refused, what was accepted, and the last row it is made of. `known`: an earlier run had written it."""

    refusals: list[Refusal]
    accepted: Content
    last: int
    known: bool


class Loader:
    """The batch loop and what it carries from batch to batch. `sent` is the content that the target accepted from this run.

    Rows up to `after` were written by an earlier run: they are settled anew, but not sent. `settled` is told the last row of each batch
    that is written, as long as the target refused nothing.
    """

    def __init__(self, job: Job, plan: Plan, report: Report, after: int = 0, settled: Callable[[int], None] = lambda _: None) -> None:
        self.job, self.plan, self.report, self.after, self.settled = job, plan, report, after, settled
        file = job.home / "rejects" / f"{job.mapping.name}-{job.run_id}.csv"
        self.rejects = Rejects(file, plan.columns, private_columns(job.mapping, plan.columns), job.mapping.private_rejects)
        self.noted = [check for check in plan.checks if check.outcome in ("warn", "null", "drop")]
        self.judge: Judge = Decided(job.winners) if job.winners else First()
        self.near_key = near_key(plan)
        self.looked = False
        self.hashed = bool(job.mapping.identity and job.mapping.identity.hash)
        self.sent = Content()
        self.clean = True

    def load(self) -> None:
        """Every row of the source to its one place."""
        try:
            self._loop(ThreadPoolExecutor(WRITERS, thread_name_prefix="writer"))
            self.tell()
            counts = self.report.accounting
            self.warn(many(self.job.mapping.dedup, counts.duplicates, counts.documents + counts.duplicates))
        finally:
            self.rejects.close()
            self.report.rejects_file = str(self.rejects.path) if self.rejects.count else ""

    def _loop(self, writers: ThreadPoolExecutor) -> None:
        under_way: deque[tuple[Future[Sent], pl.DataFrame]] = deque()
        try:
            for batch in ahead(limited(self.job.source.batches(), self.job.limit)):
                fresh = self.settle(batch)
                fresh, documents = self.claimed(fresh, self.plan.encoder.encode(fresh))
                told = fresh.select(*self.rejects.needs, *self.plan.carried, cs.by_name(MEMBERS, require_all=False))
                under_way.append((writers.submit(self.write, documents, batch.last), told))
                while len(under_way) > IN_FLIGHT:
                    self.land(*under_way.popleft())
                self.tell()
            while under_way:
                self.land(*under_way.popleft())
        except BaseException as error:
            if self.job.sink:
                self.job.sink.stop()
            writers.shutdown(wait=False, cancel_futures=True)
            wait((future for future, _ in under_way), GRACE_STOPPED if isinstance(error, KeyboardInterrupt) else GRACE)
            raise
        writers.shutdown()

    def settle(self, batch: Batch) -> pl.DataFrame:
        """The rows of a batch that become documents, with their `_id`; the others are counted where they belong."""
        verdicts = self.plan.apply(batch.frame)
        self.rejects.add_malformed(batch.malformed)
        self.rejects.add_rejected(self.plan.whole(verdicts.rejected), self.plan.checks)
        fresh = self.without_duplicates(verdicts.accepted)
        counts = self.report.accounting
        counts.rows_read += weight(batch.frame) + len(batch.malformed)
        counts.filtered += verdicts.filtered
        counts.duplicates += weight(verdicts.accepted) - weight(fresh)
        for check, rows in self.plan.count(fresh, self.noted).items():
            noted = self.report.warnings if check.outcome == "warn" else self.report.nulled
            noted[Reason(check.code, check.path, check.message)] += rows
        return fresh

    def without_duplicates(self, accepted: pl.DataFrame) -> pl.DataFrame:
        """Drop rows that another one stays for, and add `_id` where it is the engine's to give."""
        identity, dedup = self.job.mapping.identity, self.job.mapping.dedup
        keys = {on: key.digests(accepted) for on, key in self.plan.keys.items()}
        if identity:
            ids = uuids(keys[identity.hash]) if identity.hash else random_ids(len(accepted))
            accepted = accepted.with_columns(ids.alias(ID))
        return self.without_same(accepted, keys[dedup.on], dedup) if dedup else accepted

    def without_same(self, accepted: pl.DataFrame, keys: Digests, dedup: Dedup) -> pl.DataFrame:
        """The rows that stay; counts near-duplicates, and says so where the first rows look as if the key were no key."""
        if not self.looked and len(accepted):
            self.looked = True
            self.warn(conspicuous(self.plan, accepted, keys))
        found = self.judge.judge(keys, self.near_key.digests(accepted) if self.near_key else None)
        if dedup.keep == "fail":
            refuse_repeated(accepted, found.same, self.job.mapping)
        gone = found.same
        if dedup.near and found.near.any():
            self.report.warnings[near_reason(dedup.near)] += int(found.near.sum())
            gone = gone | found.near if dedup.near.action == "drop" else gone
        return accepted.filter(pl.Series(~gone)) if gone.any() else accepted

    def warn(self, message: str) -> None:
        """Say it now, and in the report."""
        if message and message not in self.report.notes:
            self.report.notes.append(message)
            self.job.progress.warn(message)

    def claimed(self, fresh: pl.DataFrame, documents: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
        """Where the target could not tell two documents of this run with one `_id` from an update: only the first of them."""
        if not self.job.sink or (mine := self.job.sink.claim(documents)).all():
            return fresh, documents
        self.refuse(fresh, [Refusal(index, "duplicate_key", ID, SAME_ID) for index in (~mine).arg_true()])
        return fresh.filter(mine), documents.filter(mine)

    def write(self, documents: pl.Series, last: int) -> Sent:
        """In a writer's thread: send a batch, the last row of which is `last`."""
        large = oversize(documents)
        places, known = self.order(documents, (~large).arg_true()), 0 < last <= self.after
        too_large = f"the document is over {MAX_DOCUMENT_BYTES:,} bytes"
        refusals = [Refusal(index, "too_large", "", too_large) for index in large.arg_true()]
        if self.job.sink and not known and len(places):
            refused = self.job.sink.write(documents.gather(places))
            refusals += [replace(one, index=int(places[one.index])) for one in refused]
        left_out = {one.index for one in refusals}
        stored = documents.to_list()
        accepted = content(raw for index, raw in enumerate(stored) if index not in left_out) if left_out else content(stored)
        return Sent(refusals, accepted, last, known)

    def order(self, documents: pl.Series, places: pl.Series) -> pl.Series:
        """The places in the order to send. Hashes go out sorted: then each page of the index on `_id` is touched once a batch."""
        if not self.hashed or len(places) < MANY:
            return places
        return places.gather(documents.gather(places).bin.slice(ID_AT).arg_sort())

    def land(self, future: Future[Sent], fresh: pl.DataFrame) -> None:
        """A batch has reached the target: count its documents, keep what was refused."""
        sent = future.result()
        self.refuse(fresh, sent.refusals)
        self.report.accounting.documents += sent.accepted.count
        refused = [one.index for one in sent.refusals]
        stored = fresh.with_row_index().filter(~pl.col("index").is_in(refused)) if refused else fresh
        self.plan.embed(stored)
        self.report.accounting.grouped += weight(stored) - len(stored)
        if sent.known:
            self.report.changes["before"] = self.report.changes.get("before", 0) + sent.accepted.count
            return
        self.sent += sent.accepted
        self.clean &= not sent.refusals
        if self.clean:
            self.settled(sent.last)

    def refuse(self, fresh: pl.DataFrame, refusals: Sequence[Refusal]) -> None:
        """Keep the rows of documents that the target refused, with all of their groups."""
        if not self.job.mapping.group_by:
            self.rejects.add_refused(fresh, refusals)
            return
        for one in refusals:
            rows = self.plan.whole(fresh[one.index : one.index + 1])
            self.rejects.add_refused(rows, [replace(one, index=place) for place in range(len(rows))])

    def tell(self) -> None:
        """Bring the report up to date and show it."""
        self.report.accounting.rejected = self.rejects.count
        self.report.rejects = self.rejects.reasons
        source = self.job.source
        self.job.progress.rows(self.report, source.position / source.size if source.size else None)


def look_ahead(job: Job, plan: Plan, report: Report) -> Winners:
    """Read the source once, to know which rows stay of those that are the same. Raises DataError where it could not be read again."""
    if job.source.size is None:
        raise unreadable_twice(job.mapping)

    def told() -> Iterator[Batch]:
        for batch in ahead(limited(job.source.batches(), job.limit)):
            job.progress.rows(report, job.source.position / job.source.size if job.source.size else None)
            yield batch

    return decide(plan, told())


def random_ids(count: int) -> pl.Series:
    """New ObjectIds."""
    return pl.Series([ObjectId().binary for _ in range(count)], dtype=pl.Binary)


def ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, each read while the one before it is worked on."""
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
        yield Batch(batch.frame.filter(pl.col(ROW) <= limit), tuple(record for record in batch.malformed if record.row <= limit))
        if batch.last >= limit:
            return
