"""The ledger `_engine_runs`: one document per run or apply, in the target's database or its own. Its form is `records.RunRecord`.

Records of a collection are ordered by the fence of the lock under which they were written, never by a clock. Times are the server's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import pymongo
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from engine.mapping.model import AMENDING, Target
from engine.mongo.connection import DISCARD_SECONDS, database_of, translated
from engine.mongo.kinds import NO_UUID
from engine.mongo.ledgerplace import RUNS, ledger_database, point_to_ledger
from engine.mongo.records import Kind, Outcome, RunRecord, as_fields
from engine.mongo.renames import move_records, unnoted_rename
from engine.mongo.retries import retry_transient
from engine.mongo.state import CollectionState
from engine.mongo.transactions import transact

CONTINUED = (Outcome.FAILED, Outcome.INTERRUPTED, Outcome.NOT_PUBLISHED, Outcome.DEAD)
SHAPING: dict[str, Any] = {"outcome": Outcome.PUBLISHED.value, "mode": {"$nin": list(AMENDING)}, "kind": {"$ne": Kind.DROP.value}}
LOADED: dict[str, Any] = {**SHAPING, "kind": Kind.LOAD.value}
BEGUN = ("replace", "adopt")  # the modes after which nothing of earlier runs is left in the collection, or is known to be


class Ledger:
    """Keeps the run record of one run (created at the start, updated while it runs, completed at the end), and reads the others.

    Without a run it only reads. All that read raise DataError for a record that a newer engine wrote.
    """

    def __init__(self, client: MongoClient[Any], target: Target, run_id: str = "") -> None:
        self._client, self._database, self.run_id = client, target.database, run_id
        self._runs = database_of(client, ledger_database(target.database))[RUNS]
        self._of = target

    @property
    def _target(self) -> dict[str, Any]:
        """The query for the records of the target: a rename that the server has carried out counts as noted."""
        with translated():
            rename = unnoted_rename(self._runs, self._of)
        name: Any = self._of.collection
        if rename:
            name = rename.old if name == rename.new else {"$in": []}
        return {"database": self._database, "collection": name}

    # writing

    def start(self, record: RunRecord) -> list[str]:
        """Record that a run has begun. Its record is stamped by the lock, which is held: others of the target are dead. Returns them.

        A run that has given the collection its new name begins again under it.
        """
        others = {**self._target, "outcome": Outcome.RUNNING.value, "_id": {"$ne": record.run_id}}
        with translated():
            point_to_ledger(self._client, self._database)
            died: list[str] = self._runs.distinct("_id", others)
            self._runs.update_many(others, {"$set": {"outcome": Outcome.DEAD.value}})
            self._runs.replace_one({"_id": record.run_id}, record.as_document(), upsert=True)
        return died

    def set_fields(self, **fields: Any) -> None:
        """Change fields of the record, and the heartbeat to now."""
        with translated():
            retry_transient(lambda _: self._set(as_fields({}, fields)))

    def beat(self) -> None:
        """Write the heartbeat only; if that fails, the next one is enough."""
        with suppress(PyMongoError):
            self._set({})

    def finish(self, outcome: Outcome, details: dict[str, Any], **fields: Any) -> None:
        """Record how the run ended. Waits at most a second for a server that may be gone, unless the run was published.

        Of a run that was not published, the stage stays the one in which it ended.
        """
        done = {"stage": "done"} if outcome is Outcome.PUBLISHED else {}
        record = as_fields(details, {"outcome": outcome, **done, **fields})
        with translated():
            if outcome is Outcome.PUBLISHED:
                retry_transient(lambda _: self._set(record, finished=True))
            else:
                with pymongo.timeout(DISCARD_SECONDS):
                    self._set(record, finished=True)

    def note_rename(self) -> None:
        """Note, with the lock, a rename that the server has carried out: all records are about the collection's new name, at once."""
        with translated():
            if rename := unnoted_rename(self._runs, self._of):
                transact(self._client, partial(move_records, self._runs, self._database, rename))

    def finish_undo(self, undone: RunRecord, details: dict[str, Any], live: CollectionState, unfit: int) -> None:
        """Record, at once, that this run has taken an apply back, and that the apply was taken back."""
        mark = {"$set": as_fields({"undone_by": self.run_id}, {"outcome": Outcome.UNDONE})}
        facts = as_fields(details, {"outcome": Outcome.PUBLISHED, "stage": "done", "live": live, "unfit": unfit})
        with translated():
            self.advance(lambda session: self._mark(undone.run_id, mark, session), facts)
            self._set({}, finished=True)

    def _mark(self, run: str, change: dict[str, Any], session: ClientSession) -> None:
        self._runs.update_one({"_id": run}, change, session=session)

    def advance(self, step: Callable[[ClientSession], None], facts: dict[str, Any], documents: int = 1) -> None:
        """Carry out a step and note facts in one transaction: both take effect, or neither. Raises as `transact` does."""

        def both(session: ClientSession) -> None:
            step(session)
            self._set(facts, session=session)

        transact(self._client, both, documents)

    def _set(self, facts: dict[str, Any], *, finished: bool = False, session: ClientSession | None = None) -> None:
        now = dict.fromkeys(["heartbeat", "finished_at"] if finished else ["heartbeat"], True)
        change = {"$currentDate": now} | ({"$set": facts} if facts else {})
        self._runs.update_one({"_id": self.run_id}, change, session=session)

    # reading

    def unfinished(self, record: RunRecord) -> tuple[str, int]:
        """The run to continue, and its last settled row: the target's last run, if it ended early and did the same; else `("", 0)`."""
        last = self._newest({"_id": {"$ne": self.run_id}})
        if last is None or last.outcome not in CONTINUED or not last.does_the_same(record):
            return "", 0
        return last.run_id, last.rows_done

    def last_published(self) -> tuple[str, CollectionState] | None:
        """The last published run of the target, and the state of the collection after it."""
        found = self._newest({"outcome": Outcome.PUBLISHED.value, "live": {"$exists": True}})
        return (found.run_id, found.live) if found and found.live else None

    def unfinished_since(self, run: str) -> RunRecord | None:
        """The target's newest run that wrote into the live collection after this one and did not finish."""
        since = self.find(run)
        wrote = {"outcome": {"$ne": Outcome.PUBLISHED.value}, "mode": {"$nin": ["replace", Kind.DROP.value]}}
        return self._newest(wrote | {"fence": {"$gt": since.fence if since else 0}})

    def applied(self) -> RunRecord | None:
        """What the live collection is: the last published apply or run of the target, in a mode that gives it its shape."""
        return self._newest(SHAPING)

    def shaping(self) -> list[RunRecord]:
        """Those whose mappings' documents may be in the live collection, each meaning once; the one that was applied last is the first.

        The others are those beside it, and loads that wrote into the collection since and did not end.
        """
        applied = self.applied()
        if applied is None:
            return []
        wrote = {"kind": Kind.LOAD.value, "mode": {"$nin": ["replace", *AMENDING]}, "outcome": {"$ne": Outcome.PUBLISHED.value}}
        since = self._read({**self._target, **wrote, "_id": {"$ne": self.run_id}, "fence": {"$gt": applied.fence}})
        beside = (record for run in applied.beside if (record := self.find(run)))
        found: dict[str, RunRecord] = {}
        for record in (applied, *since, *beside):
            found.setdefault(record.meaning_sha256, record)
        return list(found.values())

    def earlier(self, most: int) -> list[RunRecord]:
        """Those whose mappings were applied before the present one, or by an apply that was taken back; each meaning once, newest first."""
        applied = self.applied()
        undone = {"kind": Kind.APPLY.value, "outcome": Outcome.UNDONE.value}
        before = {**self._target, "fence": {"$lt": applied.fence if applied else 0}, "$or": [SHAPING, undone]}
        last = {"$group": {"_id": "$meaning_sha256", "run": {"$first": "$_id"}, "fence": {"$first": "$fence"}}}
        newest_first = {"$sort": {"fence": -1}}
        with translated():
            found = [*self._runs.aggregate([{"$match": before}, newest_first, last, newest_first, {"$limit": most}])]
        return [record for one in found if (record := self.find(one["run"]))]

    def unfinished_apply(self) -> RunRecord | None:
        """The last `engine apply` that did not finish and that no published run has superseded."""
        last, applied = self._newest({"kind": Kind.APPLY.value}), self.applied()
        return last if last and last.fence > (applied.fence if applied else 0) else None

    def loads(self) -> list[RunRecord]:
        """The published runs that made the live collection, back to the last in mode replace or its adoption; only what they left out."""
        parts = ("record_version", "mode", "rejects", "nulled", "accounting")
        found: list[RunRecord] = []
        for record in self._read({**self._target, **SHAPING, "kind": {"$in": [Kind.LOAD.value, Kind.ADOPT.value]}}, parts):
            found.append(record)
            if record.mode in BEGUN:
                break
        return found

    def set_aside(self) -> list[RunRecord]:
        """The applies of the target that set documents aside, also those that did not finish; the newest first."""
        return [*self._read({**self._target, "aside": {"$exists": True}})]

    def left(self) -> Counter[str]:
        """By apply, how many of the documents that it set aside came back or were dropped."""
        found = Counter[str]()
        for record in self._read({**self._target, "left": {"$exists": True}}, ("record_version", "left")):
            found.update({one.run: one.documents for one in record.left})
        return found

    def begun_after(self, record: RunRecord) -> str:
        """The newest published run after this record that loaded the whole collection; empty where there is none."""
        whole = {**SHAPING, "mode": {"$in": [*BEGUN, "sync"]}, "fence": {"$gt": record.fence}}
        found = self._newest(whole)
        return found.run_id if found else ""

    def applied_after(self, record: RunRecord) -> list[RunRecord]:
        """What the live collection was after this record, the oldest first; the same mapping counts once."""
        later = [*self._read({**self._target, **SHAPING, "fence": {"$gt": record.fence}})][::-1]
        return [after for before, after in pairwise([record, *later]) if after.meaning_sha256 != before.meaning_sha256]

    def find(self, run: str) -> RunRecord | None:
        """A run of the target."""
        return next(iter(self._read({"_id": run, **self._target})), None)

    def made(self, uuid: str) -> bool:
        """Whether a run has made the target's collection of this UUID, or adopted it.

        Without UUIDs, what a run in mode replace made counts from when it was published.
        """
        published = {} if uuid != NO_UUID else {"$or": [{"outcome": Outcome.PUBLISHED.value}, {"mode": {"$ne": "replace"}}]}
        with translated():
            return self._runs.find_one({**self._target, "uuid": uuid, **published}, {"_id": 1}) is not None

    def later_load(self, run: RunRecord) -> str:
        """The last load of the target that was published after this one and did not retry its rows; empty where there is none."""
        found = self._newest({**LOADED, "fence": {"$gt": run.fence}, "retry_of": {"$ne": run.run_id}})
        return found.run_id if found else ""

    def retried(self) -> dict[str, list[list[int]]]:
        """By run, the ranges of its rejected rows that retries have settled; a retry has the same list as the run that it retries."""
        settled: dict[str, list[list[int]]] = {}
        wanted = {"database": self._database, "retry_of": {"$exists": True}, "outcome": Outcome.PUBLISHED.value}
        for record in self._read(wanted, parts=("record_version", "retry_of", "settled")):
            found = settled.setdefault(record.retry_of, [])
            found += record.settled
            settled[record.run_id] = found
        return settled

    def highest_fence(self) -> int:
        """The fence of the target's newest record, in whatever form it is; 0 where there is none."""
        with translated():
            newest = self._runs.find_one(self._target, {"fence": 1}, sort=[("fence", -1)])
        return newest.get("fence", 0) if newest else 0

    def runs(self, limit: int, collections: Collection[str] = ()) -> list[RunRecord]:
        """The run records of the database, or of some of its collections, without the long parts; the newest first.

        By the server's clock, those of a collection by fence.
        """
        long = dict.fromkeys(("mapping_text", "live", "settled", "rejected"), 0)
        with translated():
            wanted = {"database": self._database} | ({"collection": {"$in": [*collections]}} if collections else {})
            newest = self._runs.find(wanted, long).sort("started_at", -1).limit(limit)
            found = [RunRecord.of(record) for record in newest]
        newest_last: dict[str, list[RunRecord]] = {}
        for record in sorted(found, key=lambda record: record.fence):
            newest_last.setdefault(record.collection, []).append(record)
        return [newest_last[record.collection].pop() for record in found]

    def _newest(self, wanted: dict[str, Any]) -> RunRecord | None:
        with translated():
            found = next(iter(self._runs.find({**self._target, **wanted}).sort("fence", -1).limit(1)), None)
        return self._seen(found) if found else None

    def _seen(self, found: dict[str, Any]) -> RunRecord:
        """The record under the target's name, also where that is not noted yet."""
        record, name = RunRecord.of(found), self._of.collection
        return replace(record, named=record.named or record.collection, collection=name) if record.collection not in ("", name) else record

    def _read(self, wanted: dict[str, Any], parts: Iterable[str] | None = None) -> Iterable[RunRecord]:
        """Those that meet the query, the newest first."""
        with translated():
            for part in self._runs.find(wanted, list(parts) if parts else None).sort("fence", -1):
                yield self._seen(part)
