"""The MongoDB sink of all modes but replace: documents go into the live collection, batch by verified batch."""

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
from pymongo import MongoClient
from pymongo.collection import Collection

from engine.digests.checksum import Content, content
from engine.digests.keys import DigestSet, digests
from engine.documents.bson import id_key, slices
from engine.errors import DataError, TargetError, counted, finding
from engine.mapping.model import Mapping
from engine.mongo.carried import index_models
from engine.mongo.connection import WRITE_CONCERN, database_of, server_time, translated
from engine.mongo.deletions import DeleteBatch
from engine.mongo.expiry import Schedule, period_after
from engine.mongo.fences import Fence, create_indexes
from engine.mongo.inserts import BATCH_BYTES, BATCH_DOCUMENTS
from engine.mongo.kinds import collection_info
from engine.mongo.locks import Lock
from engine.mongo.matching import match_of, repetitions_of
from engine.mongo.ownership import Ownership, read_existing, read_uuid
from engine.mongo.policies import SUPERSEDED, policy_of
from engine.mongo.retries import document_errors, retry_transient
from engine.mongo.sink import Refusal
from engine.mongo.state import CollectionState, content_of, schedule_of, split_documents, state_of
from engine.mongo.survey import Survey
from engine.mongo.timeseries import in_series, series_policy
from engine.mongo.trees import EXACT
from engine.mongo.unique import check_unique, wanted_indexes
from engine.mongo.upserts import UpsertBatch, Written

COUNTED = {
    "upsert": ("inserted", "updated", "unchanged"),
    "update": ("updated", "unchanged", "unmatched"),
    "delete": ("deleted", "unmatched"),
}
"""By mode, what is counted even where it is none."""
DELETIONS = 10_000  # documents that one command deletes
COLLECTING = 1_000  # documents that are compared at a time with live ones that may be much larger
UNUSABLE = "see what `engine verify` reports, then run again"


