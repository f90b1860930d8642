"""Mapping to the collection's validator, for a target profile: `$jsonSchema`, and beside it query operators and `$expr` for rules.

What the validator leaves to the engine alone is listed with the reason by `enforcement`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

import polars as pl
from bson import Binary, Decimal128, ObjectId, json_util

from engine.expressions import Typed, Unsupported
from engine.expressions.constraints import COMBINED, CONSTRAINTS, is_query, schema_of
from engine.mapping.model import ID, Array, Field, Mapping, Rule
from engine.mapping.profiles import DEFAULT, PROFILES, Profile
from engine.values.paths import MARK, arrays_of, dotted
from engine.values.types import Type

Schema = dict[str, Any]
ANY_NAME = "*"  # the last segment of a path whose members are named by columns
UNSAID_NUMBER = "the document holds the number, not the text that said it"
ON_SERVER = frozenset({"reject", "fail"})
BOUNDS = {"minimum": {"minimum", "exclusiveMinimum"}, "maximum": {"maximum", "exclusiveMaximum"}, "multipleOf": {"multipleOf"}}


@dataclass(frozen=True)
class Enforcement:
    """Who enforces one thing: server and engine, or, where `why` says why, the engine alone. `subject` is a path, or `rule NAME`."""

    subject: str
    what: str
    why: str = ""


def told(found: Iterable[Enforcement]) -> Iterator[str]:
    """One line per subject and reason."""
    for (subject, why), group in groupby(found, key=lambda one: (one.subject, one.why)):
        yield f"{subject} {', '.join(one.what for one in group)}: " + (f"engine alone, {why}" if why else "engine and server")


def profile_of(mapping: Mapping) -> Profile:
    """The profile that the mapping names, else the default."""
    return PROFILES[mapping.target.profile] if mapping.target.profile else DEFAULT


def validator(mapping: Mapping, profile: Profile = DEFAULT) -> Schema:
    """The validator as a query document, ready for `create` or `collMod`; empty where the server has none. Values are BSON values."""
    if not profile.validator:
        return {}
    conditions: list[Schema] = [{"$jsonSchema": json_schema(mapping)}]
    if profile.beside:
        broken = [query for path, kind, constraints in _constrained(mapping) for query in _queries(path, kind, constraints)]
        conditions += [{"$nor": broken}] if broken else []
        conditions += [there for one in stored_fields(mapping) if isinstance(there := _conditional(mapping, one), dict)]
        conditions += [check for rule in mapping.rules if rule.on_fail in ON_SERVER and isinstance(check := _check(mapping, rule), dict)]
    return conditions[0] if len(conditions) == 1 else {"$and": conditions}


def conditions(mapping: Mapping, profile: Profile = DEFAULT) -> dict[str, Schema]:
    """What the server enforces as queries, one per field (by path) and rule (`rule NAME`), and all of it as `document`."""
    if not profile.validator:
        return {}
    found: dict[str, Schema] = {}
    for one in stored_fields(mapping):
        schema: Schema = _field_schema(one)
        needed = one.always_written
        for name in reversed(one.path.split(".")):
            if name == ANY_NAME:
                schema = {"additionalProperties": schema}
                continue
            schema = {"properties": {name.removesuffix(MARK): {"items": schema} if name.endswith(MARK) else schema}}
            needed = needed and not name.endswith(MARK)  # an array may have no element
            schema |= {"required": [name]} if needed else {}
        broken = list(_queries(one.path, one.type, effective(one))) if profile.beside else []
        there = _conditional(mapping, one) if profile.beside else None
        found[one.path] = {"$jsonSchema": schema, **({"$nor": broken} if broken else {}), **(there if isinstance(there, dict) else {})}
    for rule in mapping.rules if profile.beside else ():
        if rule.on_fail in ON_SERVER and isinstance(check := _check(mapping, rule), dict):
            found[f"rule {rule.name}"] = check
    return found | {"document": validator(mapping, profile)}


def options(mapping: Mapping, profile: Profile = DEFAULT) -> Schema:
    """The collection options that carry the validation; none where the server has none."""
    if not profile.validator:
        return {}
    action = mapping.validation.action if mapping.validation.action in profile.actions else "error"
    return {"validator": validator(mapping, profile), "validationLevel": mapping.validation.level, "validationAction": action}


def to_json(mapping: Mapping, profile: Profile = DEFAULT) -> str:
    """The collection options as relaxed Extended JSON, with a final newline."""
    found = options(mapping, profile)
    return json_util.dumps(found, indent=2, ensure_ascii=False, json_options=json_util.RELAXED_JSON_OPTIONS) + "\n"


# who enforces what


def enforcement(mapping: Mapping, profile: Profile = DEFAULT) -> list[Enforcement]:
    """Every type, constraint and rule: do server and engine enforce it, or the engine alone and why."""
    off = "validation.level: off" if mapping.validation.level == "off" else ""
    off = off or ("validation.action: warn only logs" if mapping.validation.action == "warn" else "")
    found = [one for field in stored_fields(mapping) for one in _of_field(mapping, field, profile)]
    found += [Enforcement(one.path, name, profile.validator_reason) for one in mapping.arrays if one.embed for name in one.constraints]
    found += [_of_rule(mapping, rule, profile) for rule in mapping.rules]
    return [Enforcement(one.subject, one.what, one.why or off) for one in found]


def engine_only(mapping: Mapping, profile: Profile) -> list[str]:
    """What this profile's server leaves to the engine though a full MongoDB would not, for the run's report."""
    usual = {(one.subject, one.what): one.why for one in enforcement(mapping)}
    found = enforcement(mapping, profile)
    return list(told(one for one in found if one.why and not usual.get((one.subject, one.what))))


def stored_fields(mapping: Mapping) -> list[Field]:
    """The fields that documents have: not those of arrays that only feed aggregates."""
    hidden = {one.path for one in mapping.arrays if not one.embed}
    return [one for one in mapping.fields if hidden.isdisjoint(arrays_of(one.path))]


def _of_field(mapping: Mapping, one: Field, profile: Profile) -> Iterator[Enforcement]:
    path, no = one.path, profile.validator_reason
    beside = "" if no or not any(is_query(name, one.type.name) for name in one.type.domain) else profile.beside_reason
    yield Enforcement(path, f"type {one.type.name}", no)
    there = _conditional(mapping, one)
    depends = there.reason if isinstance(there, Unsupported) else profile.beside_reason if there else ""
    if one.when:
        yield Enforcement(path, "when", no or depends)
    if one.required:
        yield Enforcement(
            path, "required", no or depends or ("the server gives a document without _id a new ObjectId" if path == ID else "")
        )
    for name in one.constraints:
        yield Enforcement(path, name, profile.beside_reason if is_query(name, one.type.name) else no)
    if beside:
        yield Enforcement(path, "range of the type", beside)
    if one.columns and (unsaid := one.type.unsaid or (UNSAID_NUMBER if one.options.number else "")):
        yield Enforcement(path, "form of the text", unsaid)
    yield from (Enforcement(path, name, why) for name, why, said in _left_to_engine(one) if said)


def _left_to_engine(one: Field) -> Iterator[tuple[str, str, object]]:
    """What only the engine can know of a field's way: its name, why, and whether the field has it."""
    yield "map", "the document holds what the code means, not the code", one.labels
    yield "damaged_key", "the server takes any text", one.key and one.type.name == "string"
    yield "compute", "the server takes the value as it is written", one.compute


