from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import bson
import polars as pl
import pytest
from bson.decimal128 import Decimal128
from bson_cases import batches, document
from hypothesis import HealthCheck, given, settings

from engine.documents.bson import ArrayShape, DocumentShape, ScalarShape, compile_shape
from engine.values.encoding import pieces

HEALTHCARE = Path(__file__).parents[2] / "../shared/corpora/healthcare/healthcare_dataset.csv"


def encode(shape: DocumentShape, frame: pl.DataFrame) -> list[bytes]:
    return compile_shape(shape).encode(frame).to_list()


def one(alias: str, values: list[Any], dtype: Any) -> list[bytes]:
    return encode(DocumentShape((("x", ScalarShape("x", alias)),)), pl.DataFrame({"x": values}, schema={"x": dtype}))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches())
def test_bytes_are_those_of_pymongo(batch):
    shape, frame, rows = batch
    assert encode(shape, frame) == [bson.encode(document(shape, row)) for row in rows]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches())
def test_cuts_and_chunks_of_a_frame_change_nothing(batch):
    shape, frame, _ = batch
    whole = encode(shape, frame)
    assert encode(shape, frame[1:]) == whole[1:]
    assert encode(shape, pl.concat([frame[:2], frame[2:]], rechunk=False)) == whole


def test_series_is_binary_without_nulls_also_for_no_rows():
    documents = compile_shape(DocumentShape((("x", ScalarShape("x", "int")),))).encode(pl.DataFrame(schema={"x": pl.Int32}))
    assert (documents.dtype, len(documents), documents.name) == (pl.Binary, 0, "document")


@pytest.mark.parametrize("date", ["0001-01-01", "1600-02-29", "1677-09-20", "2262-04-12", "9999-12-31"])
def test_dates_beyond_nanoseconds(date):
    instant = pl.Series([date]).str.to_datetime("%Y-%m-%d", time_unit="ms")
    assert one("date", instant.to_list(), pl.Datetime("ms")) == [bson.encode({"x": instant[0]})]


def test_dates_before_year_one():
    before = -62_135_596_800_000 - 86_400_000
    frame = pl.DataFrame({"x": [before]}).cast(pl.Datetime("ms"))
    assert encode(DocumentShape((("x", ScalarShape("x", "date")),)), frame) == [b"\x10\0\0\0\x09x\0" + struct.pack("<q", before) + b"\0"]


@pytest.mark.parametrize(
    "text", ["12.50", "-12.50", "0", "-0", "0.000", "007", "9" * 34, "-0." + "9" * 34, "1" + "0" * 33, "0." + "0" * 6175 + "1"]
)
def test_decimals_keep_digits_and_scale(text):
    assert one("decimal", [text, None], pl.String) == [bson.encode({"x": Decimal128(text)}), bson.encode({})]


@pytest.mark.parametrize("text", ["", "-", ".", "5.", ".5", "1e3", "+1", " 1", "1\n", "NaN", "1,0", "٣", "1" * 35, "0." + "0" * 6177])
def test_what_is_no_plain_decimal_is_refused_without_quoting_it(text):
    with pytest.raises(ValueError, match=r"the column 'x': a decimal is not plain decimal text of at most 34 significant digits$"):
        one("decimal", ["1", text], pl.String)


@pytest.mark.parametrize(("alias", "width"), [("objectId", 12), ("uuid", 16)])
def test_bytes_of_another_width_are_refused_without_quoting_them(alias, width):
    with pytest.raises(ValueError, match=f"the column 'x': a value is not {width} bytes long$"):
        one(alias, [bytes(width - 1), bytes(width + 1)], pl.Binary)


@pytest.mark.parametrize(
    ("alias", "dtype"), [("int", pl.Int64), ("long", pl.Int32), ("double", pl.Float32), ("date", pl.Datetime("us")), ("string", pl.Binary)]
)
def test_a_column_of_another_dtype_is_refused(alias, dtype):
    with pytest.raises(TypeError, match="the column 'x' is "):
        one(alias, [None], dtype)


def test_a_value_that_is_no_list_is_refused():
    with pytest.raises(TypeError, match="the column 'x' is Int32, not List"):
        encode(DocumentShape((("x", ArrayShape("x", ScalarShape("", "int"))),)), pl.DataFrame({"x": [1]}, schema={"x": pl.Int32}))


