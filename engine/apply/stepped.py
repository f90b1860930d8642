"""Documents that steps of the user's own changed, kept as they were until the apply is finished, and put back when it is undone.

Nobody knows what such a step does, so whole documents are kept, in the transaction that changes them. They lie in `COLLECTION__before_RUN`,
beside the values of `engine.apply.replaced`: under `{of: its _id, step: a number, side: old or new}`, with the `document` of that side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

from bson import decode, encode
from bson.raw_bson import RawBSONDocument
from pymongo import ReplaceOne, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from engine.apply.kept import KeptBeside
from engine.apply.queries import Query
from engine.apply.restoring import RAW
from engine.mongo.locks import Lock
from engine.mongo.transactions import by_halves, transact
from engine.mongo.trees import EXACT

T = TypeVar("T")
BATCH, BATCH_BYTES = 1000, 8 << 20  # documents of one transaction, at most, and bytes of these as they were kept
MISSING = object()


@dataclass(frozen=True)
class _Change:
    """A document before and after one step, and where that is kept."""

    old: RawBSONDocument
    new: RawBSONDocument
    keys: tuple[Any, Any]

    def taken_back(self, live: bytes) -> bytes:
        """The document without the change, where it has it; what others wrote since stays."""
        old, new = bytes(self.old.raw), bytes(self.new.raw)
        if live in (old, new):
            return old
        return encode(_without(*(decode(one, EXACT) for one in (live, old, new))))


@dataclass
class Stepped(KeptBeside):
    """What the steps of one apply change. `mixed` counts those put back that others had changed since."""

    codec = RAW
    mixed: int = field(default=0, init=False)

    def keep(self, wanted: Query, number: int, change: Callable[[], T], session: ClientSession) -> T:
        """Carry out the step of this number for the documents that are wanted, and keep what it changes. Raises the driver's errors."""
        old = [*self.live.find(wanted, session=session)]
        made = change()
        among = {"_id": {"$in": [one["_id"] for one in old]}}
        new = {_key(one): one for one in self.live.find(among, session=session)}
        kept = [
            ReplaceOne({"_id": key}, {"_id": key, "document": document}, upsert=True)  # whoever wrote it anew may have it changed again
            for before in old
            if new[_key(before)].raw != before.raw
            for side, document in (("old", before), ("new", new[_key(before)]))
            for key in [{"of": before["_id"], "step": number, "side": side}]
        ]
        if kept:
            self.before.bulk_write(kept, ordered=False, session=session)
        return made

    def put_back(self, lock: Lock, asides: Sequence[str] = ()) -> Iterator[int]:
        """Take the steps back, the last one first, also in documents that are still in these collections beside the live one.

        What is put back is kept no more, so it can be called again. Yields how many documents are done.

        Raises:
            LockedError: the lock is lost.
            PyMongoError: any error of the driver.
        """
        done = 0
        for batch in self._batches():
            by_halves(batch, partial(self._put_back, lock, asides))
            done += len(batch)
            yield done

    def _batches(self) -> Iterator[list[list[_Change]]]:
        """The changes of each document, the last one first."""
        batch: list[list[_Change]] = []
        size = 0
        for changes in self._changes():
            length = sum(len(side.raw) for one in changes for side in (one.old, one.new))
            if batch and (len(batch) == BATCH or size + length > BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(changes)
            size += length
        if batch:
            yield batch

    def _changes(self) -> Iterator[list[_Change]]:
        found = self.before.find({"document": {"$exists": True}}, sort=[("_id", -1)])  # so `old` comes before `new`
        for _, kept in groupby(found, key=lambda one: encode({"": one["_id"]["of"]})):
            sides = iter([*kept])
            yield [_Change(old["document"], new["document"], (old["_id"], new["_id"])) for old, new in zip(sides, sides, strict=True)]

    def _put_back(self, lock: Lock, asides: Sequence[str], batch: list[list[_Change]]) -> None:
        mixed = 0

        def change(session: ClientSession) -> None:
            nonlocal mixed
            lock.claim(session)
            left, mixed = {_key(changes[0].old): changes for changes in batch}, 0
            for name in (*asides, self.target.collection):  # where it was set aside, a live one of its `_id` is another document
                mixed += self._put_back_in(self.named(name), left, session)
            keys = [key for changes in batch for one in changes for key in one.keys]
            self.before.delete_many({"_id": {"$in": keys}}, session=session)

        transact(self.client, change, len(batch))
        self.mixed += mixed

    def _put_back_in(self, collection: Collection[Any], left: dict[bytes, list[_Change]], session: ClientSession) -> int:
        """In one collection, without those that were found. Returns how many of the documents others had changed."""
        requests, mixed = [], 0
        for live in collection.find({"_id": {"$in": [changes[0].old["_id"] for changes in left.values()]}}, session=session):
            changes = left.pop(_key(live), [])  # none where its `_id` is an equal number of another type
            found = there = bytes(live.raw)
            for one in changes:
                found = one.taken_back(found)
            mixed += bool(changes) and there not in (changes[0].new.raw, changes[-1].old.raw)
            if found != there:
                requests.append(UpdateOne({"_id": live["_id"]}, [{"$replaceWith": {"$literal": RawBSONDocument(found)}}]))
        if requests:
            collection.bulk_write(requests, ordered=False, session=session, bypass_document_validation=True)
        return mixed


def _key(document: RawBSONDocument) -> bytes:
    """Its `_id`, whatever its type."""
    return encode({"": document["_id"]})


def _without(live: Any, old: Any, new: Any) -> Any:
    """A value that others changed too, without what the step did beside that; `MISSING` stands for no value."""
    if _same(live, new):
        return old
    levels = [{} if one is MISSING else one for one in (live, old, new)]
    if not all(isinstance(one, dict) for one in levels):
        return live
    names = [*levels[0], *(name for name in levels[1] if name not in levels[0])]
    found = {name: _without(*(one.get(name, MISSING) for one in levels)) for name in names}
    kept = {name: value for name, value in found.items() if value is not MISSING}
    return kept if kept or {} in (live, old) else MISSING


def _same(one: Any, other: Any) -> bool:
    """Whether they are the same to the byte."""
    return one is other or (MISSING not in (one, other) and encode({"": one}) == encode({"": other}))
