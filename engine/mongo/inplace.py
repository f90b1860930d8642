"""The MongoDB sink of the modes upsert, append and sync: documents go into the live collection, batch by verified batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from threading import Event
from threading import Lock as Mutex
from typing import Any

import polars as pl
from bson import decode
from pymongo import DeleteMany, IndexModel, MongoClient
from pymongo.collection import Collection
from pymongo.write_concern import WriteConcern

from engine.digests.checksum import Content, content
from engine.digests.keys import Seen, digests
from engine.documents.bson import slices
from engine.errors import DataError, TargetError, problem
from engine.mapping.model import Index, Mapping
from engine.mongo.connection import translated
from engine.mongo.inserts import BATCH_BYTES, BATCH_DOCUMENTS
from engine.mongo.locks import Lock
from engine.mongo.replacement import firsts
from engine.mongo.retries import persist
from engine.mongo.sink import Refusal
from engine.mongo.state import read, split
from engine.mongo.upserts import EXACT, KEEP, MERGE, REPLACE, Batch

DELETIONS = 10_000  # documents that one command deletes
UNUSABLE = "look at what `engine verify` says, then run again"


class InPlace:
    """A live collection, brought in line with the mapping before anything is written."""

    in_place = True

    def __init__(self, client: MongoClient[Any], mapping: Mapping, options: dict[str, Any], lock: Lock) -> None:
        target = mapping.target
        self._mapping, self._options, self._lock = mapping, options, lock
        self._database = client.get_database(target.database, write_concern=WriteConcern(w="majority", j=True))
        self._live: Collection[Any] = self._database[target.collection]
        self._stop, self._mutex = Event(), Mutex()
        policy = KEEP if target.mode == "append" else MERGE if target.on_match == "merge" else REPLACE
        self._batch = Batch(self._live, policy, self._stop)
        self._ids = Seen() if mapping.ids_may_repeat or target.mode == "sync" else None
        self._proven = Content()
        self._under_way = 0
        self.changes: Counter[str] = Counter(inserted=0, updated=0, unchanged=0)

    def replaced(self) -> int:
        """None: documents are written one by one."""
        return 0

    def open(self) -> None:
        """Create the collection with its validator, or give the one that is there the mapping's; then the indexes."""
        with translated():
            if self._live.name not in self._database.list_collection_names(filter={"name": self._live.name}):
                self._database.create_collection(self._live.name, check_exists=False, **self._options)
            elif self._options:
                self._database.command("collMod", self._live.name, **self._options)
            if self._mapping.indexes:
                self._live.create_indexes([IndexModel(list(one.keys), name=one.name, **one.options) for one in self._mapping.indexes])

    def claim(self, documents: pl.Series) -> pl.Series:
        """Of documents with the same `_id` the first one of the run; to be called in the source's order."""
        return firsts(self._ids, documents)

    def write(self, documents: pl.Series) -> list[Refusal]:
        """Bring a batch into the collection and read it back; returns the documents that were refused."""
        refusals: list[Refusal] = []
        start = 0
        with translated():
            for part in slices(documents, BATCH_BYTES, BATCH_DOCUMENTS):
                self._lock.check()
                found, counts = self._write(part)
                left_out = {one.index for one in found}
                proven = content(raw for index, raw in enumerate(part.to_list()) if index not in left_out)
                with self._mutex:
                    self._proven += proven
                    self.changes.update(counts)
                refusals += [replace(one, index=start + one.index) for one in found]
                start += len(part)
        return refusals

    def _write(self, part: pl.Series) -> tuple[list[Refusal], Counter[str]]:
        with self._mutex:
            self._under_way += 1
        try:
            return self._batch.write(part)
        finally:
            with self._mutex:
                self._under_way -= 1

    def build(self, _indexes: tuple[Index, ...]) -> None:
        """They are there already."""

    def read_back(self) -> Content:
        """The documents of this run whose batches were read back."""
        return self._proven

    def publish(self) -> Content:
        """Mode sync: delete what the source does not have. Then read all that is live.

        Raises:
            DataError: more would be deleted than the mapping allows; nothing was.
            TargetError: the server failed, or in mode sync holds something else than the source.
        """
        with translated():
            if self._mapping.target.mode != "sync":
                return persist(lambda _: read(self._live, self._stop), self._stop)
            self._delete()
            found = persist(lambda _: read(self._live, self._stop), self._stop)
        if found != self._proven:
            message = f"the source has {self._proven.count:,} documents, the collection {found.count:,}, or other ones"
            raise TargetError(problem("not_in_sync", message, hint=f"something else writes to it; {UNUSABLE}"))
        return found

    def _delete(self) -> None:
        total = self._live.count_documents({})
        surplus, limit = max(0, total - self._proven.count), self._mapping.deletions
        if limit.exceeded(surplus, total):
            message = (
                f"{surplus:,} of {total:,} documents are not in the source any more, the limit is {limit.of('documents')}; none was deleted"
            )
            hint = "is the source complete? if it is, raise limits.deletions"
            raise DataError(problem("deletion_limit", message, hint=hint, file=str(self._mapping.file)))
        for ids in self._strangers() if surplus else ():
            self._lock.check()
            self.changes["deleted"] += persist(partial(self._remove, ids), self._stop)

    def _remove(self, ids: list[Any], _attempt: int) -> int:
        return self._live.bulk_write([DeleteMany({"_id": {"$in": ids}})]).deleted_count

    def _strangers(self) -> Iterator[list[Any]]:
        """The `_id`s of the collection that did not come in this run."""
        assert self._ids is not None
        found: list[Any] = []
        for batch in self._live.find_raw_batches({}, {"_id": 1}):
            ids = list(split(batch))
            fresh = self._ids.add(digests(one[4:-1] for one in ids))  # nothing but the element of `_id` is in these documents
            found += [decode(one, EXACT)["_id"] for one, new in zip(ids, fresh, strict=True) if new]
            while len(found) >= DELETIONS:
                yield found[:DELETIONS]
                del found[:DELETIONS]
        if found:
            yield found

    def stop(self) -> None:
        """End waiting for a server that is away."""
        self._stop.set()

    def discard(self) -> None:
        """Nothing to remove: what was written is live. A write that is still under way must not meet those of the next run."""
        self._lock.lingers = self._under_way > 0
