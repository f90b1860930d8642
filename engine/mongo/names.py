"""What a collection is called now, of which only an earlier name is known; asked of the ledger."""

from __future__ import annotations

from typing import Any

from pymongo.collection import Collection

from engine.mapping.model import Target
from engine.mongo.connection import Client, database_of, translated
from engine.mongo.ledger import Ledger
from engine.mongo.ledgerplace import RUNS, ledger_database
from engine.mongo.renames import ENDED


def called_now(client: Client, database: str, name: str) -> str:
    """The name that an unfinished apply, or undoing of one, has given the collection of this name; empty where none has."""
    wanted = {"database": database, "renames.0": name, "outcome": {"$nin": ENDED}}
    with translated():
        records = [*_runs(client, database).find(wanted, {"renames": 1}).sort("fence", -1)]
    for record in records:
        new = record["renames"][1]
        unfinished = Ledger(client, Target(database, new)).unfinished_apply()
        if unfinished and record["_id"] in (unfinished.run_id, unfinished.resumed):
            return str(new)
    return ""


def later_name(client: Client, database: str, name: str) -> str:
    """The name that a collection has now which had this one once; empty without one."""
    moved = {"database": database, "named": name, "collection": {"$ne": name}}
    with translated():
        found = _runs(client, database).find_one(moved, {"collection": 1}, sort=[("fence", -1)])
    return found["collection"] if found else ""


def _runs(client: Client, database: str) -> Collection[Any]:
    return database_of(client, ledger_database(database))[RUNS]
