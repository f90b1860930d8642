"""What the modes update and delete need of a live collection before they begin. They make nothing there but their changes."""

from __future__ import annotations

from engine.errors import DataError, TargetError, finding
from engine.mapping.model import Mapping
from engine.mongo.connection import Client, translated
from engine.mongo.unique import live_indexes


def require_amendable(client: Client, mapping: Mapping) -> None:
    """See that the documents of a mapping can be found in the live collection, each at most once.

    Raises:
        DataError: there is no such collection.
        TargetError: its indexes let several documents have the same key.
    """
    target = mapping.target
    database = client[target.database]
    with translated():
        if target.collection not in database.list_collection_names(filter={"name": target.collection}):
            message = f"{target.database}.{target.collection} does not exist, so there is nothing to {target.mode}"
            raise DataError(finding("collection_missing", message, hint="check target.collection and MONGODB_URI"))
        unique = any(index.tells_apart(target.key_paths) for index in live_indexes(database[target.collection]))
    if target.key_paths and not unique:
        keys = ", ".join(f'"{path}": 1' for path in target.key_paths)
        message = f"{target.database}.{target.collection} has no unique index over exactly {', '.join(target.key_paths)}"
        hint = f"load it with target.key in another mode, or create one: db.{target.collection}.createIndex({{{keys}}}, {{unique: true}})"
        raise TargetError(finding("no_key_index", f"{message}; nothing was done", hint=hint))
