"""Whether a unique index can be built, asked before it is.

A failed build writes the duplicate key, which may be private, to mongod's log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pymongo.collection import Collection

from engine.errors import Finding, TargetError
from engine.mapping.model import KEY_INDEX, Index, Mapping


def check_unique(collection: Collection[Any], mapping: Mapping, stages: Sequence[dict[str, Any]] = ()) -> None:
    """Raises TargetError for the first unique index of which two documents have the same key, after these stages of a pipeline.

    Without stages, those that are there already are not looked at.
    """
    there = set() if stages else {index.name for index in live_indexes(collection) if index.options.get("unique")}
    for index in wanted_indexes(collection, mapping.indexes):
        if index.options.get("unique") and index.name not in there and shares_a_key(collection, index, stages):
            keys = ", ".join(path for path, _ in index.keys)
            message = f"several documents have the same key of the unique index {index.name}: {keys}"
            hint = "add dedup: {on: [COLUMNS]} with the columns of that key, or make the index not unique"
            if index.name == KEY_INDEX:
                hint = "correct the documents, or choose fields for target.key that tell them apart"
            raise TargetError(Finding(index.line, 1, "index_not_unique", message, f"indexes.{index.name}", hint, str(mapping.file)))


def wanted_indexes(collection: Collection[Any], indexes: Iterable[Index]) -> list[Index]:
    """The indexes to build: all but the engine's own for the target's key, where the collection has such a one by another name."""
    live = live_indexes(collection)
    return [index for index in indexes if index.name != KEY_INDEX or not by_another_name(index, live)]


def live_indexes(collection: Collection[Any]) -> list[Index]:
    """The indexes that are there."""
    return [Index(found["name"], tuple(found["key"].items()), found) for found in collection.list_indexes()]


def by_another_name(index: Index, live: Iterable[Index]) -> bool:
    """Whether another one of these does what the index is for."""
    paths = [path for path, _ in index.keys]
    return any(other.name != index.name and other.tells_apart(paths) for other in live)


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
