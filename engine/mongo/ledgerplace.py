"""Where the ledger of a database is: in the database itself, or in the one that ENGINE_LEDGER_DB names."""

from __future__ import annotations

import os
import re

from engine.errors import UsageError, finding
from engine.mapping.patterns import DATABASE

RUNS, LOCKS = "_engine_runs", "_engine_locks"  # the collections of the ledger
VARIABLE = "ENGINE_LEDGER_DB"


def ledger_database(database: str) -> str:
    """The database that holds the ledger of this one. Raises UsageError where the variable holds no name of a database."""
    name = os.environ.get(VARIABLE) or database
    if not re.search(DATABASE, name):
        hint = "write the name of a database, such as engine_ledger, or unset it to keep the ledger beside the data"
        raise UsageError(finding("ledger_database", f"{VARIABLE} is not the name of a database", hint=hint))
    return name
