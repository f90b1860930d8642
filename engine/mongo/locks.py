"""One run at a time per target collection: a lease in `_engine_locks`, renewed by a heartbeat, with a fence that rises with each holder.

It lies beside the ledger, one document per collection: `_id` its database and name, `fence`, `run`, `host`, `pid`, `process` (see
`holders`), `since`, `expires`; `claims` counts transactions. Times are the server's, so that the clocks of machines need not agree. The
document stays when the lock is released, so that the fence never restarts; where somebody removed it, the fence goes on above the highest
one in the ledger.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import pymongo
from pymongo import MongoClient, ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError, PyMongoError

from engine.errors import EngineError, LockedError, finding
from engine.mapping.model import Target
from engine.mongo.connection import DISCARD_SECONDS, database_of, server_time, translated
from engine.mongo.holders import Identity, end_transactions, has_ended, is_connected, this_process
from engine.mongo.ledger import Ledger
from engine.mongo.ledgerplace import LOCKS, ledger_database
from engine.mongo.records import RunRecord
from engine.mongo.retries import retry_transient

LEASE_SECONDS = 30.0
BEATS = 3  # heartbeats per lease
LOOK = 0.2  # seconds between two looks at a lock that is held
LAST_WORD = 5.0  # seconds to wait until the server has closed the connections of a process that has ended, or has decided a race
RACE = finding("locked", "several runs are trying to lock the target at once", hint="run again")
NEVER = datetime.min  # noqa: DTZ901 -- long ago, for the server


class Lock:
    """Holds the lock on a target for the run of a ledger while its context lasts. With each heartbeat, the run's record gets one too.

    `wait`: seconds to wait for it. `expires` is the end of the lease by the server's clock; until then only a dead holder loses it.
    `leave_to_expire`: at the end the lock is left to expire, since a write that got no answer may still be carried out.

    Raises (on entering):
        LockedError: another run holds the target.
    """

    def __init__(self, client: MongoClient[Any], target: Target, ledger: Ledger, wait: float = 0) -> None:
        self._client, self._target, self._ledger, self.run_id = client, target, ledger, ledger.run_id
        self._locks = database_of(client, ledger_database(target.database))[LOCKS]
        self._id = f"{target.database}.{target.collection}"
        self._fence, self._since, self.expires = 0, NEVER, NEVER
        self._until = 0.0
        self._lost = False
        self.leave_to_expire = False
        self._wait = wait
        self._process: Identity = {}
        self._done = Event()
        self._thread = Thread(target=self._renew, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._process, started = this_process(self._client), time.monotonic()
        with translated():
            while True:
                holder = self._locks.find_one({"_id": self._id, "run": {"$ne": None}}) or {}
                ended = bool(holder) and has_ended(holder["pid"], holder.get("process", {}), self._process)
                if ended:  # first of all: a transaction that has claimed the lock keeps it from being taken
                    end_transactions(self._client, holder["process"]["app"])
                if self._take() or (ended and not is_connected(self._client, holder["process"]["app"]) and self._take(holder)):
                    break
                if time.monotonic() - started >= max(self._wait, LAST_WORD if ended or not holder else 0):
                    raise LockedError(self._held(holder, server_time(self._client)) if holder else RACE)
                time.sleep(LOOK)
            self._ledger.note_rename()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._done.set()
        self._thread.join(DISCARD_SECONDS)
        if self.leave_to_expire:
            return
        with suppress(PyMongoError), pymongo.timeout(DISCARD_SECONDS):  # else it expires
            self._locks.update_one(self._mine, {"$set": {"run": None, "expires": NEVER}})

    @property
    def _mine(self) -> dict[str, Any]:
        return {"_id": self._id, "fence": self._fence, "run": self.run_id}

    def stamp(self, record: RunRecord) -> RunRecord:
        """The record of a run that begins under this lock, with its fence and the server's time."""
        return replace(record, fence=self._fence, started_at=self._since, heartbeat=self._since)

    def check(self) -> None:
        """Renew the lease, but only if the heartbeat has not. Raises LockedError when the lock is lost."""
        with translated():
            retry_transient(lambda attempt: self.ensure(ask=attempt > 0))

    def hold(self) -> None:
        """Renew the lease if the fence is unchanged: then nobody else can take the target for `LEASE_SECONDS`. Raises LockedError."""
        with translated():
            retry_transient(lambda _: self.ensure(ask=True))

    def ensure(self, *, ask: bool) -> None:
        """One attempt of `check`, or of `hold` with `ask`. Raises LockedError, and the driver's errors."""
        if (ask or self._lost or time.monotonic() > self._until) and not self._extend():
            raise self._was_lost()

    def claim(self, session: ClientSession) -> None:
        """Make a transaction depend on the lock: it ends before anybody else can take it, or is not committed.

        Raises LockedError, and the driver's errors.
        """
        if not self._locks.update_one(self._mine, {"$inc": {"claims": 1}}, session=session).matched_count:
            raise self._was_lost()

    def _take(self, dead: dict[str, Any] | None = None) -> bool:
        """Take the lock if it has expired, or if a dead holder still has it."""
        started, now = time.monotonic(), server_time(self._client)
        end = now + timedelta(seconds=LEASE_SECONDS)
        facts = {"run": self.run_id, "host": socket.gethostname(), "pid": os.getpid(), "since": now, "expires": end}
        facts["process"] = self._process
        free = {"_id": self._id} | ({"fence": dead["fence"], "run": dead["run"]} if dead else {"expires": {"$lt": now}})
        at_least = {"$max": {"fence": self._ledger.highest_fence()}, "$setOnInsert": {"run": None, "expires": NEVER}}
        try:
            self._locks.update_one(free, at_least, upsert=True)
        except DuplicateKeyError:
            return False
        taken = self._locks.find_one_and_update(free, {"$set": facts, "$inc": {"fence": 1}}, return_document=ReturnDocument.AFTER)
        if taken is None:
            return False
        self._fence, self._since, self.expires, self._until = taken["fence"], now, end, started + LEASE_SECONDS
        return True

    def _extend(self) -> bool:
        started = time.monotonic()
        end = server_time(self._client) + timedelta(seconds=LEASE_SECONDS)
        self._lost = not self._locks.update_one(self._mine, {"$set": {"expires": end}}).matched_count
        if not self._lost:
            self.expires, self._until = end, started + LEASE_SECONDS
        return not self._lost

    def _renew(self) -> None:
        while not self._done.wait(LEASE_SECONDS / BEATS):
            with suppress(PyMongoError, EngineError):  # the server does not answer: `check` finds out when it matters
                if not self._extend():
                    return
                self._ledger.beat()

    def _was_lost(self) -> LockedError:
        message = f"the lock on {self._target.collection} was lost: this run could not renew it in time, and another run has taken it"
        return LockedError(finding("lock_lost", message, hint="see `engine runs`, then run again if needed"))

    def _held(self, holder: dict[str, Any], now: datetime) -> Any:
        who = f"run {holder['run']}, process {holder['pid']} on {holder['host']}, since {holder['since']:%Y-%m-%d %H:%M:%S} UTC"
        left = max(1, round((holder["expires"] - now).total_seconds()))
        hint = f"wait until it ends (--wait SECONDS); if it was killed, its lock expires in {left} s"
        return finding("locked", f"{self._id} is locked by {who}", hint=hint)
