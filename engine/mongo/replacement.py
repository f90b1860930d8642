"""The MongoDB sink of `mode: replace`: a staging collection with validator, then indexes, verification, and one atomic rename."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection as Names
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Any

import polars as pl
import pymongo
from pymongo import MongoClient
from pymongo.collection import Collection

from engine.digests.checksum import Content
from engine.documents.bson import slices
from engine.errors import TargetError, finding
from engine.mapping.model import Mapping
from engine.mongo.carried import CarriedOver
from engine.mongo.connection import DISCARD_SECONDS, database_of, translated
from engine.mongo.expiry import EXPIRY, Schedule
from engine.mongo.fences import Fence, create_indexes
from engine.mongo.inserts import BATCH_BYTES, BATCH_DOCUMENTS, insert
from engine.mongo.kinds import collection_info
from engine.mongo.leftovers import staging_name
from engine.mongo.locks import Lock
from engine.mongo.matching import repetitions_of
from engine.mongo.ownership import Ownership, read_uuid
from engine.mongo.retries import retry_transient
from engine.mongo.sink import Refusal
from engine.mongo.state import CollectionState, content_of, state_of
from engine.mongo.unique import check_unique


class Replacement:
    """A staging collection. `publish` renames it over the target, `discard` drops it.

    `fenced`: the server can compare the UUID that a write names. `own_indexes` are those that the mapping before this one declared; other
    indexes of the live collection are kept.
    """

    writes_live = False

    def __init__(
        self,
        client: MongoClient[Any],
        ownership: Ownership,
        lock: Lock,
        *,
        fenced: bool,
        own_indexes: Names[str] = (),
    ) -> None:
        mapping = ownership.mapping
        self._target, self._ownership, self._lock, self._fenced = mapping.target, ownership, lock, fenced
        self._database = database_of(client, self._target.database)
        self._staging: Collection[Any] = self._database[staging_name(self._target.collection, lock.run_id)]
        self._fence = Fence(lock)  # that of the collection is known when it exists
        self._carried = CarriedOver(self._database[self._target.collection], self._staging, mapping, own_indexes)
        self._repetitions = repetitions_of(mapping)
        self._stop = Event()
        self.made = ""
        self._content = Content()
        self._expiring: Schedule | None = None
        self.changes: Counter[str] = Counter()

    @property
    def notes(self) -> list[str]:
        """What was kept of the live collection."""
        return self._carried.notes

    def live_document_count(self) -> int:
        """How many documents are live."""
        with translated():
            return int(retry_transient(lambda _: self._database[self._target.collection].estimated_document_count(), self._stop))

    def lookout(self) -> None:
        """None: no document depends on what is live."""

    def open(self) -> None:
        """Create the staging collection as the live one will be, and try whether all indexes can be built. Raises TargetError."""
        with translated():
            self._database.create_collection(self._staging.name, check_exists=False, **self._carried.options(), **self._ownership.rules)
            self.made = read_uuid(self._staging)
            self._fence = Fence.around(self._staging, self._lock, supported=self._fenced)
            self._carried.rehearse(self._fence)

    def repeated(self, documents: pl.Series) -> list[Refusal]:
        """Those whose `_id` or key an earlier one has: the unique indexes would keep whichever happens to arrive first."""
        return self._repetitions.refusals(documents)

    def write(self, documents: pl.Series) -> list[Refusal]:
        """Insert BSON documents. Returns those that the validator or a unique index refused. Raises TargetError."""
        refusals: list[Refusal] = []
        start = 0
        with self._fence.explaining(), translated():
            for part in slices(documents, BATCH_BYTES, BATCH_DOCUMENTS):
                found = insert(self._staging, part, self._fence, self._stop)
                refusals += [replace(refusal, index=start + refusal.index) for refusal in found]
                start += len(part)
        return refusals

    def build(self, mapping: Mapping) -> None:
        """Build all indexes of the mapping in one command, then those that others made. Raises TargetError."""
        with self._fence.explaining(), translated():
            if models := [model for model in self._carried.models() if EXPIRY not in model.document]:
                retry_transient(lambda _: check_unique(self._staging, mapping), self._stop)
                retry_transient(partial(create_indexes, self._staging, models, self._fence), self._stop)
            retry_transient(partial(self._carried.build, self._fence), self._stop)

    def read_back(self) -> Content:
        """Count and content checksum of the staging collection. Raises TargetError."""
        with self._fence.explaining(), translated():
            self._content = retry_transient(lambda _: self._read(), self._stop)
        return self._content

    def _read(self) -> Content:
        self._expiring = self._carried.schedule()
        return content_of(self._staging, self._stop, self._expiring)

    def publish(self) -> Content:
        """Rename the staging collection over the live one, unless that is somebody else's by now. Raises EngineError.

        Readers see the old or the new one. Indexes that others made since `build` come along. The lock is renewed right before the
        rename. A run that takes the lock over removes the staging collection first, so a run that was suspended in between and
        continues later has nothing left to rename.
        """
        self._lock.hold()
        with self._fence.explaining(), translated():
            if models := [model for model in self._carried.models() if EXPIRY in model.document]:
                retry_transient(partial(create_indexes, self._staging, models, self._fence), self._stop)
            retry_transient(partial(self._carried.finish, self._fence), self._stop)
            self._ownership.require()
            self._lock.hold()
            retry_transient(self._rename, self._stop)
        return self._content

    def state(self, content: Content) -> CollectionState:
        """Its validator and indexes came with it."""
        with translated():
            return state_of(self._database[self._target.collection], content, self._expiring)

    def _rename(self, attempt: int) -> None:
        if not (attempt and self._is_live()):
            self._staging.rename(self._target.collection, dropTarget=True)

    def _is_live(self) -> bool:
        """Whether an earlier attempt succeeded without an answer; told by the UUID, and where there is none, by the content.

        Raises TargetError where the staging collection is gone and the live one has other content.
        """
        live = collection_info(self._database, self._target.collection)
        if live and live.uuid and live.uuid == self._fence.uuid:
            return True
        if self._fence.uuid or collection_info(self._database, self._staging.name):
            return False
        if live and content_of(self._database[self._target.collection], self._stop) == self._content:
            return True
        message = f"the answer to the rename was lost; {self._target.collection} has other content than this run read back"
        hint = "`engine verify` tells: where it finds no difference, nothing was published. Then run again"
        raise TargetError(finding("outcome_unknown", message, hint=hint))

    def stop(self) -> None:
        """Stop waiting for a server that does not answer."""
        self._stop.set()

    def discard(self) -> None:
        """Drop the staging collection; waits at most a second for a server that may be gone. Raises TargetError."""
        with translated(), pymongo.timeout(DISCARD_SECONDS):
            self._staging.drop()
