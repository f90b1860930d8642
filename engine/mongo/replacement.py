"""The MongoDB sink of `mode: replace`: a staging collection with validator, then indexes, verification, and one atomic rename."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from threading import Event
from typing import Any

import polars as pl
import pymongo
from pymongo import IndexModel, MongoClient
from pymongo.collection import Collection
from pymongo.write_concern import WriteConcern

from engine.digests.checksum import Content
from engine.digests.keys import Seen, digests
from engine.documents.bson import id_element, slices
from engine.mapping.model import Index, Target
from engine.mongo.connection import DISCARD_SECONDS, RUN_ID, translated
from engine.mongo.inserts import BATCH_BYTES, BATCH_DOCUMENTS, insert
from engine.mongo.retries import persist
from engine.mongo.sink import Refusal
from engine.mongo.state import read
from engine.mongo.unique import check_unique


class Replacement:
    """A collection in the making. It becomes the target in `publish`, or nothing in `discard`.

    `hold` renews the lock on the target, and raises where it is lost.
    """

    in_place = False

    def __init__(
        self,
        client: MongoClient[Any],
        target: Target,
        options: dict[str, Any],
        run_id: str,
        hold: Callable[[], None] = lambda: None,
        *,
        ids_may_repeat: bool = True,
    ) -> None:
        self._target, self._options, self._hold = target, options, hold
        self._database = client.get_database(target.database, write_concern=WriteConcern(w="majority", j=True))
        self._staging: Collection[Any] = self._database[staging_name(target.collection, run_id)]
        self._ids = Seen() if ids_may_repeat else None
        self._stop = Event()
        self._identity: Any = None
        self._content = Content()
        self.changes: Counter[str] = Counter()

    def replaced(self) -> int:
        """How many documents are live."""
        with translated():
            return int(persist(lambda _: self._database[self._target.collection].estimated_document_count(), self._stop))

    def open(self) -> None:
        """Create the staging collection with its validator, before any document goes in."""
        with translated():
            self._database.create_collection(self._staging.name, check_exists=False, **self._options)
            self._identity = self._uuid(self._staging.name)

    def claim(self, documents: pl.Series) -> pl.Series:
        """Of documents with the same `_id` the first one: the index on `_id` would keep the one that happens to arrive first."""
        return firsts(self._ids, documents)

    def write(self, documents: pl.Series) -> list[Refusal]:
        """Insert BSON documents; returns those that the validator or a unique index refused."""
        refusals: list[Refusal] = []
        start = 0
        with translated():
            for part in slices(documents, BATCH_BYTES, BATCH_DOCUMENTS):
                refusals += [replace(one, index=start + one.index) for one in insert(self._staging, part, self._stop)]
                start += len(part)
        return refusals

    def build(self, indexes: tuple[Index, ...]) -> None:
        """Build all indexes in one command."""
        if indexes:
            models = [IndexModel(list(one.keys), name=one.name, **one.options) for one in indexes]
            with translated():
                persist(lambda _: check_unique(self._staging, indexes), self._stop)
                persist(lambda _: self._staging.create_indexes(models), self._stop)

    def read_back(self) -> Content:
        """Count and checksum of what the server holds."""
        with translated():
            self._content = persist(lambda _: read(self._staging, self._stop), self._stop)
        return self._content

    def publish(self) -> Content:
        """Rename over the live collection: readers see the old one or the new one, never a mixture.

        The lock is renewed right before. Whoever takes it over removes the staging collection first, so a run that was stopped in between
        and wakes up later has nothing left to rename.
        """
        self._hold()
        with translated():
            persist(self._rename, self._stop)
        return self._content

    def _rename(self, attempt: int) -> None:
        """An earlier attempt may have been carried out without an answer: then the live collection is the one that was staging."""
        if attempt and self._identity and self._uuid(self._target.collection) == self._identity:
            return
        self._staging.rename(self._target.collection, dropTarget=True)

    def _uuid(self, name: str) -> Any:
        found = next(iter(self._database.list_collections(filter={"name": name})), {})
        return found.get("info", {}).get("uuid")

    def stop(self) -> None:
        """End waiting for a server that is away."""
        self._stop.set()

    def discard(self) -> None:
        """Drop the staging collection; waits a second at most for a server that may be gone."""
        with translated(), pymongo.timeout(DISCARD_SECONDS):
            self._staging.drop()


def firsts(ids: Seen | None, documents: pl.Series) -> pl.Series:
    """Which documents have an `_id` that is not among `ids` yet (of equal ones the first); adds them. All of them where nobody counts."""
    if ids is None:
        return pl.repeat(value=True, n=len(documents), dtype=pl.Boolean, eager=True)
    return pl.Series(ids.add(digests(id_element(raw) for raw in documents.to_list())), dtype=pl.Boolean)


def staging_name(collection: str, run_id: str) -> str:
    """The collection that a run in mode replace loads into."""
    return f"{collection}__staging_{run_id}"


def remove_staging(client: MongoClient[Any], target: Target) -> list[str]:
    """Remove what dead runs left of a target, and name it. To be called by the holder of its lock: nobody else works on it."""
    database = client.get_database(target.database, write_concern=WriteConcern(w="majority", j=True))
    pattern = f"^{re.escape(staging_name(target.collection, ''))}{RUN_ID}$"
    with translated():
        found = sorted(database.list_collection_names(filter={"name": {"$regex": pattern}}))
        for name in found:
            database.drop_collection(name)
    return found
