"""Whether a unique index can be built, asked before it is.

A failed build writes the duplicate key, which may be private, to mongod's log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymongo.collection import Collection

from engine.errors import Finding, TargetError
from engine.mapping.model import Index, Mapping


def check_unique(collection: Collection[Any], mapping: Mapping, stages: Sequence[dict[str, Any]] = ()) -> None:
    """Raises TargetError for the first unique index of which two documents have the same key, after these stages of a pipeline."""
    for index in mapping.indexes:
        if index.options.get("unique") and shares_a_key(collection, index, stages):
            keys = ", ".join(path for path, _ in index.keys)
            message = f"several documents have the same key of the unique index {index.name}: {keys}"
            hint = "add dedup: {on: [COLUMNS]} with the columns of that key, or make the index not unique"
            raise TargetError(Finding(index.line, 1, "index_not_unique", message, f"indexes.{index.name}", hint, str(mapping.file)))


def shares_a_key(collection: Collection[Any], index: Index, stages: Sequence[dict[str, Any]] = ()) -> bool:
    """Whether two of the documents that the index holds have the same keys; a missing one counts as null, as in the index."""
    paths = [path for path, _ in index.keys]
    held = index.options.get("partialFilterExpression") or {}
    if index.options.get("sparse"):  # a document is left out where it has none of the fields
        held = {"$or": [{path: {"$exists": True}} for path in paths]}
    key = {str(number): {"$ifNull": [f"${path}", None]} for number, path in enumerate(paths)}
    steps: list[dict[str, Any]] = [
        *stages,
        {"$match": held},
        {"$group": {"_id": key, "documents": {"$sum": 1}}},
        {"$match": {"documents": {"$gt": 1}}},
        {"$limit": 1},
    ]
    return any(collection.aggregate(steps, allowDiskUse=True, collation=index.options.get("collation")))