def _readable(mapping: Mapping, one: Typed) -> bool:
    """Whether the arrays that an expression reads are in the documents."""
    hidden = {array.path for array in mapping.arrays if not array.embed}
    read = {array for path in one.paths for array in arrays_of(path)}
    read |= {array for node in one.gathered for array in arrays_of(f"{node.array}{MARK}")}
    return hidden.isdisjoint(read)


def _check(mapping: Mapping, rule: Rule) -> Schema | Unsupported:
    return rule.check.check_mongo() if _readable(mapping, rule.check) else Unsupported("it reads an array that is not stored")


def _conditional(mapping: Mapping, one: Field) -> Schema | Unsupported | None:
    """That the field is there only where its condition is true (if it is required: exactly there); None for a field without one."""
    if one.when is None:
        return None
    built = Unsupported("it has a value for each element of an array") if MARK in one.path else one.when.to_mongo()
    if not _readable(mapping, one.when):
        built = Unsupported("it reads an array that is not stored")
    if isinstance(built, Unsupported):
        return built
    holds, there = {"$eq": [built, True]}, {"$gt": [f"${one.path}", None]}
    return {"$expr": {"$eq": [holds, there]} if one.required else {"$or": [holds, {"$not": [there]}]}}


def _of_rule(mapping: Mapping, rule: Rule, profile: Profile) -> Enforcement:
    check = _check(mapping, rule)
    why = check.reason if isinstance(check, Unsupported) else profile.beside_reason
    if rule.on_fail not in ON_SERVER:
        why = f"on_fail: {rule.on_fail} is about loading, not about what a document may be"
    return Enforcement("rule", rule.name, why)


# the schema


