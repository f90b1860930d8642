"""The ledger `_engine_runs`: one document per run, in the target's database.

`outcome` is running, published, failed, interrupted, not published (another collection of the mapping failed) or dead (its process ended
without a word). `live` is the collection's `State` after a published run. `rows_done`, in the modes upsert and append: all rows up to this
one are written and were read back. `applied` is the mapping as it was meant, with all variables filled in. Of `engine apply`, `kind` is
apply, `done` its finished steps, `position` the last `_id` that the step under way has rewritten, `steps` the log.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pymongo
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from engine.mapping.model import Target
from engine.mongo.connection import DISCARD_SECONDS, translated
from engine.mongo.retries import persist
from engine.mongo.state import State

COLLECTION = "_engine_runs"
CONTINUED = ["failed", "interrupted", "not published", "dead"]


class Ledger:
    """Keeps one run's document: made at the start, renewed while it runs, completed at the end."""

    def __init__(self, client: MongoClient[Any], target: Target, run_id: str) -> None:
        self._runs = client.get_database(target.database, write_concern=WriteConcern(w="majority", j=True))[COLLECTION]
        self._collection, self._run_id = target.collection, run_id

    def start(self, facts: dict[str, Any]) -> None:
        """Record that a run has begun. To be called by the holder of the lock: other runs of the target that seem to run are dead."""
        now = _now()
        with translated():
            self._runs.update_many({"collection": self._collection, "outcome": "running"}, {"$set": {"outcome": "dead"}})
            self._runs.insert_one(
                {"_id": self._run_id, "outcome": "running", "collection": self._collection, "started_at": now, "heartbeat": now, **facts}
            )

    def note(self, **facts: Any) -> None:
        """Add facts, and the time as the heartbeat."""
        with translated():
            persist(lambda _: self._set(facts))

    def beat(self) -> None:
        """The heartbeat alone; where it fails, the next one will do."""
        with suppress(PyMongoError):
            self._set({})

    def finish(self, outcome: str, facts: dict[str, Any]) -> None:
        """Record how it ended. Waits a second at most for a server that may be gone, unless the run was published."""
        record = {"outcome": outcome, "stage": "done", "finished_at": _now(), **facts}
        with translated():
            if outcome == "published":
                persist(lambda _: self._set(record))
            else:
                with pymongo.timeout(DISCARD_SECONDS):
                    self._set(record)

    def _set(self, facts: dict[str, Any]) -> None:
        self._runs.update_one({"_id": self._run_id}, {"$set": {"heartbeat": _now(), **facts}})

    def unfinished(self, same: dict[str, Any]) -> tuple[str, int]:
        """The run that this one goes on from, and its last settled row: the target's last run, if it ended early and did the same."""
        before = {"collection": self._collection, "_id": {"$ne": self._run_id}}
        with translated():
            last: dict[str, Any] = next(iter(self._runs.find(before).sort("started_at", -1).limit(1)), {})
        if last.get("outcome") not in CONTINUED or any(last.get(name) != value for name, value in same.items()):
            return "", 0
        return last["_id"], last.get("rows_done", 0)

    def last_published(self) -> tuple[str, State] | None:
        """The last published run of the target, and the state in which it left it."""
        wanted = {"collection": self._collection, "outcome": "published", "live": {"$exists": True}}
        with translated():
            found = next(iter(self._runs.find(wanted).sort("finished_at", -1).limit(1)), None)
        return (found["_id"], State.of(found["live"])) if found else None

    def unfinished_since(self, run: str) -> dict[str, Any]:
        """The record of the newest run of the target that wrote into the live collection after this one, and did not come to its end."""
        wrote = {"outcome": {"$ne": "published"}, "mode": {"$ne": "replace"}}
        return self._newest(wrote | {"started_at": {"$gt": self.find(run).get("started_at")}}, "started_at")

    def applied(self) -> dict[str, Any]:
        """The record of what the live collection is: the last published run or apply of the target; empty where there is none."""
        return self._newest({"outcome": "published"}, "finished_at")

    def unfinished_apply(self) -> dict[str, Any]:
        """The last `engine apply` that did not come to its end and that no published run has made pointless; empty where there is none."""
        last = self._newest({"kind": "apply"}, "started_at")
        over = last.get("outcome", "published") == "published" or self.applied().get("finished_at", last["started_at"]) > last["started_at"]
        return {} if over else last

    def loads(self) -> list[dict[str, Any]]:
        """The published runs that made the live collection, since the last one that replaced all of it; only what they left out."""
        wanted = {"collection": self._collection, "outcome": "published", "kind": {"$ne": "apply"}}
        parts = {"mode": 1, "rejects": 1, "nulled": 1, "accounting": 1, "rejects_file": 1}
        found: list[dict[str, Any]] = []
        with translated():
            for one in self._runs.find(wanted, parts).sort("finished_at", -1):
                found.append(one)
                if one.get("mode") == "replace":
                    break
        return found

    def advance(self, step: Callable[[ClientSession], None], facts: dict[str, Any]) -> None:
        """Carry out a step and note facts in one transaction: both have happened, or neither. Raises the driver's own errors."""

        def both(session: ClientSession) -> None:
            step(session)
            self._runs.update_one({"_id": self._run_id}, {"$set": {"heartbeat": _now(), **facts}}, session=session)

        with self._runs.database.client.start_session() as session:
            session.with_transaction(both, write_concern=WriteConcern(w="majority", j=True))

    def _newest(self, wanted: dict[str, Any], by: str) -> dict[str, Any]:
        with translated():
            found = next(iter(self._runs.find({"collection": self._collection, **wanted}).sort(by, -1).limit(1)), None)
        return found or {}

    def find(self, run: str) -> dict[str, Any]:
        """A run's record, empty where there is none."""
        with translated():
            return self._runs.find_one({"_id": run, "collection": self._collection}) or {}

    def newest_load(self) -> str:
        """The last published run of the target that was no retry; empty where there is none."""
        wanted = {"collection": self._collection, "outcome": "published", "retry_of": {"$exists": False}, "kind": {"$ne": "apply"}}
        with translated():
            found: dict[str, Any] = next(iter(self._runs.find(wanted, {"_id": 1}).sort("finished_at", -1).limit(1)), {})
        return str(found.get("_id", ""))

    def retried(self) -> dict[str, list[list[int]]]:
        """By run, the ranges of its rejected rows that retries have settled; a retry shares those of the run whose rows it took."""
        wanted = {"retry_of": {"$exists": True}, "outcome": "published"}
        settled: dict[str, list[list[int]]] = {}
        with translated():
            for one in self._runs.find(wanted, {"retry_of": 1, "settled": 1}):
                found = settled.setdefault(one["retry_of"], [])
                found += one["settled"]
                settled[one["_id"]] = found
        return settled

    def runs(self, limit: int) -> list[dict[str, Any]]:
        """The database's runs, the newest first, without what is long."""
        with translated():
            return list(self._runs.find({}, {"mapping_text": 0, "live": 0, "settled": 0}).sort("started_at", -1).limit(limit))


def _now() -> datetime:
    return datetime.now(UTC)
