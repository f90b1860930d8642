"""Whether a unique index can be built, asked before it is.

A failed build writes the duplicate key, which may be private, to mongod's log.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.collection import Collection

from engine.errors import Finding, TargetError, counted
from engine.mapping.model import KEY_INDEX, Index, Mapping
from engine.mongo.indexes import is_same
from engine.values.paths import dotted


@dataclass(frozen=True)
class SharedKeys:
    """Documents with the same key of an index. Those that are `alike` have `keys` keys; `lacking` ones lack a part of it.

    Of these, `nulls` hold null there: to the index that is the same.
    """

    alike: int = 0
    keys: int = 0
    lacking: int = 0
    nulls: int = 0


def check_unique(collection: Collection[Any], mapping: Mapping) -> None:
    """Raises TargetError for the first unique index to build of which two documents have the same key."""
    if found := next(not_unique(collection, mapping), None):
        raise TargetError(found)


def not_unique(
    collection: Collection[Any], mapping: Mapping, stages: Sequence[dict[str, Any]] = (), remade: Container[str] = ()
) -> Iterator[Finding]:
    """The unique indexes to build of which two documents have the same key, after these stages of a pipeline.

    Those that are there already are not looked at, but for the `remade` ones, by name, whose values the stages change.
    """
    live = live_indexes(collection)
    for index in wanted_indexes(collection, mapping.indexes):
        there = index.name not in remade and any(one.name == index.name and is_same(index, one.options) for one in live)
        if index.options.get("unique") and not there and (found := shared_keys(collection, index, stages)):
            message = f"the unique index {index.name} cannot be built: {'; '.join(_causes(index, found))}"
            hint = "; ".join(_remedies(index, found, mapping))
            yield Finding(index.line, 1, "index_not_unique", message, f"indexes.{index.name}", hint, str(mapping.file))


def _causes(index: Index, found: SharedKeys) -> Iterator[str]:
    keys = ", ".join(path for path, _ in index.keys)
    if found.alike:
        yield f"{counted(found.alike, 'document')} share {counted(found.keys, 'key')} of {keys}"
    if found.lacking:
        null = f" ({found.nulls:,} hold null there)" if found.nulls else ""
        what = keys if len(index.keys) == 1 else f"a part of {keys}"
        yield f"{counted(found.lacking, 'document')} without {what}{null} count as having the same key"


def _remedies(index: Index, found: SharedKeys, mapping: Mapping) -> Iterator[str]:
    if index.name == KEY_INDEX:
        yield "correct the documents, or choose fields for target.key that all of them have and that tell them apart"
        return
    if found.alike:
        yield "add dedup: {on: [COLUMNS]} with the columns of that key, or make the index not unique"
    if found.lacking:
        types = {dotted(field.path): field.type.bson_type for field in mapping.fields}
        held = ", ".join(f"{path}: {{$type: {types[path]}}}" if found.nulls and path in types else f"{path}: {{$exists: true}}"
                         for path, _ in index.keys)  # fmt: skip
        sparse = "sparse: true, or " if len(index.keys) == 1 and not found.nulls and not index.options.get("sparse") else ""
        yield f"to index only documents that have it: {sparse}partialFilterExpression: {{{held}}}; or make the field required"


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


def shared_keys(collection: Collection[Any], index: Index, stages: Sequence[dict[str, Any]] = ()) -> SharedKeys | None:
    """The documents that the index holds and that have the same keys, None for none; a missing one counts as null, as in the index."""
    paths = [path for path, _ in index.keys]
    held = index.options.get("partialFilterExpression") or {}
    if index.options.get("sparse"):  # a document is left out where it has none of the fields
        held = {"$or": [{path: {"$exists": True}} for path in paths]}
    key = {str(number): {"$ifNull": [f"${path}", None]} for number, path in enumerate(paths)}
    null = {"$or": [{"$eq": [{"$type": f"${path}"}, "null"]} for path in paths]}
    steps: list[dict[str, Any]] = [
        *stages,
        {"$match": held},
        {"$group": {"_id": key, "documents": {"$sum": 1}, "nulls": {"$sum": {"$cond": [null, 1, 0]}}}},
        {"$match": {"documents": {"$gt": 1}}},
        {"$group": {
            "_id": {"$in": [None, [f"$_id.{number}" for number in key]]},
            "documents": {"$sum": "$documents"}, "keys": {"$sum": 1}, "nulls": {"$sum": "$nulls"},
        }},
    ]  # fmt: skip
    options: dict[str, Any] = {"allowDiskUse": True, "collation": index.options.get("collation")}
    found = {group["_id"]: group for group in collection.aggregate(steps, **options)}
    none = {"documents": 0, "keys": 0, "nulls": 0}
    alike, lacking = found.get(False, none), found.get(True, none)
    return SharedKeys(alike["documents"], alike["keys"], lacking["documents"], lacking["nulls"]) if found else None
