"""What the server makes of a stored value is what the engine makes of the same cell: the law of every conversion, on the real mongod."""

import os
from typing import Any

import polars as pl
import pytest
from bson import encode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient

from engine.documents.bson import bson_values
from engine.evolution.conversions import conversion
from engine.values.types import Options, type_table
from engine.values.types.dates import server_reads

SOAK = int(os.environ.get("ENGINE_SOAK", "1"))
FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%Y%m%d", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y %H:%M")
DIGITS = st.text(alphabet="0123456789", min_size=1, max_size=12)
SIGNS = st.sampled_from(["", "+", "-", "", ""])
NUMBERS = st.one_of(
    st.text(alphabet="0123456789+-.eE ", max_size=8),
    st.builds(lambda *parts: "".join(parts), SIGNS, DIGITS),
    st.builds(lambda *parts: "".join(parts), SIGNS, DIGITS, st.just("."), DIGITS),
    st.builds(lambda *parts: "".join(parts), SIGNS, DIGITS, st.sampled_from(["e", "E", "e-", ".e+", "e+"]), st.integers(0, 400).map(str)),
    st.integers(-(2**66), 2**66).map(str),
    st.floats().map(repr),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.sampled_from(
        ["007", "-0", "+0", "-0.0", "7\n", "inf", "nan", "0x10", "１２", "1_0", "", ".", "5.", ".5", "1" * 19, "0." + "0" * 330 + "1"]
    ),
)
DATES = st.one_of(
    st.datetimes().flatmap(lambda moment: st.sampled_from(FORMATS).map(moment.strftime)),
    st.sampled_from(
        ["0000-01-01", "2024-02-30", "2024-1-1", "2024-01-01\n", "29/02/2023", "2024-01-01T24:00:00", "2024-12-31T23:59:60", "20240101"]
    ),
    st.text(alphabet="0123456789-/T:. ", max_size=12),
)
HEX = st.one_of(st.binary(min_size=12, max_size=12).map(bytes.hex), st.text(alphabet="0123456789abcdefABCDEF", max_size=25))
CONVERSIONS = [(old, row.name) for row in type_table.values() for old in row.conversions]
TEXTS = {"bool": st.sampled_from(["true", "True", "yes", "false", "no", "", "TRUE "]), "date": DATES, "objectId": HEX}


def read(kind: str, texts: list[str], options: Options) -> list[Any]:
    """What the engine stores for these cells."""
    row = type_table[kind]
    return bson_values(row, pl.select(row.parse(pl.lit(pl.Series(texts, dtype=pl.String)), options).cast(row.dtype)).to_series())


@pytest.mark.parametrize(("old", "new"), CONVERSIONS, ids=[" to ".join(pair) for pair in CONVERSIONS])
def test_the_server_converts_as_the_engine_parses(mongo_client: MongoClient, old: str, new: str) -> None:
    @given(st.lists(TEXTS.get(new, NUMBERS), min_size=40, max_size=80), st.sampled_from(FORMATS))
    @settings(max_examples=6 * SOAK, deadline=None, suppress_health_check=list(HealthCheck))
    def law(texts: list[str], written: str) -> None:
        options = Options(format=(written,), true_values=("true", "yes"), false_values=("false", "no"))
        known = conversion(old, new, options)
        assert known
        stored = [(text, value) for text, value in zip(texts, read(old, texts, options), strict=True) if value is not None]
        expected = read(new, [text for text, _ in stored], options)
        documents = {"$literal": [{"number": number, "value": value} for number, (_, value) in enumerate(stored)]}
        start: list[Any] = [{"$documents": documents}, *([{"$match": {"$nor": [{"value": known.unsure}]}}] if known.unsure else [])]
        found = list(mongo_client.admin.aggregate([*start, {"$set": {"value": known.build("$value", options)}}], maxTimeMS=60_000))
        for one in found:
            text, wanted = stored[one["number"]][0], expected[one["number"]]
            if not (
                new == "decimal" and wanted is None and old in ("int", "long")
            ):  # more digits than a decimal has: the validator refuses it
                assert encode({"": one["value"]}) == encode({"": wanted}), text

    law()


def test_some_formats_are_not_the_servers() -> None:
    assert all(server_reads(Options(format=(text,))) for text in FORMATS)
    for text in ("%y-%m-%d", "%d %B %Y", "%Y-%-m-%d", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %z", "%Y%%%m%d"):
        assert not server_reads(Options(format=(text,)))
    assert not server_reads(Options(format=("%Y-%m-%d", "%d/%m/%Y")))
    assert not server_reads(Options(format=("%Y-%m-%d",), timezone="Europe/Paris"))
