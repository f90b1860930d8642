"""Collections of the engine beside a target that mean nothing once their run has ended: they are made by name, and removed by name.

No name ends like theirs by chance; `mapping.patterns` keeps them from targets.
"""

from __future__ import annotations

import re
from typing import Any

from pymongo import MongoClient

from engine.mapping.model import Target
from engine.mongo.connection import database_of, translated
from engine.mongo.ledger import Ledger
from engine.mongo.runids import RUN_ID


def staging_name(collection: str, run_id: str) -> str:
    """Of the collection that a run in mode replace loads into."""
    return f"{collection}__staging_{run_id}"


def trial_name(collection: str, run_id: str) -> str:
    """Of the empty collection on which an apply tries its commands."""
    return f"{collection}__trial_{run_id}"


def before_name(collection: str, run_id: str) -> str:
    """Of the collection that holds what an apply replaced and cannot compute back."""
    return f"{collection}__before_{run_id}"


def remove_leftovers(client: MongoClient[Any], target: Target) -> list[str]:
    """Drop those that dead runs of a target left. Returns their names. The caller must hold the target's lock.

    What an unfinished apply may need on its way back stays.
    """
    database = database_of(client, target.database)
    pattern = f"^{re.escape(target.collection)}__(staging|trial|before)_{RUN_ID}$"
    unfinished = Ledger(client, target).unfinished_apply()
    with translated():
        listed = database.list_collection_names(filter={"name": {"$regex": pattern}})
        found = sorted(name for name in listed if not (unfinished and name == unfinished.kept_in))
        for name in found:
            database.drop_collection(name)
    return found
