"""Brings documents that were set aside back into the live collection. It can be repeated: a document is in one of the two, never in both.

A batch is one transaction with the lock and the ledger: what fits is read there, rewritten, inserted and deleted at its old place. A
document whose `_id` is live again, or that an index or the validator refuses, stays where it is.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from engine.evolution.asides import KeptAside
from engine.mapping.model import Target
from engine.mongo.asides import Left
from engine.mongo.codes import BLAMING, DUPLICATE_KEY
from engine.mongo.connection import database_of
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock
from engine.mongo.records import as_fields
from engine.mongo.trees import EXACT

BATCH, BATCH_BYTES = 1000, 8 << 20  # documents of one transaction, at most, and bytes of these as they were set aside
RAW: CodecOptions[Any] = CodecOptions(RawBSONDocument, datetime_conversion=DatetimeConversion.DATETIME_MS)


@dataclass
class Restoring:
    """All that one command brings back, for its record in the ledger; at most `limit` documents, with `bypass` whatever the validator says.

    `back` counts by run what came back. What stays is counted by its reason: the `_id` is `live` again, or a unique `index` or the
    `validator` refuses the document.
    """

    client: MongoClient[Any]
    target: Target
    ledger: Ledger
    lock: Lock
    limit: int | None = None
    bypass: bool = False
    back: Counter[str] = field(default_factory=Counter)
    live: int = 0
    index: int = 0
    validator: int = 0

    @property
    def stayed(self) -> dict[str, int]:
        """How many documents that fit did not come back, by the reason in words."""
        reasons = {"their _id is live again": self.live, "a unique index refuses them": self.index, "the validator does": self.validator}
        return {reason: documents for reason, documents in reasons.items() if documents}

    @property
    def room(self) -> int:
        """How many documents may still come back."""
        return sys.maxsize if self.limit is None else self.limit - self.back.total()

    def bring_back(self, kept: KeptAside) -> None:
        """What fits of one apply's documents. Raises LockedError, and the driver's errors."""
        for ids in self._batches(kept):
            self.lock.check()
            self._bring(kept, ids[: self.room])
            if not self.room:
                return

    def _batches(self, kept: KeptAside) -> Iterator[list[Any]]:
        """The `_id`s of what fits, as many as one transaction takes."""
        pipeline = [*kept.fitting_stages, {"$project": {"_id": 1, "size": {"$bsonSize": "$$ROOT"}}}]
        ids: list[Any] = []
        size = 0
        for document in self._collection(kept.collection, EXACT).aggregate(pipeline, allowDiskUse=True):
            if ids and (len(ids) == BATCH or size + document["size"] > BATCH_BYTES):
                yield ids
                ids, size = [], 0
            ids.append(document["_id"])
            size += document["size"]
        if ids:
            yield ids

    def _bring(self, kept: KeptAside, ids: list[Any]) -> None:
        """These documents, all that can come; where the server refuses one, each half for itself."""
        try:
            there, came = self._moved(kept, ids)
        except BulkWriteError as error:
            code = next((one["code"] for one in (error.details or {}).get("writeErrors", [])), None)
            if code not in BLAMING:
                raise
            if len(ids) > 1:
                self._bring(kept, ids[: len(ids) // 2])
                self._bring(kept, ids[len(ids) // 2 :])
            elif code == DUPLICATE_KEY:
                self.index += 1
            else:
                self.validator += 1
        else:
            self.live += there
            self.back[kept.run] += came

    def _moved(self, kept: KeptAside, ids: list[Any]) -> tuple[int, int]:
        """One transaction. Returns how many are live already, and how many came back."""
        found = (0, 0)
        facts: dict[str, Any] = {}

        def move(session: ClientSession) -> None:
            nonlocal found
            self.lock.claim(session)
            found = self._move(kept, ids, session)
            back = self.back + Counter({kept.run: found[1]})
            facts.update(as_fields({}, {"left": tuple(Left(run, documents) for run, documents in back.items())}))  # noted right after

        self.ledger.advance(move, facts)
        return found

    def _move(self, kept: KeptAside, ids: list[Any], session: ClientSession) -> tuple[int, int]:
        aside, live = self._collection(kept.collection, RAW), self._collection(self.target.collection, EXACT)
        there = [one["_id"] for one in live.find({"_id": {"$in": ids}}, {"_id": 1}, session=session)]
        coming = list(aside.aggregate([{"$match": {"_id": {"$in": ids, "$nin": there}}}, *kept.fitting_stages], session=session))
        if coming:
            live.insert_many(coming, session=session, bypass_document_validation=self.bypass)
            aside.delete_many({"_id": {"$in": [one["_id"] for one in coming]}}, session=session)
        return len(there), len(coming)

    def _collection(self, name: str, codec: CodecOptions[Any]) -> Collection[Any]:
        return database_of(self.client, self.target.database).get_collection(name, codec_options=codec)


def remove_empty_asides(client: MongoClient[Any], target: Target, ledger: Ledger) -> None:
    """Drop set-aside collections that nothing is left in. The caller must hold the target's lock."""
    database = database_of(client, target.database)
    names = [record.aside.collection for record in ledger.set_aside() if record.aside]
    for name in database.list_collection_names(filter={"name": {"$in": names}}) if names else ():
        if database[name].find_one({}, {"_id": 1}) is None:
            database.drop_collection(name)
