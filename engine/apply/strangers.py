"""Documents of neither shape: what an application wrote past the validator, or before there was one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bson import json_util
from pymongo.collection import Collection

from engine.apply.queries import Query, refused, refused_of, requirements
from engine.documents.validators import conditions
from engine.evolution.counts import Strangers
from engine.evolution.pairing import pairs
from engine.mapping.columns import has_private_id
from engine.mapping.model import Mapping
from engine.mapping.profiles import ServerProfile
from engine.values.paths import dotted

SHOWN = 5


def any_shape(shapes: Iterable[Mapping], new: Mapping, profile: ServerProfile) -> Query:
    """The documents of any of these mappings, as `old_shape`."""
    found = [old_shape(shape, new, profile) for shape in shapes]
    return found[0] if len(found) == 1 else {"$or": found}


def old_shape(old: Mapping, new: Mapping, profile: ServerProfile) -> Query:
    """The documents of the old mapping: at the path of a new field they hold nothing, or what the new mapping accepts."""
    known, added = conditions(new, profile), [pair.new.path for pair in pairs(old, new) if pair.new and not pair.old]
    free = [{"$or": [{dotted(path): {"$exists": False}}, known[path]]} for path in added if path in known]
    shape = [*requirements(old, profile), *free]
    return {"$and": shape} if shape else {}


def strangers(
    collection: Collection[Any],
    shapes: Sequence[Mapping],
    new: Mapping,
    stages: Sequence[Query],
    profile: ServerProfile,
    *,
    sample: Sequence[Query] = (),
) -> Strangers:
    """Count them, and fetch the least `_id`s, if these are not private. One pass."""
    shown: Query = {} if any(map(has_private_id, (*shapes, new))) else {"ids": {"$minN": {"input": "$_id", "n": SHOWN}}}
    pipeline: list[Query] = [
        *sample,
        *refused_of({"$nor": [any_shape(shapes, new, profile)]}, stages, refused(requirements(new, profile))),
        {"$group": {"_id": None, "documents": {"$sum": 1}, **shown}},
    ]
    found: Query = next(collection.aggregate(pipeline, allowDiskUse=True), {"documents": 0})
    return Strangers(found["documents"], tuple(map(_as_json, found.get("ids", ()))))


def _as_json(value: Any) -> str:
    return json_util.dumps(value, json_options=json_util.RELAXED_JSON_OPTIONS, ensure_ascii=False)
