"""Mapping to the collection's validator, for a target profile: `$jsonSchema`, and beside it query operators and `$expr` for rules.

What the validator leaves to the engine alone is listed with the reason by `enforcement`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import polars as pl
from bson import json_util

from engine.documents.bson import bson_value
from engine.expressions import Typed, Unsupported
from engine.expressions.constraints import COMBINED, CONSTRAINTS, is_query, schema_of
from engine.mapping.model import ID, Array, Field, Mapping, Rule
from engine.mapping.profiles import DEFAULT, PROFILES, ServerProfile
from engine.values.paths import MARK, arrays_of, dotted
from engine.values.types import Type

Schema = dict[str, Any]
AS_IN_BSON = (str, int, float, datetime)  # what the driver takes as it is
ANY_NAME = "*"  # the last segment of a path whose members are named by columns
UNSAID_NUMBER = "the document holds the number, not the text it was read from"
ON_SERVER = frozenset({"reject", "fail"})
BOUNDS = {"minimum": {"minimum", "exclusiveMinimum"}, "maximum": {"maximum", "exclusiveMaximum"}, "multipleOf": {"multipleOf"}}


@dataclass(frozen=True)
class Enforcement:
    """Who enforces one thing: server and engine, or the engine alone for the reason `reason`. `subject` is a path, or `rule NAME`."""

    subject: str
    what: str
    reason: str = ""


def as_lines(found: Iterable[Enforcement]) -> Iterator[str]:
    """One line per subject and reason."""
    for (subject, why), group in groupby(found, key=lambda enforcement: (enforcement.subject, enforcement.reason)):
        yield f"{subject} {', '.join(enforcement.what for enforcement in group)}: " + (
            f"engine alone, {why}" if why else "engine and server"
        )


def profile_of(mapping: Mapping) -> ServerProfile:
    """The profile that the mapping names, else the default."""
    return PROFILES[mapping.target.profile] if mapping.target.profile else DEFAULT


def validator(mapping: Mapping, profile: ServerProfile = DEFAULT) -> Schema:
    """The validator as a query document, ready for `create` or `collMod`; empty where the server has none. Values are BSON values."""
    if not profile.validator:
        return {}
    conditions: list[Schema] = [{"$jsonSchema": json_schema(mapping)}]
    if profile.query_operators:
        broken = [query for path, kind, constraints in _constrained(mapping) for query in _queries(path, kind, constraints)]
        conditions += [{"$nor": broken}] if broken else []
        conditions += [there for field in _judged_fields(mapping) if isinstance(there := _conditional(mapping, field), dict)]
        conditions += [check for rule in mapping.rules if rule.on_fail in ON_SERVER and isinstance(check := _check(mapping, rule), dict)]
    return conditions[0] if len(conditions) == 1 else {"$and": conditions}


def condition(field: Field, mapping: Mapping, profile: ServerProfile) -> Schema:
    """What the server enforces of one field, as a query."""
    schema: Schema = _field_schema(field)
    needed = field.always_written
    for name in reversed(field.path.split(".")):
        if name == ANY_NAME:
            schema = {"additionalProperties": schema}
            continue
        schema = {"properties": {name.removesuffix(MARK): {"items": schema} if name.endswith(MARK) else schema}}
        needed = needed and not name.endswith(MARK)  # an array may have no element
        schema |= {"required": [name]} if needed else {}
    broken = list(_queries(field.path, field.type, effective(field))) if profile.query_operators else []
    there = _conditional(mapping, field) if profile.query_operators else None
    return {"$jsonSchema": schema, **({"$nor": broken} if broken else {}), **(there if isinstance(there, dict) else {})}


def conditions(mapping: Mapping, profile: ServerProfile = DEFAULT) -> dict[str, Schema]:
    """What the server enforces as queries, one per field (by path) and rule (`rule NAME`), and all of it as `document`."""
    if not profile.validator:
        return {}
    found: dict[str, Schema] = {}
    for field in _judged_fields(mapping):
        found[field.path] = condition(field, mapping, profile)
    for rule in mapping.rules if profile.query_operators else ():
        if rule.on_fail in ON_SERVER and isinstance(check := _check(mapping, rule), dict):
            found[f"rule {rule.name}"] = check
    return found | {"document": validator(mapping, profile)}


def options(mapping: Mapping, profile: ServerProfile = DEFAULT, beside: Iterable[Mapping] = ()) -> Schema:
    """The collection options that carry the validation; none where the server has none, and for a time series collection.

    `beside`: mappings whose documents are accepted as well.
    """
    if not profile.validator or mapping.target.timeseries:
        return {}
    action = mapping.validation.action if mapping.validation.action in profile.actions else "error"
    accepting = any_of([validator(one, profile) for one in (mapping, *beside)])
    return {"validator": accepting, "validationLevel": mapping.validation.server_level, "validationAction": action}


def any_of(validators: Iterable[Schema]) -> Schema:
    """What accepts a document that one of these accepts; of `$jsonSchema` alone where they are, as not every server takes more."""
    distinct: list[Schema] = []
    for one in validators:
        if one not in distinct:
            distinct.append(one)
    if len(distinct) == 1:
        return distinct[0]
    if all(one.keys() == {"$jsonSchema"} for one in distinct):
        return {"$jsonSchema": {"anyOf": [one["$jsonSchema"] for one in distinct]}}
    return {"$or": distinct}


def to_json(mapping: Mapping, profile: ServerProfile = DEFAULT) -> str:
    """The collection options as relaxed Extended JSON, with a final newline."""
    found = options(mapping, profile)
    return json_util.dumps(found, indent=2, ensure_ascii=False, json_options=json_util.RELAXED_JSON_OPTIONS) + "\n"


# who enforces what


def enforcement(mapping: Mapping, profile: ServerProfile = DEFAULT) -> list[Enforcement]:
    """Every type, constraint and rule: do server and engine enforce it, or the engine alone and why."""
    off = "validation.level: off" if mapping.validation.level == "off" else ""
    off = off or ("a time series collection has no validator" if mapping.target.timeseries else "")
    off = off or ("validation.action: warn only logs" if mapping.validation.action == "warn" else "")
    found = [enforcement for field in stored_fields(mapping) for enforcement in _of_field(mapping, field, profile)]
    found += [
        Enforcement(array.path, name, profile.validator_reason) for array in mapping.arrays if array.embed for name in array.constraints
    ]
    found += [_of_rule(mapping, rule, profile) for rule in mapping.rules]
    return [Enforcement(enforcement.subject, enforcement.what, enforcement.reason or off) for enforcement in found]


def engine_only(mapping: Mapping, profile: ServerProfile) -> list[str]:
    """What this profile's server leaves to the engine though a full MongoDB would not, for the run's report."""
    usual = {(entry.subject, entry.what): entry.reason for entry in enforcement(mapping)}
    found = enforcement(mapping, profile)
    return list(as_lines(entry for entry in found if entry.reason and not usual.get((entry.subject, entry.what))))


def stored_fields(mapping: Mapping) -> list[Field]:
    """The fields that documents have: not those of arrays that only feed aggregates."""
    hidden = {array.path for array in mapping.arrays if not array.embed}
    return [field for field in mapping.fields if hidden.isdisjoint(arrays_of(field.path))]


def _judged_fields(mapping: Mapping) -> list[Field]:
    return [field for field in stored_fields(mapping) if is_judged(field.path, mapping)]


def is_judged(path: str, mapping: Mapping) -> bool:
    """Whether the server judges the field at a path: with a key, documents of others keep the `_id` that they have."""
    return path != ID or not mapping.target.key_paths


def _of_field(mapping: Mapping, field: Field, profile: ServerProfile) -> Iterator[Enforcement]:
    path, no = field.path, profile.validator_reason
    if path == ID and mapping.target.key_paths:
        no = no or "with target.key, documents of others keep the _id that they have"
    beside = "" if no or not any(is_query(name, field.type.name) for name in field.type.bson_range) else profile.beside_reason
    yield Enforcement(path, f"type {field.type.name}", no)
    there = _conditional(mapping, field)
    depends = there.reason if isinstance(there, Unsupported) else profile.beside_reason if there else ""
    if field.when:
        yield Enforcement(path, "when", no or depends)
    if field.required:
        yield Enforcement(
            path, "required", no or depends or ("the server gives a document without _id a new ObjectId" if path == ID else "")
        )
    for name in field.constraints:
        yield Enforcement(path, name, profile.beside_reason if is_query(name, field.type.name) else no)
    if beside:
        yield Enforcement(path, "range of the type", beside)
    if field.columns and (unsaid := field.type.engine_only_reason or (UNSAID_NUMBER if field.options.number else "")):
        yield Enforcement(path, "form of the text", unsaid)
    yield from (Enforcement(path, name, why) for name, why, said in _left_to_engine(field) if said)


def _left_to_engine(field: Field) -> Iterator[tuple[str, str, object]]:
    """What only the engine can know of how a value was made: its name, why, and whether the field has it."""
    yield "map", "the document holds what the code means, not the code", field.value_map
    yield "damaged_key", "the server accepts any text", field.identifies_row and field.type.any_text
    yield "compute", "the server accepts the value as it is written", field.compute


def _readable(mapping: Mapping, expression: Typed) -> bool:
    """Whether the arrays that an expression reads are in the documents."""
    hidden = {array.path for array in mapping.arrays if not array.embed}
    read = {array for path in expression.paths for array in arrays_of(path)}
    read |= {array for node in expression.aggregate_calls for array in arrays_of(f"{node.array}{MARK}")}
    return hidden.isdisjoint(read)


def _check(mapping: Mapping, rule: Rule) -> Schema | Unsupported:
    return rule.check.check_mongo() if _readable(mapping, rule.check) else Unsupported("it reads an array that is not stored")


def _conditional(mapping: Mapping, field: Field) -> Schema | Unsupported | None:
    """That the field is there only where its condition is true (if it is required: exactly there); None for a field without one."""
    if field.when is None:
        return None
    built = Unsupported("it has a value for each element of an array") if MARK in field.path else field.when.to_mongo()
    if not _readable(mapping, field.when):
        built = Unsupported("it reads an array that is not stored")
    if isinstance(built, Unsupported):
        return built
    holds, there = {"$eq": [built, True]}, {"$gt": [f"${field.path}", None]}
    return {"$expr": {"$eq": [holds, there]} if field.required else {"$or": [holds, {"$not": [there]}]}}


def _of_rule(mapping: Mapping, rule: Rule, profile: ServerProfile) -> Enforcement:
    check = _check(mapping, rule)
    why = check.reason if isinstance(check, Unsupported) else profile.beside_reason
    if rule.on_fail not in ON_SERVER:
        why = f"on_fail: {rule.on_fail} is about loading, not about valid documents"
    return Enforcement("rule", rule.name, why)


# the schema


def json_schema(mapping: Mapping) -> Schema:
    """The `$jsonSchema` of the documents (MongoDB's dialect of draft 4)."""
    root = _SchemaNode()
    root.children[ID] = _SchemaNode(_id_schema(mapping), written=True)
    arrays = {declaration.path: declaration for declaration in mapping.arrays}
    for field in _judged_fields(mapping):
        node, segments = root, field.path.split(".")
        for length, name in enumerate(segments, start=1):
            array = arrays.get(".".join(segments[:length]).removesuffix(MARK)) if name.endswith(MARK) else None
            node = node.children.setdefault(name, _SchemaNode(array=array, written=array is not None and array.always_written))
        node.schema = _field_schema(field)
        node.written = node.array.always_written if node.array else field.always_written
    schema = _object(root, additional=mapping.validation.additional)
    return {"title": mapping.name, **({"description": mapping.description} if mapping.description else {}), **schema}


def _id_schema(mapping: Mapping) -> Schema:
    """What `_id` must be; with a key, documents of others keep theirs."""
    if mapping.target.key_paths:
        return {"description": "as whoever made the document has chosen it"}
    return _value_schema(mapping.id_type, mapping.id_type.bson_range)


class _SchemaNode:
    """A place in the documents; with an array, one for its elements. `written`: what holds it always has it."""

    def __init__(self, schema: Schema | None = None, *, written: bool = False, array: Array | None = None) -> None:
        self.schema, self.written, self.array = schema, written, array
        self.children: dict[str, _SchemaNode] = {}

    @property
    def needed(self) -> bool:
        return self.written or (not self.array and any(child.needed for child in self.children.values()))

    @property
    def least(self) -> Schema:
        """What an object without required fields still needs: one of its fields, unless it is an element."""
        return {} if self.array else {"minProperties": 1}


def _object(node: _SchemaNode, *, additional: bool) -> Schema:
    """What the engine writes: the fields that every document has, and no document without a field."""
    required = [name.removesuffix(MARK) for name, child in node.children.items() if child.needed]
    return {
        "bsonType": "object",
        **({"required": required} if required else node.least),
        "properties": {
            name.removesuffix(MARK): _place(child, additional=additional) for name, child in node.children.items() if name != ANY_NAME
        },
        **_others(node, additional=additional),
    }


def _others(node: _SchemaNode, *, additional: bool) -> Schema:
    """What else the object may have: members that are named by columns, all of one kind."""
    if ANY_NAME in node.children:
        return {"additionalProperties": _place(node.children[ANY_NAME], additional=additional)}
    return {} if additional else {"additionalProperties": False}


def _place(node: _SchemaNode, *, additional: bool) -> Schema:
    """A value, an object, or an array of them."""
    schema = node.schema or _object(node, additional=additional)
    if not node.array:
        return schema
    kinds = ["array", "null"] if node.array.empty == "null" else "array"
    return {"bsonType": kinds, **node.array.constraints, "items": schema}


def _field_schema(field: Field) -> Schema:
    schema = _value_schema(field.type, effective(field))
    if field.writes_null and COMBINED & field.constraints.keys():
        schema = {"anyOf": [{"bsonType": "null"}, schema]}
    elif field.writes_null:
        schema |= {"bsonType": [field.type.bson_type, "null"]} | ({"enum": [*schema["enum"], None]} if "enum" in schema else {})
    return schema | ({"description": field.description} if field.description else {})


def _value_schema(kind: Type, constraints: Any) -> Schema:
    said = {name: _bson(limit, kind) for name, limit in constraints.items()}
    return {"bsonType": kind.bson_type, **kind.schema, **schema_of(said, kind.name)}


def effective(field: Field) -> dict[str, Any]:
    """The field's constraints, and what its type and its map imply beyond them."""
    own = _labelled(field) | dict(field.constraints)
    implied = {name: limit for name, limit in field.type.bson_range.items() if not ({"enum", *BOUNDS[name]} & own.keys())}
    return implied | dict(own)


def _labelled(field: Field) -> dict[str, Any]:
    """A map that keeps no text but its labels is an enum of them."""
    if field.value_map is None or field.value_map.otherwise == "keep" or not field.type.enumerable:
        return {}
    texts = [*field.value_map.texts.values(), field.value_map.label, field.default]
    values = field.type.parse(pl.lit(pl.Series([text for text in dict.fromkeys(texts) if text is not None])), field.options)
    found = pl.select(values).to_series().unique(maintain_order=True).to_list()
    return {"enum": [field.type.from_column(value) for value in found]}


def _constrained(mapping: Mapping) -> Iterator[tuple[str, Type, dict[str, Any]]]:
    if ID not in {field.path for field in mapping.fields} and not mapping.target.key_paths:
        yield ID, mapping.id_type, dict(mapping.id_type.bson_range)
    for field in _judged_fields(mapping):
        yield field.path, field.type, effective(field)


def _queries(path: str, kind: Type, constraints: dict[str, Any]) -> Iterator[Schema]:
    for name, limit in constraints.items():
        query = CONSTRAINTS[name].query
        if query and is_query(name, kind.name):
            yield {dotted(path): query(_bson(limit, kind))}


def _bson(value: Any, kind: Type) -> Any:
    """A bound as its BSON value, in lists and groups too."""
    if isinstance(value, list):
        return [_bson(item, kind) for item in value]
    if isinstance(value, dict):
        return {name: _bson(one, kind) for name, one in value.items()}
    return value if isinstance(value, AS_IN_BSON) else bson_value(kind, value)