class InPlace:
    """A live collection, whose validator and indexes are updated before any document is written.

    `fenced`: the server can compare the UUID that a write names. `yields`: live documents that differ stay, and the row is rejected.
    """

    writes_live = True
    notes: tuple[str, ...] = ()

    def __init__(self, client: MongoClient[Any], ownership: Ownership, lock: Lock, *, fenced: bool, yields: bool = False) -> None:
        mapping, target = ownership.mapping, ownership.mapping.target
        self._mapping, self._ownership, self._lock, self._fenced = mapping, ownership, lock, fenced
        self._database = database_of(client, target.database)
        self._live: Collection[Any] = self._database[target.collection]
        self._stop, self._mutex = Event(), Mutex()
        # its fence is known when the collection exists
        self._batch = _batch(self._live, mapping, Fence(lock), self._stop, yields=yields)
        self._repetitions = repetitions_of(mapping)
        self._proven = Content()
        self._held, self._held_ids = Content(), DigestSet() if target.mode == "sync" else None  # of live documents, as read back
        self._most = COLLECTING if any(array.keeps_elements for array in mapping.arrays) else BATCH_DOCUMENTS
        self._expiring: Schedule | None = None  # of the documents as read back
        self._found: Schedule | None = None  # of the live ones
        self._under_way = 0
        self.changes: Counter[str] = Counter(dict.fromkeys(COUNTED.get(target.mode, COUNTED["upsert"]), 0))
        self.made = ""

    @property
    def _fence(self) -> Fence:
        return self._batch.fence

    def live_document_count(self) -> int:
        """0: documents are written one by one."""
        return 0

    def open(self) -> None:
        """Create the collection with its options and validator, or change those of one that is the engine's; then build indexes.

        In the modes update and delete it stays as it is.

        Raises:
            DataError: the collection is somebody else's, and it would be changed.
            TargetError: the server refused it.
        """
        if not self._mapping.target.amends:
            self._prepare()
        with translated():
            fence = Fence.around(self._live, self._lock, supported=self._fenced)
        self._batch = replace(self._batch, fence=fence)
        self.build(self._mapping)
        with translated():
            self._expiring = schedule_of(self._live)
        if self._expiring and isinstance(self._batch, UpsertBatch):
            self._batch = replace(self._batch, rules=self._expiring.rules)

    def _prepare(self) -> None:
        """In mode sync the validator spares documents that it would refuse, until they are replaced or deleted."""
        standing = self._ownership.require()
        with translated():
            check_unique(self._live, self._mapping)
            if standing.existing is None:
                declared = self._mapping.target.creation
                self._database.create_collection(self._live.name, check_exists=False, **declared, **self._ownership.rules)
            elif standing.owned:
                self._set_options({"validationLevel": "moderate"} if self._mapping.target.mode == "sync" else {})
            self.made = read_uuid(self._live) if standing.owned else ""

    def lookout(self) -> Survey | None:
        """In the modes update and delete, what tells before the first change how many documents it would be about."""
        return Survey(self._live, self._mapping) if self._mapping.target.amends else None

    def _set_options(self, instead: dict[str, Any]) -> None:
        """Those of the mapping that are not there yet, except for what there is `instead`."""
        existing = read_existing(self._live)
        if existing and (changed := existing.lacking(self._mapping.target.options.changeable, self._ownership.rules)):
            self._database.command("collMod", self._live.name, **changed | (instead if "validator" in changed else {}))

    def repeated(self, documents: pl.Series) -> list[Refusal]:
        """Those that match the same live document as an earlier one of this run."""
        return self._repetitions.refusals(documents)

    def write(self, documents: pl.Series) -> list[Refusal]:
        """Write a batch into the collection and read it back. Returns the refused documents. Raises TargetError, LockedError."""
        refusals: list[Refusal] = []
        start = 0
        with self._fence.explaining(), translated():
            for part in slices(documents, BATCH_BYTES, self._most):
                self._lock.check()
                written = self._write(part)
                self._note(part, written)
                refusals += [replace(refusal, index=start + refusal.index) for refusal in written.refusals]
                start += len(part)
        return refusals

    def _note(self, part: pl.Series, written: Written) -> None:
        left_out = {refusal.index for refusal in written.refusals}
        proven = content(raw for index, raw in enumerate(part.to_list()) if index not in left_out)
        held = content(written.held)
        with self._mutex:
            self._proven += proven
            self._held += held
            if self._expiring and self._held_ids is not None:
                self._expiring.add(written.held)
            self.changes.update(written.outcomes)
            if self._held_ids is not None:
                self._held_ids.add(digests(map(id_key, written.held)))

    def _write(self, part: pl.Series) -> Written:
        with self._mutex:
            self._under_way += 1
        try:
            return self._batch.write(part)
        finally:
            with self._mutex:
                self._under_way -= 1

    def build(self, mapping: Mapping) -> None:
        """Build missing indexes: all when it opens, at the end of a run those that were dropped meanwhile."""
        if mapping.target.amends:
            return
        with self._fence.explaining(), translated():
            live = collection_info(self._database, self._live.name)
            wanted = wanted_indexes(self._live, mapping.indexes)
            if models := index_models(wanted, collated=bool(live and "collation" in live.options)):
                retry_transient(partial(create_indexes, self._live, models, self._fence), self._stop)

    def read_back(self) -> Content:
        """Count and content checksum of this run's documents, each batch as read back after its write."""
        return self._proven

    def publish(self) -> Content:
        """In mode sync, delete the documents that the source does not have. Then read the whole live collection.

        Raises:
            DataError: more would be deleted than the mapping allows; nothing was deleted.
            TargetError: the server failed, or in mode sync the collection differs from the source.
        """
        with translated():
            if self._mapping.target.mode != "sync":
                return retry_transient(lambda _: self._read(), self._stop)
            self._delete()
            self._set_options({})
            found = retry_transient(lambda _: self._read(), self._stop)
            held, live = self._not_due(found)
        if live.count != held.count or (live != held and not self._mapping.validation.open):
            message = f"the source has {counted(self._held.count, 'document')}, the collection {found.count:,}, or different ones"
            raise TargetError(finding("not_in_sync", message, hint=f"something else writes to it; {UNUSABLE}"))
        return found

    def _read(self) -> Content:
        self._found = schedule_of(self._live)
        return content_of(self._live, self._stop, self._found)

    def _not_due(self, found: Content) -> tuple[Content, Content]:
        """What is held and what is live, without the documents that TTL indexes may be deleting."""
        if not (self._expiring and self._found):
            return self._held, found
        end = period_after(server_time(self._database.client), self._found.width)
        return self._held - self._expiring.before(end), found - self._found.before(end)

    def state(self, content: Content) -> CollectionState:
        """Its validator and indexes as they are now."""
        with translated():
            return state_of(self._live, content, self._found)

    def _delete(self) -> None:
        total = self._live.count_documents({})
        surplus, limit = max(0, total - self._held.count), self._mapping.deletion_limit
        if limit.exceeded(surplus, total):
            message = (
                f"{surplus:,} of {total:,} documents are no longer in the source, the limit is {limit.of('document')}; none was deleted"
            )
            hint = "is the source complete? if it is, raise limits.deletions, or --allow deletion_limit for this run"
            raise DataError(finding("deletion_limit", message, hint=hint, file=str(self._mapping.file)))
        for ids in self._strangers() if surplus else ():
            self._lock.check()
            self.changes["deleted"] += retry_transient(partial(self._remove, ids), self._stop)

    def _remove(self, ids: list[Any], attempt: int) -> int:
        command = {"delete": self._live.name, "deletes": [{"q": {"_id": {"$in": ids}}, "limit": 0}], "writeConcern": WRITE_CONCERN.document}
        reply = self._database.command(self._fence.guarded(command, attempt))
        document_errors(reply, ())
        return int(reply["n"])

    def _strangers(self) -> Iterator[list[Any]]:
        """The `_id`s in the collection that this run did not read back, in batches."""
        assert self._held_ids is not None
        found: list[Any] = []
        for batch in self._live.find_raw_batches({}, {"_id": 1}):
            ids = list(split_documents(batch))
            fresh = self._held_ids.add(digests(map(id_key, ids)))
            found += [decode(one, EXACT)["_id"] for one, new in zip(ids, fresh, strict=True) if new]
            while len(found) >= DELETIONS:
                yield found[:DELETIONS]
                del found[:DELETIONS]
        if found:
            yield found

    def stop(self) -> None:
        """Stop waiting for a server that does not answer."""
        self._stop.set()

    def discard(self) -> None:
        """Nothing to remove: what was written is live. A write that is still in progress must not meet those of the next run."""
        self._lock.leave_to_expire = self._under_way > 0


def _batch(live: Collection[Any], mapping: Mapping, fence: Fence, stop: Event, *, yields: bool) -> UpsertBatch | DeleteBatch:
    """How batches are written: what is matched, and what becomes of what differs."""
    if series := mapping.target.timeseries:
        return UpsertBatch(live, in_series(mapping, series), series_policy(mapping, series), fence, stop)
    if mapping.target.mode == "delete":
        return DeleteBatch(live, match_of(mapping), fence, stop)
    policy = replace(policy_of(mapping), differing="refuse", refusal=SUPERSEDED) if yields else policy_of(mapping)
    return UpsertBatch(live, match_of(mapping), policy, fence, stop)
