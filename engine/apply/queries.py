"""What documents must be to be a mapping's, as queries, and counting by several queries in one pass."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from pymongo.collection import Collection

from engine.documents.validators import validator
from engine.mapping.model import Mapping as Model
from engine.mapping.profiles import ServerProfile
from engine.values.paths import MARK

Query = dict[str, Any]
BATCH_BYTES = 8 << 20  # documents of one update, by their average size about
Name = TypeVar("Name", bound=Hashable)


def count_each(collection: Collection[Any], stages: Iterable[Query], queries: Mapping[Name, Query]) -> dict[Name, int]:
    """How many documents match each query after these stages; all in one pass."""
    found = ask_each(collection, stages, {name: [{"$match": query}, {"$count": "n"}] for name, query in queries.items()})
    return {name: group.get("n", 0) for name, group in found.items()}


def ask_each(collection: Collection[Any], stages: Iterable[Query], pipelines: Mapping[Name, list[Query]]) -> dict[Name, Query]:
    """What each pipeline, which ends with one document or none, says after these stages; all in one pass."""
    if not pipelines:
        return {}
    facets = {str(number): steps for number, steps in enumerate(pipelines.values())}
    found = next(collection.aggregate([*stages, {"$facet": facets}], allowDiskUse=True))
    return {name: next(iter(found[str(number)]), {}) for number, name in enumerate(pipelines)}


def requirements(new: Model, profile: ServerProfile) -> list[Query]:
    """What all documents of a mapping match: its validator, and the rules that filter."""
    return [query for query in (validator(new, profile), *filters(new).values()) if query]


def sized(new: Model) -> dict[str, Query]:
    """What the arrays of the document must be, as queries."""
    found = {}
    for array in new.arrays:
        if array.constraints and array.embed and MARK not in array.path:
            schema: Query = dict(array.constraints)
            for name in reversed(array.path.split(".")):
                schema = {"properties": {name: schema}}
            found[array.path] = {"$jsonSchema": schema}
    return found


def filters(new: Model) -> dict[str, Query]:
    """The rules that filter rows, as queries; the other rules are in the validator."""
    rules = [(rule, rule.check.check_mongo()) for rule in new.rules if rule.on_fail == "filter"]
    return {f"rule {rule.name}": query for rule, query in rules if isinstance(query, dict)}


def refused(wanted: Iterable[Query]) -> Query:
    """Query for documents that do not match all of the conditions."""
    return {"$or": [{"$nor": [query]} for query in wanted]}


def batch_size(collection: Collection[Any], most: int) -> int:
    """How many documents an update takes at once. Raises the driver's errors."""
    average = collection.database.command("collStats", collection.name).get("avgObjSize") or 1
    return max(1, min(most, BATCH_BYTES // int(average)))


def id_batches(collection: Collection[Any], size: int, position: Any = None) -> Iterator[list[Any]]:
    """All `_id`s after the position, of any type, in the order of their index. Raises the driver's errors."""
    while True:
        after = collection.find({}, {"_id": 1}).sort("_id", 1).hint([("_id", 1)]).limit(size + 1)
        start = after if position is None else after.min([("_id", position)])
        ids = [found for document in start if (found := document["_id"]) != position][:size]
        if not ids:
            return
        yield ids
        position = ids[-1]
