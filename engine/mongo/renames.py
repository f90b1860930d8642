"""A collection whose new name the server has and the ledger has not noted yet: an apply was killed in between, or somebody else renamed it.

The ledger reads such a rename as noted, and whoever holds the lock notes it. Two things name the two names: the record of the apply (or of
its undoing), which is written before the rename, and `target.was` of the mapping. The UUID tells that it is the same collection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from engine.mapping.model import Target
from engine.mongo.connection import database_of
from engine.mongo.kinds import collection_info
from engine.mongo.records import Outcome

ENDED = [Outcome.PUBLISHED.value, Outcome.UNDONE.value]


class Rename(NamedTuple):
    """The name that a collection had, and its new one."""

    old: str
    new: str


def unnoted_rename(runs: Collection[Any], target: Target) -> Rename | None:
    """That of the target's name, old or new, which only the server knows; None without one. Raises the driver's errors."""
    return next((rename for rename in _meant(runs, target) if _carried_out(runs, target.database, rename)), None)


def _meant(runs: Collection[Any], target: Target) -> Iterator[Rename]:
    wanted = {"database": target.database, "renames": target.collection, "outcome": {"$nin": ENDED}}
    for record in runs.find(wanted, {"collection": 1, "renames": 1}).sort("fence", -1):
        rename = Rename(*record["renames"])
        if record["collection"] == rename.old:
            yield rename
    if target.was:
        yield Rename(target.was, target.collection)


def _carried_out(runs: Collection[Any], database: str, rename: Rename) -> bool:
    of_old = {"database": database, "collection": rename.old, "uuid": {"$exists": True}}
    if not runs.find_one(of_old, {"_id": 1}):
        return False
    there = database_of(runs.database.client, database)
    new = collection_info(there, rename.new)
    if new is None or collection_info(there, rename.old):
        return False
    return runs.find_one({**of_old, "uuid": new.identity}, {"_id": 1}) is not None


def move_records(runs: Collection[Any], database: str, rename: Rename, session: ClientSession) -> None:
    """All records of the old name are about the new one from now on. Raises the driver's errors."""
    moved = [{"$set": {"named": {"$ifNull": ["$named", "$collection"]}, "collection": rename.new}}]
    runs.update_many({"database": database, "collection": rename.old}, moved, session=session)
