"""What is in a collection that a mapping did not make: documents that its validator refuses, and fields that it does not name.

Counts and paths, never values. The server does the counting.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pymongo.collection import Collection

from engine.apply.queries import Query, count_each, sized
from engine.documents.validators import ANY_NAME, conditions, json_schema, options, stored_fields
from engine.errors import counted
from engine.mapping.model import ID
from engine.mapping.model import Mapping as Model
from engine.mapping.profiles import ServerProfile
from engine.values.paths import MARK

CODE = "existing_documents"
MOST_PATHS = 1000  # of fields that the mapping does not name; documents may use values as names
SHOWN = 5
REFUSED = "document"  # no path is empty, and no label of a rule is this word


@dataclass(frozen=True)
class RefusedDocuments:
    """How many documents the mapping's validator refuses; by field or `rule NAME`, and by field that the mapping does not name.

    A document counts for each of its faults.
    """

    documents: int = 0
    by_subject: Mapping[str, int] = field(default_factory=dict)
    unnamed: Mapping[str, int] = field(default_factory=dict)

    @property
    def described(self) -> str:
        """In words, with the most frequent faults."""
        faults = [f"{subject} {count:,}" for subject, count in _frequent(self.by_subject)]
        faults += [f"{path} {count:,} (not in the mapping)" for path, count in _frequent(self.unnamed)]
        return f"{counted(self.documents, 'document')} that the mapping's validator refuses: {', '.join(faults)}"


def _frequent(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: -item[1])[:SHOWN]


def refused_documents(
    collection: Collection[Any], mapping: Model, profile: ServerProfile, beside: Iterable[Model] = ()
) -> RefusedDocuments:
    """Count them, in one pass where none is refused. `beside`: mappings whose documents are accepted too. Raises the driver's errors."""
    whole = options(mapping, profile, beside).get("validator")
    bad = {"$nor": [whole]}
    total = collection.count_documents(bad) if whole else 0
    if not total:
        return RefusedDocuments()
    subjects = {subject: {"$and": [bad, {"$nor": [query]}]} for subject, query in _subjects(mapping, profile).items()}
    found = count_each(collection, (), subjects) if profile.query_operators else _one_by_one(collection, subjects)
    unnamed = {} if mapping.validation.additional else unnamed_fields(collection, mapping)
    return RefusedDocuments(total, {subject: count for subject, count in found.items() if count}, unnamed)


def _one_by_one(collection: Collection[Any], queries: Mapping[str, Query]) -> dict[str, int]:
    """Amazon DocumentDB has no `$facet`."""
    return {name: collection.count_documents(query) for name, query in queries.items()}


def _subjects(mapping: Model, profile: ServerProfile) -> dict[str, Query]:
    """What a document must meet, by the path or rule that it is about."""
    return places(mapping) | {name: query for name, query in conditions(mapping, profile).items() if name != REFUSED} | sized(mapping)


def places(mapping: Model) -> dict[str, Query]:
    """By path, what the `_id` must be, and that what holds fields is a document or an array."""
    return {path: {"$jsonSchema": nested} for path, nested in _places(json_schema(mapping))}


def _places(schema: Query, *around: str) -> Iterator[tuple[str, Query]]:
    """The `_id`, and that what holds fields is a document or an array; also for fields that hold such a value."""
    for name, inner in schema.get("properties", {}).items():
        path = (*around, name)
        if path == (ID,) or "properties" in inner or "items" in inner:
            kind: Query = inner if path == (ID,) else {"bsonType": inner["bsonType"]}
            for part in reversed(path):
                kind = {"properties": {part: kind}}
            yield ".".join(path), kind
        yield from _places(inner, *path)


# fields that the mapping does not name


def unnamed_fields(collection: Collection[Any], mapping: Model) -> dict[str, int]:
    """Path → number of documents, of the fields that the mapping does not name; of nested ones, the outermost. One pass."""
    pipeline: list[Query] = [
        {"$project": {"_id": 0, "path": _unnamed(_tree(mapping), "$$ROOT", "", 0)}},
        {"$unwind": "$path"},
        {"$group": {"_id": "$path", "documents": {"$sum": 1}}},
        {"$sort": {"documents": -1, "_id": 1}},
        {"$limit": MOST_PATHS},
    ]
    return {group["_id"]: group["documents"] for group in collection.aggregate(pipeline, allowDiskUse=True)}


def _tree(mapping: Model) -> dict[str, Any]:
    """The names that the mapping's documents have at each place; an array's name has its mark."""
    tree: dict[str, Any] = {ID: {}}
    for stored in stored_fields(mapping):
        node = tree
        for name in stored.path.split("."):
            node = node.setdefault(name, {})
    return tree


def _unnamed(node: Mapping[str, Any], value: str, prefix: str, depth: int) -> Any:
    """The expression of the list of paths, each once, under a value that should be a document with these names."""
    if ANY_NAME in node:
        return []
    found: list[Any] = [_own(node, value, prefix)]
    for name, inner in node.items():
        place = f"{prefix}{name}"
        if inner and name.endswith(MARK):
            found.append(_of_elements(inner, f"{value}.{name.removesuffix(MARK)}", f"{place}.", depth))
        elif inner:
            found.append(_unnamed(inner, f"{value}.{name}", f"{place}.", depth))
    return {"$setUnion": found}


def _own(names: Iterable[str], value: str, prefix: str) -> Any:
    known = {"$literal": [name.removesuffix(MARK) for name in names]}
    keys = {"$map": {"input": {"$objectToArray": value}, "as": "member", "in": "$$member.k"}}
    paths = {"$map": {"input": {"$setDifference": [keys, known]}, "as": "name", "in": {"$concat": [{"$literal": prefix}, "$$name"]}}}
    return {"$cond": [{"$eq": [{"$type": value}, "object"]}, paths, []]}


def _of_elements(node: Mapping[str, Any], value: str, prefix: str, depth: int) -> Any:
    element = f"element{depth}"
    each = {"$map": {"input": value, "as": element, "in": _unnamed(node, f"$${element}", prefix, depth + 1)}}
    union = {"$reduce": {"input": each, "initialValue": [], "in": {"$setUnion": ["$$value", "$$this"]}}}
    return {"$cond": [{"$isArray": value}, union, []]}
