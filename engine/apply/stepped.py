"""Documents that steps of the user's own changed, kept as they were until the apply is finished, and put back when it is undone.

Nobody knows what such a step does, so whole documents are kept, in the transaction that changes them. They lie in `COLLECTION__before_RUN`,
beside the values of `engine.apply.replaced`: under `{of: its _id, step: a number, side: old or new}`, with the `document` of that side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

from bson import encode
from pymongo import MongoClient, ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from engine.apply.queries import Query
from engine.mapping.model import Target
from engine.mongo.connection import database_of
from engine.mongo.locks import Lock
from engine.mongo.transactions import by_halves, transact
from engine.mongo.trees import EXACT, Document

T = TypeVar("T")
BATCH, BATCH_BYTES = 1000, 8 << 20  # documents of one transaction, at most, and bytes of these as they were kept
MISSING = object()


@dataclass(frozen=True)
class _Change:
    """A document before and after one step."""

    old: Document
    new: Document

    def taken_back(self, live: Document) -> Document:
        """The document without the change, where it has it; what others wrote since stays."""
        return self.old if _same(live, self.new) else _without(live, self.old, self.new)


@dataclass(frozen=True)
class Stepped:
    """What the steps of one apply change, kept in the collection `name`."""

    client: MongoClient[Any]
    target: Target
    name: str

    @property
    def _live(self) -> Collection[Any]:
        return self._named(self.target.collection)

    @property
    def _before(self) -> Collection[Any]:
        return self._named(self.name)

    def _named(self, name: str) -> Collection[Any]:
        return database_of(self.client, self.target.database).get_collection(name, codec_options=EXACT)

    def keep(self, wanted: Query, number: int, change: Callable[[], T], session: ClientSession) -> T:
        """Carry out the step of this number for the documents that are wanted, and keep what it changes. Raises the driver's errors."""
        old = [*self._live.find(wanted, session=session)]
        made = change()
        among = {"_id": {"$in": [one["_id"] for one in old]}}
        new = {encode({"": one["_id"]}): one for one in self._live.find(among, session=session)}
        both = ((one, new[encode({"": one["_id"]})]) for one in old)
        kept = [
            ReplaceOne({"_id": key}, {"_id": key, "document": document}, upsert=True)  # whoever wrote it anew may have it changed again
            for before, after in both
            if not _same(before, after)
            for side, document in (("old", before), ("new", after))
            for key in [{"of": before["_id"], "step": number, "side": side}]
        ]
        if kept:
            self._before.bulk_write(kept, ordered=False, session=session)
        return made

    def put_back(self, lock: Lock) -> Iterator[int]:
        """Take the steps back, the last one first. Can be repeated; yields how many documents are done.

        Raises:
            LockedError: the lock is lost.
            PyMongoError: any error of the driver.
        """
        done = 0
        for batch in self._batches():
            by_halves(batch, partial(self._put_back, lock))
            done += len(batch)
            yield done

    def _batches(self) -> Iterator[list[list[_Change]]]:
        """The changes of each document, the last one first."""
        batch: list[list[_Change]] = []
        size = 0
        for changes in self._changes():
            length = sum(len(encode(side)) for one in changes for side in (one.old, one.new))
            if batch and (len(batch) == BATCH or size + length > BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(changes)
            size += length
        if batch:
            yield batch

    def _changes(self) -> Iterator[list[_Change]]:
        found = self._before.find({"document": {"$exists": True}}, sort=[("_id", -1)])  # so `old` comes before `new`
        for _, kept in groupby(found, key=lambda one: encode({"": one["_id"]["of"]})):
            documents = (one["document"] for one in kept)
            yield [_Change(old, new) for old, new in zip(documents, documents, strict=True)]

    def _put_back(self, lock: Lock, batch: list[list[_Change]]) -> None:
        def change(session: ClientSession) -> None:
            lock.claim(session)
            known = {encode({"": changes[0].old["_id"]}): changes for changes in batch}
            among = {"_id": {"$in": [changes[0].old["_id"] for changes in batch]}}
            requests = []
            for live in self._live.find(among, session=session):
                found = live
                for one in known[encode({"": live["_id"]})]:
                    found = one.taken_back(found)
                if not _same(found, live):
                    requests.append(ReplaceOne({"_id": live["_id"]}, found))
            if requests:
                self._live.bulk_write(requests, ordered=False, session=session, bypass_document_validation=True)

        transact(self.client, change, len(batch))


def _without(live: Any, old: Any, new: Any) -> Any:
    """A value that others changed too, without what the step did beside that; `MISSING` stands for no value."""
    if _same(live, new):
        return old
    if not all(isinstance(one, dict) for one in (live, old, new)):
        return live
    names = [*live, *(name for name in old if name not in live)]
    found = {name: _without(*(one.get(name, MISSING) for one in (live, old, new))) for name in names}
    return {name: value for name, value in found.items() if value is not MISSING}


def _same(one: Any, other: Any) -> bool:
    """Whether they are the same to the byte."""
    return one is other or (MISSING not in (one, other) and encode({"": one}) == encode({"": other}))
