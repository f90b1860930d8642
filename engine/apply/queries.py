"""What documents must be to be a mapping's, as queries, and counting by several queries in one pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pymongo.collection import Collection

from engine.documents.validators import validator
from engine.mapping.model import Mapping
from engine.mapping.profiles import ServerProfile
from engine.values.paths import MARK

Query = dict[str, Any]


def count_each(collection: Collection[Any], stages: Iterable[Query], queries: dict[str, Query]) -> dict[str, int]:
    """How many documents match each query after these stages; all in one pass."""
    if not queries:
        return {}
    facets = {str(number): [{"$match": query}, {"$count": "n"}] for number, query in enumerate(queries.values())}
    found = next(collection.aggregate([*stages, {"$facet": facets}], allowDiskUse=True))
    return {name: sum(group["n"] for group in found[str(number)]) for number, name in enumerate(queries)}


def requirements(new: Mapping, profile: ServerProfile) -> list[Query]:
    """What all documents of a mapping match: its validator, and the rules that filter."""
    return [query for query in (validator(new, profile), *filters(new).values()) if query]


def sized(new: Mapping) -> dict[str, Query]:
    """What the arrays of the document must be, as queries."""
    found = {}
    for array in new.arrays:
        if array.constraints and array.embed and MARK not in array.path:
            schema: Query = dict(array.constraints)
            for name in reversed(array.path.split(".")):
                schema = {"properties": {name: schema}}
            found[array.path] = {"$jsonSchema": schema}
    return found


def filters(new: Mapping) -> dict[str, Query]:
    """The rules that filter rows, as queries; the other rules are in the validator."""
    rules = [(rule, rule.check.check_mongo()) for rule in new.rules if rule.on_fail == "filter"]
    return {f"rule {rule.name}": query for rule, query in rules if isinstance(query, dict)}


def refused(wanted: Iterable[Query]) -> Query:
    """Query for documents that do not match all of the conditions."""
    return {"$or": [{"$nor": [query]} for query in wanted]}
