"""One `engine set-aside restore` or `drop`: the lock, the ledger's record, and what it does with documents that applies set aside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from pymongo import MongoClient

from engine import __version__
from engine.apply.asides import judge_asides, read_asides, require_known
from engine.apply.inspect import LiveCollection, inspect
from engine.apply.restoring import Restoring, remove_empty_asides
from engine.errors import DataError, finding
from engine.evolution.asides import KeptAside
from engine.evolution.losses import Loss
from engine.mapping.model import Mapping as Model
from engine.mapping.profiles import ServerProfile
from engine.mongo.actors import actor
from engine.mongo.asides import Left
from engine.mongo.connection import database_of, translated
from engine.mongo.ledger import Ledger
from engine.mongo.leftovers import remove_leftovers
from engine.mongo.locks import Lock
from engine.mongo.recording import recorded_failure
from engine.mongo.records import Kind, Outcome, RunRecord
from engine.mongo.state import content_of, schedule_of, state_of

CODE = "set_aside"  # what `--allow` names


@dataclass(frozen=True)
class Restored:
    """What a restore did; `run_id` is empty where nothing fits. `back` counts documents, `stayed` those that fit and stay, by reason."""

    run_id: str = ""
    back: int = 0
    stayed: Mapping[str, int] = field(default_factory=dict)
    documents: int = 0
    checksum: str = ""


@dataclass(frozen=True)
class AsideTask:
    """What a command does with the documents that the applies `runs` set aside; none named stands for all.

    `reason` is why, for the ledger; `wait`: seconds to wait for the lock.
    """

    client: MongoClient[Any]
    profile: ServerProfile
    mapping: Model
    runs: tuple[str, ...]
    run_id: str
    reason: str = ""
    wait: float = 0

    def restore(self, limit: int | None = None) -> Restored:
        """Bring back what the mapping that is applied now takes, at most so many documents.

        What is older than a run that loaded everything again comes back only where its run is named.

        Raises:
            DataError: a named run has nothing set aside, or its documents are gone or cannot be made ones of the mapping; or an apply
                was not finished.
            LockedError, TargetError: as every command that writes.
        """
        with self._locked() as (lock, ledger), translated():
            live = inspect(self.client, self.mapping, self.profile)
            self._require_finished(live)
            found = judge_asides(self.client, live.old, live.evidence, self.profile, self.runs)
            self._require_some(found)
            chosen = [kept for kept in found if kept.fitting and (self.runs or not kept.superseded)]
            unfinished = ledger.unfinished_since(live.run)
            if not (chosen or (unfinished and unfinished.kind is Kind.RESTORE)):
                return Restored()
            record = self._record(ledger, Kind.RESTORE, live)
            with self._recorded(lock, ledger, record):
                work = Restoring(self.client, self.mapping.target, ledger, lock, limit)
                for kept in chosen:
                    work.bring_back(kept)
                remove_empty_asides(self.client, self.mapping.target, ledger)
                collection = database_of(self.client, self.mapping.target.database)[self.mapping.target.collection]
                schedule = schedule_of(collection)
                state = state_of(collection, content_of(collection, schedule=schedule), schedule)
            ledger.finish(Outcome.PUBLISHED, {}, live=state)
        return Restored(self.run_id, work.back.total(), work.stayed, state.count, state.checksum)

    def losses(self) -> list[Loss]:
        """What a drop would lose. Raises DataError where a named run has nothing set aside."""
        with translated():
            found = self._named()
        return [Loss(CODE, kept.run, kept.documents, f"{kept.told} would be gone for good") for kept in found]

    def drop(self, allowed: Sequence[Loss]) -> int:
        """Delete what was allowed to be lost. Returns how many documents; those that others had removed are recorded as gone too.

        Raises:
            DataError: there are more documents now, or none of a named run.
            LockedError, TargetError: as every command that writes.
        """
        with self._locked() as (lock, ledger), translated():
            found = self._named()
            known = {loss.subject: loss.documents for loss in allowed}
            if more := [kept for kept in found if kept.documents > (known.get(kept.run) or 0)]:
                raise DataError(finding("destructive", f"{more[0].told}: more than was allowed to go", hint="look again"))
            left = tuple(Left(kept.run, kept.documents + kept.missing) for kept in found)
            record = replace(self._record(ledger, Kind.DROP, None), left=left, allow=(CODE,))
            with self._recorded(lock, ledger, record):
                for kept in found:
                    lock.hold()
                    database_of(self.client, self.mapping.target.database).drop_collection(kept.collection)
            ledger.finish(Outcome.PUBLISHED, {})
        return sum(kept.documents for kept in found)

    def _named(self) -> tuple[KeptAside, ...]:
        found = read_asides(self.client, self.mapping.target)
        require_known(found, self.runs, self.mapping)
        return tuple(kept for kept in found if kept.run in self.runs) if self.runs else found

    def _require_some(self, found: Sequence[KeptAside]) -> None:
        """Of runs that were named, it is an error where nothing of theirs can come back."""
        require_known(found, self.runs, self.mapping)
        for kept in found if self.runs else ():
            if not kept.documents:
                hint = f"restore it from a backup, or engine set-aside drop {kept.run} records that it is gone"
                message = f"{kept.collection} is gone or empty, though run {kept.run} set {kept.missing:,} documents aside there"
                raise DataError(finding("set_aside_missing", message, hint=hint))
            if kept.problem:
                message = f"what run {kept.run} set aside cannot be brought back: {kept.problem}"
                raise DataError(finding("set_aside_problem", message, hint="load their rows with engine run"))

    def _require_finished(self, live: LiveCollection) -> None:
        if live.unfinished:
            message = f"apply {live.unfinished.record.run_id} was not finished: the collection holds documents of two shapes"
            raise DataError(finding("unfinished_apply", message, hint="run engine apply to finish it; it brings back what fits too"))

    # the lock and the record

    @contextmanager
    def _locked(self) -> Iterator[tuple[Lock, Ledger]]:
        ledger = Ledger(self.client, self.mapping.target, self.run_id)
        with Lock(self.client, self.mapping.target, ledger, self.wait) as lock:
            remove_leftovers(self.client, self.mapping.target)
            remove_empty_asides(self.client, self.mapping.target, ledger)
            yield lock, ledger

    @contextmanager
    def _recorded(self, lock: Lock, ledger: Ledger, record: RunRecord) -> Iterator[None]:
        """From its start in the ledger on; a failure is recorded too."""
        ledger.start(lock.stamp(record))
        with recorded_failure(ledger):
            yield

    def _record(self, ledger: Ledger, kind: Kind, live: LiveCollection | None) -> RunRecord:
        """Of a restore, with the mapping that stays applied."""
        target, live_now = self.mapping.target, live and ledger.applied()
        applied = live_now or RunRecord("", target.database, target.collection, mapping=self.mapping.name)
        return applied.followed_by(
            self.run_id,
            by=actor(self.client, self.mapping.file, self.reason),
            kind=kind,
            mode=str(kind),
            engine=__version__,
            previous=applied.run_id,
        )
