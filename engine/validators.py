"""Mapping to the collection's validator, for a target profile: `$jsonSchema`, and beside it query operators and `$expr` for rules.

What the validator leaves to the engine alone is listed with the reason by `enforcement`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from bson import Binary, Decimal128, ObjectId, json_util

from engine.constraints import COMBINED, CONSTRAINTS, is_query, schema_of
from engine.expressions import Unsupported
from engine.model import ID, Field, Mapping, Rule
from engine.profiles import DEFAULT, PROFILES, Profile
from engine.types import Type

Schema = dict[str, Any]
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
        conditions += [check for rule in mapping.rules if rule.on_fail in ON_SERVER and isinstance(check := rule.check.check_mongo(), dict)]
    return conditions[0] if len(conditions) == 1 else {"$and": conditions}


def conditions(mapping: Mapping, profile: Profile = DEFAULT) -> dict[str, Schema]:
    """What the server enforces as queries, one per field (by path) and rule (`rule NAME`), and all of it as `document`."""
    if not profile.validator:
        return {}
    found: dict[str, Schema] = {}
    for one in mapping.fields:
        schema: Schema = _field_schema(one)
        for name in reversed(one.path.split(".")):
            schema = {"properties": {name: schema}, **({"required": [name]} if one.always_written else {})}
        broken = list(_queries(one.path, one.type, effective(one))) if profile.beside else []
        found[one.path] = {"$jsonSchema": schema, **({"$nor": broken} if broken else {})}
    for rule in mapping.rules if profile.beside else ():
        if rule.on_fail in ON_SERVER and isinstance(check := rule.check.check_mongo(), dict):
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
    found = [one for field in mapping.fields for one in _of_field(field, profile)] + [_of_rule(rule, profile) for rule in mapping.rules]
    return [Enforcement(one.subject, one.what, one.why or off) for one in found]


def engine_only(mapping: Mapping, profile: Profile) -> list[str]:
    """What this profile's server leaves to the engine though a full MongoDB would not, for the run's report."""
    usual = {(one.subject, one.what): one.why for one in enforcement(mapping)}
    found = enforcement(mapping, profile)
    return list(told(one for one in found if one.why and not usual.get((one.subject, one.what))))


def _of_field(one: Field, profile: Profile) -> Iterator[Enforcement]:
    path, no = one.path, profile.validator_reason
    beside = "" if no or not any(is_query(name, one.type.name) for name in one.type.domain) else profile.beside_reason
    yield Enforcement(path, f"type {one.type.name}", no)
    if one.required:
        yield Enforcement(path, "required", no or ("the server gives a document without _id a new ObjectId" if path == ID else ""))
    for name in one.constraints:
        yield Enforcement(path, name, profile.beside_reason if is_query(name, one.type.name) else no)
    if beside:
        yield Enforcement(path, "range of the type", beside)
    if one.type.unsaid and one.column is not None:
        yield Enforcement(path, "form of the text", one.type.unsaid)
    if one.compute:
        yield Enforcement(path, "compute", "the server takes the value as it is written")


def _of_rule(rule: Rule, profile: Profile) -> Enforcement:
    check = rule.check.check_mongo()
    why = check.reason if isinstance(check, Unsupported) else profile.beside_reason
    if rule.on_fail not in ON_SERVER:
        why = f"on_fail: {rule.on_fail} is about loading, not about what a document may be"
    return Enforcement("rule", rule.name, why)


# the schema


def json_schema(mapping: Mapping) -> Schema:
    """The `$jsonSchema` of the documents (MongoDB's dialect of draft 4)."""
    root = _Node()
    root.children[ID] = _Node(_value_schema(mapping.id_type, mapping.id_type.domain), written=True)
    for one in mapping.fields:
        node = root
        for name in one.path.split("."):
            node = node.children.setdefault(name, _Node())
        node.schema, node.written = _field_schema(one), one.always_written
    schema = _object(root, additional=mapping.validation.additional)
    return {"title": mapping.name, **({"description": mapping.description} if mapping.description else {}), **schema}


class _Node:
    def __init__(self, schema: Schema | None = None, *, written: bool = False) -> None:
        self.schema, self.written = schema, written
        self.children: dict[str, _Node] = {}

    @property
    def needed(self) -> bool:
        return self.written or any(child.needed for child in self.children.values())


def _object(node: _Node, *, additional: bool) -> Schema:
    """What the engine writes: the fields that every document has, and no document without a field."""
    required = [name for name, child in node.children.items() if child.needed]
    return {
        "bsonType": "object",
        **({"required": required} if required else {"minProperties": 1}),
        "properties": {name: child.schema or _object(child, additional=additional) for name, child in node.children.items()},
        **({} if additional else {"additionalProperties": False}),
    }


def _field_schema(one: Field) -> Schema:
    schema = _value_schema(one.type, effective(one))
    if one.writes_null and COMBINED & one.constraints.keys():
        schema = {"anyOf": [{"bsonType": "null"}, schema]}
    elif one.writes_null:
        schema |= {"bsonType": [one.type.bson_type, "null"]} | ({"enum": [*schema["enum"], None]} if "enum" in schema else {})
    return schema | ({"description": one.description} if one.description else {})


def _value_schema(kind: Type, constraints: Any) -> Schema:
    said = {name: _bson(limit, kind) for name, limit in constraints.items()}
    return {"bsonType": kind.bson_type, **schema_of(said, kind.name)}


def effective(one: Field) -> dict[str, Any]:
    """The field's constraints and what its type implies beyond them."""
    own = one.constraints
    implied = {name: limit for name, limit in one.type.domain.items() if not ({"enum", *BOUNDS[name]} & own.keys())}
    return implied | dict(own)


def _constrained(mapping: Mapping) -> Iterator[tuple[str, Type, dict[str, Any]]]:
    if ID not in {one.path for one in mapping.fields}:
        yield ID, mapping.id_type, dict(mapping.id_type.domain)
    for one in mapping.fields:
        yield one.path, one.type, effective(one)


def _queries(path: str, kind: Type, constraints: dict[str, Any]) -> Iterator[Schema]:
    for name, limit in constraints.items():
        query = CONSTRAINTS[name].query
        if query and is_query(name, kind.name):
            yield {path: query(_bson(limit, kind))}


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
