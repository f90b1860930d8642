"""Documents that other programs write, wrong in an array: the server refuses each value that no element of the engine's could have."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Binary, Decimal128, Int64
from pymongo.database import Database

from engine.documents.validators import options

from .judging import mapping_of
from .test_strangers import takes

FIELDS = {
    "lines[].id": {"column": "id{n}", "type": "int", "required": True, "minimum": 1},
    "lines[].price": {"column": "price{n}", "type": "decimal", "minimum": 0},
    "lines[].shipped": {"column": "at{n}", "type": "date", "minimum": "2000-01-01"},
    "lines[].key": {"column": "key{n}", "type": "uuid"},
    "lines[].part.name": {"column": "part{n}", "maxLength": 3},
    "lines[].none": {"column": "none{n}", "empty": "null"},
    "lines[].codes[]": {"column": "{value}", "enum": ["a", "b"]},
    "days[]": {"column": "day{n}", "type": "date", "maximum": "2030-01-01"},
    "later[]": {"column": "later{n}", "type": "double"},
    "limit": {"column": "limit", "type": "int"},
}
ARRAYS = {
    "lines": {"numbered": "1..3", "minItems": 1, "maxItems": 3},
    "lines[].codes": {"split": {"column": "codes{n}", "separator": "|"}, "uniqueItems": True, "empty": "null"},
    "days": {"numbered": "1..3", "uniqueItems": True},
    "later": {"numbered": "1..3", "empty": "omit"},
}
RULES = {
    "in_limit": {"check": "lines[].id <= limit"},
    "few_codes": {"check": "count(lines[].codes) <= lines[].id"},
    "codes": {"check": "lines[].codes[] != 'b' or lines[].id > 1"},
    "counted": {"check": "count(days) <= count(lines)"},
}
LINE: dict[str, Any] = {"id": 2, "price": Decimal128("1.50"), "shipped": datetime(2024, 1, 1, tzinfo=UTC), "key": Binary(bytes(16), 4),
                        "part": {"name": "abc"}, "none": None, "codes": ["a", "b"]}  # fmt: skip
GOOD: dict[str, Any] = {
    "_id": 1,
    "lines": [LINE, {"id": 1, "none": None, "codes": None}],
    "days": [datetime(2024, 1, 1, tzinfo=UTC)],
    "limit": 9,
}
GONE = object()
ACCEPTED = (
    ((), 0), (("lines", 0, "codes"), []), (("lines", 0, "codes"), None), (("lines", 0, "part"), GONE), (("lines", 0, "price"), GONE),
    (("days",), []),
    (("later",), [1.5, -0.0]), (("later",), []), (("limit",), GONE), (("lines", 1, "codes"), ["a"]),
)  # fmt: skip
REFUSED = (
    (("lines",), GONE), (("lines",), None), (("lines",), []), (("lines",), LINE), (("lines",), [LINE] * 4), (("lines", 0), None),
    (("lines", 0), 5),
    (("lines", 0), {}), (("lines", 0), [LINE]), (("lines", 1, "id"), GONE), (("lines", 1, "id"), 0), (("lines", 1, "id"), Int64(1)),
    (("lines", 1, "id"), None), (("lines", 1, "id"), [1]), (("lines", 0, "price"), Decimal128("-0.01")),
    (("lines", 0, "price"), Decimal128("NaN")),
    (("lines", 0, "price"), None), (("lines", 0, "shipped"), datetime(1999, 12, 31, tzinfo=UTC)), (("lines", 0, "shipped"), "2024-01-01"),
    (("lines", 0, "key"), Binary(bytes(16), 3)), (("lines", 0, "part"), {}), (("lines", 0, "part"), {"name": "abcd"}),
    (("lines", 0, "part"), [{"name": "a"}]), (("lines", 0, "none"), GONE), (("lines", 0, "more"), 1), (("lines", 0, "codes"), GONE),
    (("lines", 0, "codes"), "a"), (("lines", 0, "codes"), ["a", "a"]), (("lines", 0, "codes"), ["c"]), (("lines", 0, "codes"), [None]),
    (("days",), GONE), (("days",), None), (("days",), [datetime(2024, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)]),
    (("days",), [datetime(2024, 1, 1, tzinfo=UTC)] * 2), (("later",), None), (("later",), [1]), (("later",), [float("nan")]),
    (("limit",), 1), (("lines", 1, "codes"), ["b"]), (("lines", 1, "codes"), ["a", "b"]),
    (("days",), [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2, 3)]),
)  # fmt: skip


def with_(way: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """The good document with one thing changed."""
    found: Any = deepcopy(GOOD)
    if not way:
        return found
    node = found
    for step in way[:-1]:
        node = node[step]
    if value is GONE:
        del node[way[-1]]
    else:
        node[way[-1]] = value
    return found


@pytest.fixture(scope="module")
def validator() -> dict[str, Any]:
    return options(mapping_of({"_id": {"column": "k", "type": "int"}, **FIELDS}, RULES, arrays=ARRAYS))


@pytest.mark.parametrize(("way", "value"), ACCEPTED)
def test_accepted(way: tuple[str | int, ...], value: object, database: Database, validator: dict[str, Any]) -> None:
    assert takes(database, validator, with_(way, value))


@pytest.mark.parametrize(("way", "value"), REFUSED)
def test_refused(way: tuple[str | int, ...], value: object, database: Database, validator: dict[str, Any]) -> None:
    assert not takes(database, validator, with_(way, value))
