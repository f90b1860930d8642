"""Documents that other programs write: the server takes those that the engine could have written, and no others."""

from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Binary, Decimal128, Int64, ObjectId
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.datetime_ms import DatetimeMS
from pymongo.database import Database
from pymongo.errors import WriteError

from engine.documents.validators import options

from .judging import mapping_of


def point(*coordinates: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": list(coordinates)}


def line(*positions: list[float]) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": list(positions)}


FIELDS = {
    "_id": {"column": "id", "type": "uuid"},
    "s": {"column": "s", "required": True},
    "n.int": {"column": "i", "type": "int", "enum": [5, 7]},
    "n.long": {"column": "l", "type": "long"},
    "n.double": {"column": "d", "type": "double"},
    "n.decimal": {"column": "c", "type": "decimal"},
    "n.limited": {"column": "m", "type": "double", "maximum": 0},
    "bool": {"column": "b", "type": "bool"},
    "date": {"column": "t", "type": "date"},
    "oid": {"column": "o", "type": "objectId"},
    "uuid": {"column": "u", "type": "uuid"},
    "null.s": {"column": "z", "empty": "null", "enum": ["x"]},
    "null.i": {"column": "y", "type": "int", "empty": "null", "not": {"minimum": 5}},
    "fixed": {"value": "csv"},
    "filled": {"column": "f", "default": "none"},
    "maybe.a": {"column": "a"},
    "maybe.b": {"column": "e"},
    "geo.point": {"type": "point", "longitude": "lon", "latitude": "lat"},
    "geo.line": {"type": "linestring", "column": "way", "order": "latlon", "empty": "null"},
    "bytes": {"type": "binData", "column": "raw"},
    "if_true": {"column": "if", "when": "bool"},
    "must": {"column": "must", "when": "s == 'must'", "required": True},
}
NAN, INFINITY = float("nan"), float("inf")
GOOD: dict[str, Any] = {
    "_id": Binary(bytes(range(16)), 4),
    "s": "",
    "n": {"int": 5, "long": Int64(1), "double": 1.5, "decimal": Decimal128("1.50"), "limited": -0.0},
    "bool": False,
    "date": datetime(2024, 1, 31, tzinfo=UTC),
    "oid": ObjectId(),
    "uuid": Binary(bytes(16), 4),
    "null": {"s": None, "i": None},
    "fixed": "csv",
    "filled": "none",
    "geo": {"line": None},
}
GONE = object()
INVALID_DOCUMENT = 121
ACCEPTED = (
    ("s", "a\0b"), ("n", GONE), ("n.int", GONE), ("n.int", 7), ("bool", GONE), ("date", DatetimeMS(-62135596800000)),
    ("date", DatetimeMS(253402300799999)), ("uuid", Binary(b"\xff" * 16, 4)), ("null.s", "x"), ("null.i", 4), ("maybe.a", "x"),
    ("n.decimal", Decimal128("-999999999999999999.9999999999999999")), ("n.decimal", Decimal128("1E+2")), ("fixed", "other"),
    ("geo.point", point(180.0, -90.0)), ("geo.line", line([0.0, 0.0], [180.0, 90.0])), ("bytes", b""), ("bytes", b"\xff" * 40),
)  # fmt: skip
REFUSED = (
    ("s", GONE), ("s", None), ("s", 5), ("s", ["a"]), ("s", {}), ("s", ObjectId()), ("n", {}), ("n", None), ("n", 5),
    ("n.int", Int64(5)), ("n.int", 5.0), ("n.int", Decimal128("5")), ("n.int", 6), ("n.int", None), ("n.int", "5"), ("n.long", 1),
    ("n.long", 1.0), ("n.double", 1), ("n.double", Int64(1)), ("n.double", NAN), ("n.double", INFINITY), ("n.double", -INFINITY),
    ("n.double", Decimal128("1.5")), ("n.limited", NAN), ("n.limited", -INFINITY), ("n.limited", 5e-324), ("n.decimal", 1.5),
    ("n.decimal", 1), ("n.decimal", Decimal128("NaN")), ("n.decimal", Decimal128("Infinity")), ("n.decimal", Decimal128("1E+18")),
    ("n.decimal", Decimal128("1E-17")), ("bool", 0), ("bool", "false"), ("bool", None), ("date", "2024-01-31"),
    ("date", DatetimeMS(-62135596800001)), ("date", DatetimeMS(253402300800000)), ("date", [datetime(2024, 1, 1, tzinfo=UTC)]),
    ("oid", "0" * 24), ("oid", Binary(bytes(12))), ("uuid", Binary(bytes(16), 3)), ("uuid", Binary(bytes(16))),
    ("uuid", Binary(bytes(15), 4)), ("uuid", "123e4567-e89b-12d3-a456-426614174000"), ("null", GONE), ("null.s", GONE), ("null.s", "y"),
    ("null.i", 5), ("null.i", Int64(4)), ("fixed", GONE), ("filled", GONE), ("filled", None), ("maybe", {}), ("maybe.c", 1),
    ("extra", 1), ("n.extra", 1), ("_id", Binary(bytes(16), 0)), ("_id", 5), ("_id", GONE),
    ("geo.point", None), ("geo.point", [1.0, 2.0]), ("geo.point", point(180.5, 0.0)), ("geo.point", point(0.0, -90.5)),
    ("geo.point", point(1, 2)), ("geo.point", point(1.0)), ("geo.point", point(1.0, 2.0, 3.0)), ("geo.point", point(NAN, 0.0)),
    ("geo.point", {"type": "point", "coordinates": [1.0, 2.0]}), ("geo.point", {"coordinates": [1.0, 2.0]}), ("geo.point", {}),
    ("geo.point", {**point(1.0, 2.0), "crs": "x"}), ("geo.point", line([1.0, 2.0], [3.0, 4.0])), ("geo", GONE),
    ("geo.line", GONE), ("geo.line", line([0.0, 0.0])), ("geo.line", line([0.0, 0.0], [181.0, 0.0])), ("geo.line", line([0.0, 0.0], [1.0])),
    ("geo.line", point(1.0, 2.0)), ("bytes", "ff"), ("bytes", None), ("if_true", "x"), ("must", "x"), ("s", "must"),
)  # fmt: skip


@pytest.fixture(scope="module")
def validator() -> dict[str, Any]:
    return options(mapping_of(FIELDS))


def with_(path: str, value: object) -> dict[str, Any]:
    """The good document with one thing changed."""
    name, _, inner = path.partition(".")
    found = {**GOOD, name: {**GOOD.get(name, {}), inner: value} if inner else value}
    if inner and value is GONE:
        del found[name][inner]
    return {key: one for key, one in found.items() if one is not GONE}


def takes(database: Database, validator: dict[str, Any], document: dict[str, Any]) -> bool:
    database = database.with_options(CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_AUTO))  # refusals quote the value
    database.create_collection("c", **validator)
    try:
        database["c"].insert_one(document)
    except WriteError as error:
        return error.code != INVALID_DOCUMENT
    return True


@pytest.mark.parametrize(("path", "value"), ACCEPTED)
def test_accepted(path: str, value: object, database: Database, validator: dict[str, Any]) -> None:
    assert takes(database, validator, with_(path, value))


def test_accepted_where_the_conditions_hold(database: Database, validator: dict[str, Any]) -> None:
    assert takes(database, validator, with_("bool", value=True) | {"s": "must", "if_true": "x", "must": "y"})


@pytest.mark.parametrize(("path", "value"), REFUSED)
def test_refused(path: str, value: object, database: Database, validator: dict[str, Any]) -> None:
    assert not takes(database, validator, with_(path, value))
