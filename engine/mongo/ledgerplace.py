"""Where the ledger of a database is: in the database itself, or in the one that ENGINE_LEDGER_DB names.

Where it is elsewhere, a pointer in the database says so, so that a host without the variable forgets neither the runs nor the locks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError

from engine.errors import TargetError, UsageError, finding
from engine.mapping.patterns import DATABASE
from engine.mongo.connection import database_of, translated

RUNS, LOCKS = "_engine_runs", "_engine_locks"  # the collections of the ledger
VARIABLE = "ENGINE_LEDGER_DB"
POINTER = "ledger"  # `_id` of the pointer, among the runs of the database; `database` is where they are instead
HOW = "docs/ledger.md says how to move a ledger"


def ledger_database(database: str) -> str:
    """The database that holds the ledger of this one. Raises UsageError where the variable holds no name of a database."""
    name = os.environ.get(VARIABLE) or database
    if not re.search(DATABASE, name):
        hint = "write the name of a database, such as engine_ledger, or unset it to keep the ledger beside the data"
        raise UsageError(finding("ledger_database", f"{VARIABLE} is not the name of a database", hint=hint))
    return name


def require_ledger(client: MongoClient[Any], databases: Iterable[str]) -> None:
    """Raises TargetError where the ledger of one of the databases is not where this process looks for it."""
    for database in dict.fromkeys(databases):
        expected, runs = ledger_database(database), database_of(client, database)[RUNS]
        with translated():
            pointer = runs.find_one({"_id": POINTER})
            here = expected != database and not pointer and runs.find_one({}, {"_id": 1})
        if pointer and pointer["database"] != expected:
            message = f"the ledger of {database} is in the database {pointer['database']}, and {VARIABLE} names {_named()}"
            raise TargetError(finding("ledger_elsewhere", message, hint=f"set {VARIABLE}={pointer['database']}; {HOW}"))
        if here:
            message = f"the ledger of {database} is in that database itself, and {VARIABLE} names {expected}"
            raise TargetError(finding("ledger_elsewhere", message, hint=f"unset {VARIABLE}, or move the ledger: {HOW}"))


def _named() -> str:
    return os.environ.get(VARIABLE) or "none"


def point_to_ledger(client: MongoClient[Any], database: str) -> None:
    """Leave the pointer, if the ledger is elsewhere and none is there yet. Raises the driver's errors."""
    if (expected := ledger_database(database)) != database:
        with suppress(DuplicateKeyError):
            database_of(client, database)[RUNS].insert_one({"_id": POINTER, "database": expected})