def json_schema(mapping: Mapping) -> Schema:
    """The `$jsonSchema` of the documents (MongoDB's dialect of draft 4)."""
    root = _Node()
    root.children[ID] = _Node(_value_schema(mapping.id_type, mapping.id_type.domain), written=True)
    arrays = {one.path: one for one in mapping.arrays}
    for one in stored_fields(mapping):
        node, segments = root, one.path.split(".")
        for length, name in enumerate(segments, start=1):
            array = arrays.get(".".join(segments[:length]).removesuffix(MARK)) if name.endswith(MARK) else None
            node = node.children.setdefault(name, _Node(array=array, written=array is not None and array.always_written))
        node.schema = _field_schema(one)
        node.written = node.array.always_written if node.array else one.always_written
    schema = _object(root, additional=mapping.validation.additional)
    return {"title": mapping.name, **({"description": mapping.description} if mapping.description else {}), **schema}


class _Node:
    """A place in the documents; with an array, one for its elements. `written`: what holds it always has it."""

    def __init__(self, schema: Schema | None = None, *, written: bool = False, array: Array | None = None) -> None:
        self.schema, self.written, self.array = schema, written, array
        self.children: dict[str, _Node] = {}

    @property
    def needed(self) -> bool:
        return self.written or (not self.array and any(child.needed for child in self.children.values()))

    @property
    def least(self) -> Schema:
        """What an object that needs none of its fields has all the same: one of them, unless it is an element."""
        return {} if self.array else {"minProperties": 1}


def _object(node: _Node, *, additional: bool) -> Schema:
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


def _others(node: _Node, *, additional: bool) -> Schema:
    """What else the object may have: members that are named by columns, all of one kind."""
    if ANY_NAME in node.children:
        return {"additionalProperties": _place(node.children[ANY_NAME], additional=additional)}
    return {} if additional else {"additionalProperties": False}


def _place(node: _Node, *, additional: bool) -> Schema:
    """A value, an object, or an array of them."""
    schema = node.schema or _object(node, additional=additional)
    if not node.array:
        return schema
    kinds = ["array", "null"] if node.array.empty == "null" else "array"
    return {"bsonType": kinds, **node.array.constraints, "items": schema}


def _field_schema(one: Field) -> Schema:
    schema = _value_schema(one.type, effective(one))
    if one.writes_null and COMBINED & one.constraints.keys():
        schema = {"anyOf": [{"bsonType": "null"}, schema]}
    elif one.writes_null:
        schema |= {"bsonType": [one.type.bson_type, "null"]} | ({"enum": [*schema["enum"], None]} if "enum" in schema else {})
    return schema | ({"description": one.description} if one.description else {})


def _value_schema(kind: Type, constraints: Any) -> Schema:
    said = {name: _bson(limit, kind) for name, limit in constraints.items()}
    return {"bsonType": kind.bson_type, **kind.schema, **schema_of(said, kind.name)}


def effective(one: Field) -> dict[str, Any]:
    """The field's constraints, and what its type and its map imply beyond them."""
    own = _labelled(one) | dict(one.constraints)
    implied = {name: limit for name, limit in one.type.domain.items() if not ({"enum", *BOUNDS[name]} & own.keys())}
    return implied | dict(own)


def _labelled(one: Field) -> dict[str, Any]:
    """A map that keeps no other text than its labels is an enum of them."""
    if one.labels is None or one.labels.otherwise == "keep" or not one.type.listed:
        return {}
    texts = [*one.labels.texts.values(), one.labels.label, one.default]
    values = one.type.parse(pl.lit(pl.Series([text for text in dict.fromkeys(texts) if text is not None])), one.options)
    found = pl.select(values).to_series().unique(maintain_order=True).to_list()
    return {"enum": [Decimal(value) if one.type.name == "decimal" else value for value in found]}


def _constrained(mapping: Mapping) -> Iterator[tuple[str, Type, dict[str, Any]]]:
    if ID not in {one.path for one in mapping.fields}:
        yield ID, mapping.id_type, dict(mapping.id_type.domain)
    for one in stored_fields(mapping):
        yield one.path, one.type, effective(one)


def _queries(path: str, kind: Type, constraints: dict[str, Any]) -> Iterator[Schema]:
    for name, limit in constraints.items():
        query = CONSTRAINTS[name].query
        if query and is_query(name, kind.name):
            yield {dotted(path): query(_bson(limit, kind))}


def _bson(value: Any, kind: Type) -> Any:
    """A bound as its BSON value, in lists and groups too."""
    if isinstance(value, list):
        return [_bson(one, kind) for one in value]
    if isinstance(value, dict):
        return {name: _bson(one, kind) for name, one in value.items()}
    if isinstance(value, Decimal):
        return Decimal128(value)
    if isinstance(value, bytes):
        return ObjectId(value) if kind.name == "objectId" else Binary(value, 4)
    return value
