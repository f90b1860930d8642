"""Write commands that take effect only where and while their run may write.

A command may reach the server late: its process was suspended, or the network held it, and another run has taken the lock meanwhile. So
each one names the UUID of the collection that is meant: the server refuses it (361) where another collection, or none, has the name now.
Updates and deletes also carry the end of the lease, in a variable that the server evaluates by its own clock before it changes anything. An
insert can have no such condition: late, it may add a document, but changes none. Amazon DocumentDB has neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymongo
from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from engine.errors import TargetError
from engine.mongo.connection import DISCARD_SECONDS, WRITE_CONCERN
from engine.mongo.kinds import CollectionKind, collection_info
from engine.mongo.locks import Lock

CONDITIONAL = ("update", "delete")  # commands that take `let`


@dataclass(frozen=True)
class Fence:
    """Around one collection for one run. `uuid` is None where the server knows none, or cannot compare it.

    `conditions`: the server evaluates `let` in updates and deletes.
    """

    lock: Lock
    uuid: Any = None
    conditions: bool = False

    @classmethod
    def around(cls, collection: Collection[Any], lock: Lock, *, supported: bool) -> Fence:
        """The fence of a collection that exists. Raises the driver's errors."""
        found = collection_info(collection.database, collection.name) if supported else None
        plain = found and found.kind is CollectionKind.COLLECTION
        return cls(lock, found.uuid if found and plain else None, conditions=supported)

    def guarded(self, command: dict[str, Any], attempt: int = 0) -> dict[str, Any]:
        """The command with its conditions, after the lease was looked at: from the second attempt on, the server is asked.

        Raises:
            LockedError: the lock is lost.
            PyMongoError: the server did not answer.
        """
        self.lock.ensure(ask=attempt > 0)
        let = {"let": {"lease": _error_after(self.lock.expires)}} if self.conditions and next(iter(command)) in CONDITIONAL else {}
        return command | ({"collectionUUID": self.uuid} if self.uuid else {}) | let

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """What failed because another run has taken the target over says so: raises LockedError in place of TargetError then."""
        try:
            yield
        except TargetError:
            with suppress(PyMongoError), pymongo.timeout(DISCARD_SECONDS):  # a server that does not answer is reason enough
                self.lock.ensure(ask=True)
            raise


def create_indexes(collection: Collection[Any], models: Sequence[IndexModel], fence: Fence, attempt: int = 0) -> None:
    """Build those that are not there yet, in one command. Raises LockedError, and the driver's errors."""
    command = {"createIndexes": collection.name, "indexes": [model.document for model in models], "writeConcern": WRITE_CONCERN.document}
    collection.database.command(fence.guarded(command, attempt))


def _error_after(end: datetime) -> dict[str, Any]:
    """An expression that the server fails to evaluate (`codes.LEASE_OVER`) once its clock is past the end."""
    return {"$toInt": {"$cond": [{"$lt": ["$$NOW", end]}, "1", "the lease of this run is over"]}}
