"""Documents of neither shape: what an application wrote past the validator, or before there was one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from bson import json_util
from pymongo.collection import Collection

from engine.apply.queries import Query, requirements
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


def least_ids(shapes: Iterable[Mapping]) -> Query:
    """What a `$group` says of `_id`s: a few, as `ids`; nothing where they are private.

    An `_id` that is a hash of private values is private too: no key is in it, so whoever sees it can try values.
    """
    return {} if any(map(has_private_id, shapes)) else {"ids": {"$minN": {"input": "$_id", "n": SHOWN}}}


def strangers(group: Query, collection: Collection[Any], these: Sequence[Query]) -> Strangers:
    """From a group that has their number as `n`, and perhaps `least_ids`; `these` are the stages that find them."""
    if not group:
        return Strangers()
    return Strangers(group["n"], tuple(map(as_json, group.get("ids", ()))), _command(collection, these))


def _command(collection: Collection[Any], these: Sequence[Query]) -> str:
    """For mongosh; it reads Extended JSON with all types as they are only if it is told to."""
    pipeline = json_util.dumps([*these, {"$project": {"_id": 1}}], json_options=json_util.CANONICAL_JSON_OPTIONS, ensure_ascii=False)
    place = f"db.getSiblingDB({json.dumps(collection.database.name)}).getCollection({json.dumps(collection.name)})"
    return f"{place}.aggregate(EJSON.deserialize({pipeline}, {{relaxed: false}}))"


def as_json(value: Any) -> str:
    """An `_id` as people write it."""
    return json_util.dumps(value, json_options=json_util.RELAXED_JSON_OPTIONS, ensure_ascii=False)
