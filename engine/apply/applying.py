"""Carries the steps out on the live collection. Killed anywhere and called again, it goes on where it stopped and ends in the same state.

A batch of documents and the place up to which the rewriting has come are written in one transaction, so no document is rewritten twice.
Documents that others write meanwhile in the old shape are found by their shape and rewritten too, before the validator is closed and after.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure
from pymongo.write_concern import WriteConcern

from engine.apply.inspect import Query, leaving, refused, strangers
from engine.documents.validators import validator
from engine.errors import DataError, problem
from engine.evolution.building import Stage, trimming
from engine.evolution.rewriting import Rewriting
from engine.evolution.steps import Step, Way
from engine.mapping.profiles import Profile
from engine.mongo.connection import translated
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock
from engine.mongo.retries import persist
from engine.mongo.state import State, read, state
from engine.mongo.unique import check_unique
from engine.mongo.upserts import EXACT

BATCH, BATCH_BYTES = 2000, 8 << 20  # documents of one transaction, at most and (by their average size) about
SWEEPS = 20
REFUSED = 121  # the server's code for a document that its validator refuses
ASIDE = "{}__set_aside_{}"


class Progress(Protocol):
    """Told what happens while it happens."""

    def step(self, title: str) -> None:
        """A step begins."""

    def documents(self, done: int, total: int) -> None:
        """So many documents of it are done."""


@dataclass
class Applying:
    """One apply. `done` are the steps that an earlier attempt finished, `position` the last `_id` of the one that it did not.

    `steps` is the log: name, when it ended, and how many documents were rewritten and set aside since the attempt began.
    """

    client: MongoClient[Any]
    way: Way
    profile: Profile
    ledger: Ledger
    lock: Lock
    show: Progress
    run_id: str
    done: list[str]
    position: Any = None
    steps: list[dict[str, Any]] = field(default_factory=list)
    rewritten: int = 0
    set_aside: int = 0

    def __post_init__(self) -> None:
        target = self.way.new.target
        self.database = self.client.get_database(target.database, write_concern=WriteConcern(w="majority", j=True))
        self.live: Any = self.database.get_collection(target.collection, codec_options=EXACT)

    def carry_out(self, *, aside: bool) -> State:
        """All steps that are not done; `aside` sets documents aside that the new mapping refuses. Returns what the collection is then.

        Raises:
            DataError: documents are refused, and `aside` is not wanted; the validator takes both shapes then.
            TargetError: the server refused something.
        """
        with translated():
            for step in self.way.steps:
                if step.name not in self.done:
                    self.lock.hold()
                    self.show.step(step.title)
                    self.ledger.note(stage=step.name)
                    self._step(step, aside=aside)
                    self._log(step)
            self._check(aside=aside)
            found = persist(lambda _: read(self.live))
            return state(self.live, found)

    def _log(self, step: Step) -> None:
        self.position = None
        self.done.append(step.name)
        entry = {"name": step.name, "title": step.title, "rewritten": self.rewritten, "set_aside": self.set_aside}
        self.steps.append({**entry, "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"})
        self.ledger.note(done=self.done, position=None, steps=self.steps)

    def _step(self, step: Step, *, aside: bool) -> None:
        if step.stages:
            self._rewrite(step, aside=aside)
        elif step.name == "check":
            self._check(aside=aside)
        elif step.name in ("free", "unindex"):
            self._drop(step)
        else:
            if step.name == "index":
                check_unique(self.live, self.way.new.indexes)
            for command in step.commands:
                persist(partial(self._command, command))

    def _command(self, command: dict[str, Any], _attempt: int) -> None:
        self.database.command(command)

    def _drop(self, step: Step) -> None:
        present = {one["name"] for one in self.live.list_indexes()}
        for command in step.commands:
            names = [name for name in command["index"] if name in present]
            if names:
                self.database.command({**command, "index": names})

    # documents

    def _rewrite(self, step: Step, *, aside: bool) -> None:
        total, seen, newer = self.live.estimated_document_count(), 0, self._only_new()
        for ids in self._batches():
            self.lock.check()
            wanted = _among(ids) | ({"$nor": [newer]} if step.name == "rewrite" else {})
            try:
                self._batch(ids, wanted, step.stages)
            except OperationFailure as error:
                if error.code != REFUSED:
                    raise
                self._refuse(self._found([{"$match": wanted}, *self._refused(self.way.straight)]), aside=aside)
                self._batch(ids, wanted, step.stages)
            seen += len(ids)
            self.show.documents(seen, max(total, seen))

    def _batches(self) -> Iterator[list[Any]]:
        """All `_id`s after the position, of any type, in the order of their index."""
        average = self.database.command("collStats", self.live.name).get("avgObjSize") or 1
        size = max(1, min(BATCH, BATCH_BYTES // int(average)))
        while True:
            after = self.live.find({}, {"_id": 1}).sort("_id", 1).hint([("_id", 1)]).limit(size + 1)
            start = after if self.position is None else after.min([("_id", self.position)])
            ids = [found for one in start if (found := one["_id"]) != self.position][:size]
            if not ids:
                return
            yield ids
            self.position = ids[-1]

    def _batch(self, ids: list[Any], wanted: Query, stages: tuple[Stage, ...]) -> None:
        changed: list[int] = []

        def update(session: ClientSession) -> None:
            changed[:] = [self.live.update_many(wanted, list(stages), session=session).modified_count]

        self.ledger.advance(update, {"position": ids[-1]})
        self.rewritten += sum(changed)

    def _only_new(self) -> Query:
        """What others have written in the new shape already; what both mappings take is rewritten."""
        newer = [validator(one, self.profile) for one in (self.way.new, self.way.between)]
        return {"$and": [{"$or": newer}, {"$nor": [validator(self.way.old, self.profile)]}]}

    def _sweep(self, *, aside: bool) -> None:
        """Rewrite what others have written in the old shape since: it is of that shape, and of no newer one."""
        way = self.way
        stages = [*way.rewrite.stages, *(trimming(way.new) if "trim" in self.done else ())]
        newer = [validator(one, self.profile) for one in (way.new, way.between)]
        query = {"$and": [{"$nor": newer}, {"$nor": [strangers(way.old, self.profile)]}]}
        for _ in range(SWEEPS if stages else 0):
            try:
                if not self.live.update_many(query, stages).modified_count:
                    return
            except OperationFailure as error:
                if error.code != REFUSED:
                    raise
                self._refuse(self._found([{"$match": query}, *self._refused(way.straight)]), aside=aside)

    def _check(self, *, aside: bool) -> None:
        """What the new mapping refuses; a document of the old shape that came in just now is none: the next sweep takes it."""
        self._sweep(aside=aside)
        pipeline = self._refused(Rewriting(trimming(self.way.new) if self.way.carried else ()))
        if found := self._found(pipeline):
            self._sweep(aside=aside)
            self._refuse(self._found([{"$match": _among(found)}, *pipeline]), aside=aside)

    def _refused(self, view: Rewriting) -> list[Query]:
        return [*view.stages, {"$match": refused(leaving(self.way.new, self.profile))}, {"$project": {"_id": 1}}]

    def _found(self, pipeline: list[Query]) -> list[Any]:
        return [one["_id"] for one in self.live.aggregate(pipeline, allowDiskUse=True)]

    def _refuse(self, found: list[Any], *, aside: bool) -> None:
        """Set these documents aside, a batch at a time."""
        if found and not aside:
            message = "documents that the new mapping refuses came in while it was at work; the validator may take both shapes now"
            raise DataError(problem("violators", message, hint="correct them, or allow them to be set aside, and apply again"))
        for start in range(0, len(found), BATCH):
            ids = found[start : start + BATCH]
            self.lock.check()
            self.ledger.advance(partial(self._put_aside, ids), {"set_aside_in": ASIDE.format(self.live.name, self.run_id)})
            self.set_aside += len(ids)

    def _put_aside(self, ids: list[Any], session: ClientSession) -> None:
        name = ASIDE.format(self.live.name, self.run_id)
        found = list(self.live.find({"_id": {"$in": ids}}, session=session))
        self.database.get_collection(name, codec_options=EXACT).insert_many(found, session=session)
        self.live.delete_many({"_id": {"$in": ids}}, session=session)


def _among(ids: list[Any]) -> Query:
    return {"_id": {"$in": ids}}
