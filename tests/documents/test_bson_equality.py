"""Keys of values are the same exactly where the real server takes two values as one `_id`."""

import struct
from datetime import UTC, datetime
from itertools import combinations

import pytest
from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp, encode
from bson.raw_bson import RawBSONDocument
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.database import Database

from engine.documents.bson import elements, id_key

OTHER_NAN = struct.unpack("<d", bytes.fromhex("010000000000f8ff"))[0]
NUMBERS = [
    *(1, Int64(1), 1.0, Decimal128("1"), Decimal128("1.00"), 10, Decimal128("1E+1"), Decimal128("10.0")),
    *(0, 0.0, -0.0, Decimal128("0"), Decimal128("-0.00"), Decimal128("0E+10"), Decimal128("0E-6176")),
    *(float("nan"), OTHER_NAN, Decimal128("NaN"), Decimal128("-NaN"), Decimal128("sNaN")),
    *(float("inf"), Decimal128("Infinity"), float("-inf"), Decimal128("-Infinity")),
    *(0.5, Decimal128("0.50"), 0.1, Decimal128("0.1"), Decimal128("0.1000000000000000055511151231257827"), -2.5, Decimal128("-2.5")),
    *(Int64(2**53 + 1), float(2**53), Decimal128(str(2**53 + 1)), Int64(2**63 - 1), float(2**63), Decimal128(str(2**63))),
    *(1e300, 5e-324, Decimal128("1E+6111"), Decimal128("10E+6110"), Decimal128("9" * 34), Decimal128("9.0E+20"), 9e20),
    Decimal128.from_bid(bytes(7) + b"\x20" + bytes(7) + b"\x6c"),  # of the form for more digits than there may be
    Decimal128.from_bid(b"\xff" * 14 + b"\x41\x30"),  # more digits than there may be
]
OTHERS = [
    *(True, False, None, "1", "a", b"a", Binary(b"a", 5), Binary(bytes(16), 4), ObjectId(bytes(12)), Timestamp(0, 1), MinKey(), MaxKey()),
    *(datetime(1970, 1, 1, tzinfo=UTC), Code("a"), Code("a", {"b": 1})),
]
SAME_NAME = [{"a": value} for value in (1, 1.0, Decimal128("1.00"), {"b": -0.0}, {"b": 0}, float("nan"), Decimal128("NaN"), "x")]
ARRAYS = [{"a": value} for value in ([1, 2], [1.0, Int64(2)], [2, 1], [1, [2]], [[1], 2], {"0": 1, "1": 2}, [{}], [None])]
TEXTS = [{"a": value} for value in (Regex("x", "i"), Regex("x"), Regex("xi"), Code("x"), {"b": 1}, {"b": 1, "c": 2})]
NAMES = [{}, {"b": 1}, {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"": {"": None}}, {"": None}, {"a": "x", "b": None}, {"a": {"b": 1}, "c": 2}]
NESTED = SAME_NAME + ARRAYS + TEXTS + NAMES


@pytest.mark.parametrize("values", [NUMBERS, OTHERS, NESTED, [*NUMBERS[:8], *OTHERS, *NESTED[:4]]])
def test_the_server_stores_as_many_documents_as_there_are_keys(database: Database, values: list) -> None:
    documents = [encode({"_id": value}) for value in values]
    assert stored(database, values) == len({id_key(document) for document in documents})
    for one, other in combinations(range(len(values)), 2):
        same = stored(database, [values[one], values[other]]) == 1
        assert (id_key(documents[one]) == id_key(documents[other])) is same, (values[one], values[other])


def stored(database: Database, values: list) -> int:
    database.one.delete_many({})
    found = database.command("insert", "one", documents=[{"_id": value} for value in values], ordered=False, check=False)
    assert {error["code"] for error in found.get("writeErrors", ())} <= {11000}
    return database.one.count_documents({})


decimals = st.builds(lambda digits, exponent: Decimal128(f"{digits}E{exponent}"), st.integers(-200, 200), st.integers(-4, 4))
numbers = st.integers(-200, 200) | decimals | st.floats() | st.integers(-1600, 1600).map(lambda sixteenths: sixteenths / 16)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(numbers | st.builds(lambda value: {"a": value}, numbers), min_size=20, max_size=80))
def test_random_numbers(database: Database, values: list) -> None:
    assert stored(database, values) == len({id_key(encode({"_id": value})) for value in values})


def test_elements_are_those_of_the_document() -> None:
    document = {"a": 1, "b": {"c": [1, "x"]}, "": Regex("a", "i"), "d": Code("x", {"y": 1}), "e": b"1", "f": None}
    assert [(name, encode({"": value})[4:-1]) for name, value in document.items()] == [
        (name.decode(), bytes([kind]) + b"\0" + value) for kind, name, value in elements(encode(document))
    ]


def test_a_symbol_is_equal_to_its_text(database: Database) -> None:
    """The driver writes none."""
    text = encode({"_id": "a"})
    symbol = text[:4] + b"\x0e" + text[5:]
    database.one.insert_one(RawBSONDocument(symbol))
    assert database.one.find_one({"_id": "a"})
    assert id_key(symbol) == id_key(text)


def test_what_is_no_document_is_refused() -> None:
    with pytest.raises(ValueError, match="not a type of BSON"):
        list(elements(b"\x09\0\0\0\x20a\0\0\0"))
    with pytest.raises(ValueError, match="does not begin with an _id"):
        id_key(encode({"a": 1}))
