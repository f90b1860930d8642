"""MongoDB's own cases of $jsonSchema: what the mapping language can express must come out as there, and what MongoDB refuses must not load.

The cases lie outside the repository (../shared); without them these tests are skipped.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId, json_util
from pymongo.database import Database
from pymongo.errors import OperationFailure

from engine.errors import UsageError
from engine.expressions.constraints import CONSTRAINTS
from engine.values.types import type_table

from .judging import disagreements, mapping_of, verdicts

FOLDER = Path(__file__).parents[2] / "../shared/corpora/mongo_jsonschema/dev"
NOTHING = "∅"
LEAST = {"jsts_draft4_mongo_agrees.json": 80, "mongo_jstests_cases.json": 50}
GROUPS = ("allOf", "anyOf", "oneOf")
TYPES = (
    (bool, "bool"), (Int64, "long"), (int, "int"), (float, "double"), (str, "string"), (Decimal128, "decimal"), (datetime, "date"),
    (ObjectId, "objectId"),
)  # fmt: skip
JSON_TYPES = {"number": {"int", "long", "double", "decimal"}, "boolean": {"bool"}, "string": {"string"}, "integer": set(), "object": set()}
WITHOUT_MEANING = frozenset({"title", "description"})


class Inexpressible(Exception):  # noqa: N818 -- it is no error
    """The mapping language has no such thing; the message says which."""


def corpus(name: str) -> list[dict[str, Any]]:
    file = FOLDER / name
    if not file.exists():
        pytest.skip("../shared/corpora/mongo_jsonschema is not on this machine")
    return json.loads(file.read_text(encoding="utf-8"))


def kind_of(value: object) -> str:
    for python, name in TYPES:
        if isinstance(value, python):
            return name
    raise Inexpressible(f"a value of type {type(value).__name__}")


def cell(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else str(value)


def constraints(schema: Any, kind: str) -> dict[str, Any]:
    """A schema for a value of this type, as a mapping's constraints."""
    if not isinstance(schema, dict):
        raise Inexpressible("not an object")
    found: dict[str, Any] = {}
    for name, limit in schema.items():
        if name in WITHOUT_MEANING or name.startswith("exclusive"):
            continue
        if name in ("type", "bsonType"):
            allowed = set().union(*(JSON_TYPES.get(one, {one}) for one in ([limit] if isinstance(limit, str) else limit)))
            if kind not in allowed:
                raise Inexpressible("a value of another type")
        elif name not in CONSTRAINTS:
            raise Inexpressible(name)
        elif kind not in CONSTRAINTS[name].types:
            raise Inexpressible(f"{name} of {kind}")
        elif name in GROUPS:
            found[name] = [constraints(one, kind) for one in limit]
        else:
            found[name] = constraints(limit, kind) if name == "not" else argument(name, limit)
    for exclusive, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if schema.get(exclusive):
            found[exclusive] = found.pop(plain)
    return found


def argument(name: str, limit: Any) -> Any:
    limit = json_util.loads(json.dumps(limit))
    plain = [one if isinstance(one, bool | int | float | str) else cell(one) for one in (limit if name == "enum" else [limit])]
    if name == "enum" and len({kind_of(one) for one in limit}) > 1:
        raise Inexpressible("an enum of several types")
    return plain if name == "enum" else plain[0]


def translated(case: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Fields and a row that say the same as a case's schema and document."""
    fields, row = {"filler": {"value": "x"}}, {}
    document = json_util.loads(json.dumps(case["doc"]))
    for path, schema, value, required in leaves(case["schema"], document, ""):
        wanted = schema.get("bsonType", schema.get("type", "string")) if value is None else kind_of(value)
        kind = wanted if isinstance(wanted, str) and wanted in type_table else "string"
        spec = {
            "column": path,
            "type": kind,
            **constraints(schema, kind),
            "null_values": [NOTHING],
            **({"required": True} if required else {}),
        }
        fields[path] = spec | ({"format": "%Y-%m-%dT%H:%M:%S.%f"} if kind == "date" else {})
        row[path] = NOTHING if value is None else cell(value)
    return fields, row


def leaves(schema: dict[str, Any], document: dict[str, Any], above: str) -> Iterator[tuple[str, dict[str, Any], Any, bool]]:
    """Path, schema, value (None where it is missing) and whether it is required, of each field of either."""
    beyond = schema.keys() - {"properties", "required", "bsonType", "type", *WITHOUT_MEANING}
    if beyond or schema.get("bsonType", schema.get("type", "object")) != "object":
        raise Inexpressible(f"{sorted(beyond)} of a document" if beyond else "a value of another type")
    properties, required = schema.get("properties", {}), schema.get("required", ())
    for name in {**properties, **document, **dict.fromkeys(required)}:
        inner, value = properties.get(name, {}), document.get(name)
        if name in document and value is None:
            raise Inexpressible("null")
        if isinstance(value, dict) and value and "." not in name:
            yield from leaves(inner, value, f"{above}{name}.")
        else:
            yield above + name, inner, value, name in required


@pytest.mark.parametrize("name", ["jsts_draft4_mongo_agrees.json", "mongo_jstests_cases.json"])
def test_the_engine_says_what_mongodb_says(name: str, database: Database) -> None:
    why, applied = Counter(), 0
    for case in corpus(name):
        try:
            fields, row = translated(case)
            mapping = mapping_of(fields)
        except Inexpressible as reason:
            why[str(reason)] += 1
            continue
        except UsageError as error:
            why[f"refused: {error.findings[0].code} {error.findings[0].message}"] += 1
            continue
        applied += 1
        assert bool(len(verdicts(mapping, [row])[1].accepted)) == case["valid"], case["name"]
        assert disagreements(database, mapping, [row])[1] == [], case["name"]
    print(f"{name}: {applied} apply, {dict(why.most_common(20))}")
    assert applied >= LEAST[name]


def test_what_mongodb_refuses_as_a_schema_does_not_load(database: Database) -> None:
    tried = 0
    for case in corpus("mongo_jstests_invalid_schemas.json"):
        with pytest.raises(OperationFailure):
            database.create_collection("x", validator={"$jsonSchema": case["schema"]})
        for inner in of_fields(case["schema"]):
            if isinstance(inner, dict) and inner.keys() == {"type"} and inner["type"] in list(type_table):
                continue  # there the mapping means the BSON type
            tried += 1
            with pytest.raises(UsageError):
                mapping_of({"a": {"column": "a", **inner} if isinstance(inner, dict) else inner, "b": "b"})
    assert tried >= 35


def of_fields(schema: Any) -> list[Any]:
    """What a user could write of an invalid schema: the parts for single fields."""
    parts = schema.get("properties", {"": schema}) if isinstance(schema, dict) else schema
    return [part for part in parts.values() if part != "number"] if isinstance(parts, dict) else [parts]  # a lone text names a column