def test_elements_of_another_dtype_are_refused():
    with pytest.raises(TypeError, match="the column 'x' is Int32, not Int64"):
        encode(
            DocumentShape((("x", ArrayShape("x", ScalarShape("", "long"))),)), pl.DataFrame({"x": [[1]]}, schema={"x": pl.List(pl.Int32)})
        )


@pytest.mark.parametrize("length", [0, 1, 10, 11, 100, 101, 1001])
def test_array_indices_of_any_number_of_digits(length):
    frame = pl.DataFrame({"x": [list(range(length)), None, [None]]}, schema={"x": pl.List(pl.Int32)})
    expected = [bson.encode({"x": list(range(length))}), bson.encode({}), bson.encode({"x": [None]})]
    assert encode(DocumentShape((("x", ArrayShape("x", ScalarShape("", "int"))),)), frame) == expected


def test_a_struct_without_values_stays_an_element():
    frame = pl.DataFrame({"x": [[{"a": None}, None, {"a": 1}]]}, schema={"x": pl.List(pl.Struct({"a": pl.Int32}))})
    shape = DocumentShape((("x", ArrayShape("x", DocumentShape((("a", ScalarShape("a", "int")),)))),))
    assert encode(shape, frame) == [bson.encode({"x": [{}, None, {"a": 1}]})]


def test_values_behind_a_null_list_are_not_written():
    lists = pl.DataFrame({"x": [[1, 2], [3], [4, 5]]}, schema={"x": pl.List(pl.Int32)})
    hidden = lists.select(pl.when(pl.Series([True, False, True])).then("x"))
    expected = [bson.encode({"x": [1, 2]}), bson.encode({}), bson.encode({"x": [4, 5]})]
    assert encode(DocumentShape((("x", ArrayShape("x", ScalarShape("", "int"))),)), hidden) == expected


def test_one_column_may_feed_several_fields():
    shape = DocumentShape((("a", ScalarShape("x", "string")), ("b", DocumentShape((("c", ScalarShape("x", "decimal", null=True)),)))))
    frame = pl.DataFrame({"x": ["1.0", None]})
    assert encode(shape, frame) == [bson.encode({"a": "1.0", "b": {"c": Decimal128("1.0")}}), bson.encode({"b": {"c": None}})]


def test_regroup_cuts_what_one_value_cannot_hold(monkeypatch):
    frame = pl.DataFrame({"x": [["a" * 40] * number for number in (3, 0, 1, 7, 2)]})
    shape = DocumentShape((("x", ArrayShape("x", ScalarShape("", "string"))),))
    whole = encode(shape, frame)
    monkeypatch.setattr(pieces, "MAX_VALUE", 50)
    assert encode(shape, frame) == whole


def test_a_polars_string_is_always_utf8():
    with pytest.raises(pl.exceptions.ComputeError):
        pl.Series([b"\xff\xfe"]).cast(pl.String)
    with pytest.raises(pl.exceptions.PolarsError):
        pl.read_csv(b"x\n\xff\xfe\n", infer_schema=False)
    assert one("string", ["a\0b", "😀"], pl.String) == [bson.encode({"x": "a\0b"}), bson.encode({"x": "😀"})]


@pytest.mark.skipif(not HEALTHCARE.exists(), reason="the reference data set is not here")
def test_the_reference_data_set():
    frame = pl.read_csv(HEALTHCARE, infer_schema=False, n_rows=2000).with_columns(
        pl.col("Age").cast(pl.Int32),
        pl.col("Billing Amount").cast(pl.Float64),
        pl.col("Date of Admission").str.to_datetime("%Y-%m-%d", time_unit="ms"),
    )
    patient = DocumentShape((("name", ScalarShape("Name", "string")), ("age", ScalarShape("Age", "int"))))
    stay = DocumentShape((("admission_date", ScalarShape("Date of Admission", "date")), ("room", ScalarShape("Room Number", "decimal"))))
    shape = DocumentShape((("patient", patient), ("stay", stay), ("billing_amount", ScalarShape("Billing Amount", "double"))))
    expected = [
        bson.encode(
            {
                "patient": {"name": row["Name"], "age": row["Age"]},
                "stay": {"admission_date": row["Date of Admission"], "room": Decimal128(row["Room Number"])},
                "billing_amount": row["Billing Amount"],
            }
        )
        for row in frame.to_dicts()
    ]
    assert encode(shape, frame) == expected
