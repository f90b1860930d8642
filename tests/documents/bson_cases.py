"""Shapes, rows that fit them, and what pymongo makes of both: an encoder of one row at a time, written for reading."""

from __future__ import annotations

from itertools import count
from typing import Any

import polars as pl
from bson.binary import Binary
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.objectid import ObjectId
from hypothesis import strategies as st

from engine.documents.bson import ArrayShape, DocumentShape, ScalarShape, Shape

DECIMALS = st.from_regex(r"\A-?[0-9]{1,20}(\.[0-9]{1,14})?\Z") | st.sampled_from(["9" * 34, "-0", "-0.00", "0." + "0" * 40 + "1", "007.10"])

# type: (dtype while building, dtype of the column, values, what pymongo takes)
KINDS: dict[str, tuple[Any, Any, st.SearchStrategy[Any], Any]] = {
    "string": (pl.String, pl.String, st.text(max_size=20), str),
    "int": (pl.Int32, pl.Int32, st.integers(-(2**31), 2**31 - 1), int),
    "long": (pl.Int64, pl.Int64, st.integers(-(2**63), 2**63 - 1), Int64),
    "double": (pl.Float64, pl.Float64, st.floats() | st.sampled_from([-0.0, 5e-324, float("nan"), float("inf")]), float),
    "bool": (pl.Boolean, pl.Boolean, st.booleans(), bool),
    "date": (pl.Int64, pl.Datetime("ms"), st.integers(-(2**63), 2**63 - 1) | st.integers(-(10**14), 10**15), DatetimeMS),
    "objectId": (pl.Binary, pl.Binary, st.binary(min_size=12, max_size=12), ObjectId),
    "uuid": (pl.Binary, pl.Binary, st.binary(min_size=16, max_size=16), lambda value: Binary(value, 4)),
    "binData": (pl.Binary, pl.Binary, st.binary(max_size=30), bytes),
    "decimal": (pl.String, pl.String, DECIMALS, Decimal128),
}
DEGREES = st.floats(-180, 180)
POSITIONS = st.lists(DEGREES, min_size=2, max_size=2)
KINDS |= {
    "point": (pl.Array(pl.Float64, 2), pl.Array(pl.Float64, 2), POSITIONS, lambda value: {"type": "Point", "coordinates": value}),
    "linestring": (pl.List(pl.Array(pl.Float64, 2)), pl.List(pl.Array(pl.Float64, 2)), st.lists(POSITIONS, max_size=12),
                   lambda value: {"type": "LineString", "coordinates": value}),
}  # fmt: skip
KEYS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)


class Frame:
    """The columns that a shape needs: name, dtype while building, final dtype, values."""

    def __init__(self, prefix: str = "c") -> None:
        self.columns: dict[str, tuple[Any, Any, st.SearchStrategy[Any]]] = {}
        self._names = (f"{prefix}{number}" for number in count())

    def add(self, building: Any, final: Any, values: st.SearchStrategy[Any]) -> str:
        name = next(self._names)
        self.columns[name] = (building, final, values)
        return name

    def rows(self) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries({name: st.none() | values for name, (_, _, values) in self.columns.items()})

    def struct(self, place: int) -> Any:
        return pl.Struct({name: column[place] for name, column in self.columns.items()})


@st.composite
def documents(draw: Any, frame: Frame, depth: int = 2) -> DocumentShape:
    keys = draw(st.lists(KEYS, unique=True, max_size=4))
    return DocumentShape(tuple((key, draw(_shapes(frame, depth))) for key in keys))


@st.composite
def _shapes(draw: Any, frame: Frame, depth: int) -> Shape:
    form = draw(st.sampled_from(["scalar", "scalar", "document", "array"] if depth else ["scalar"]))
    if form == "document":
        return draw(documents(frame, depth - 1))
    null = draw(st.booleans())
    if form == "array":
        element, building, final, values = draw(_elements(depth - 1))
        longest = draw(st.sampled_from([3, 3, 3, 12]))
        lists = st.lists(st.none() | values, max_size=longest)
        return ArrayShape(frame.add(pl.List(building), pl.List(final), lists), element, null)
    alias = draw(st.sampled_from(sorted(KINDS)))
    return ScalarShape(frame.add(*KINDS[alias][:3]), alias, null)


@st.composite
def _elements(draw: Any, depth: int) -> Any:
    """The shape of an array's elements, their two dtypes, and their values."""
    inner = Frame("e")
    form = draw(st.sampled_from(["scalar", "document", "array"]))
    if form == "document":
        shape: Shape = draw(documents(inner, depth))
        inner.add(*KINDS["int"][:3])  # a struct of no fields does not exist
        return shape, inner.struct(0), inner.struct(1), inner.rows()
    if form == "array" and depth:
        shape, building, final, values = draw(_elements(depth - 1))
        return ArrayShape("ignored", shape), pl.List(building), pl.List(final), st.lists(st.none() | values, max_size=3)
    alias = draw(st.sampled_from(sorted(KINDS)))
    return ScalarShape("ignored", alias), *KINDS[alias][:3]


@st.composite
def batches(draw: Any) -> tuple[DocumentShape, pl.DataFrame, list[dict[str, Any]]]:
    """A shape, a frame, and the same rows as Python objects."""
    columns = Frame()
    shape = draw(documents(columns))
    columns.add(*KINDS["int"][:3])  # a frame of no columns has no rows
    rows = draw(st.lists(columns.rows(), max_size=6))
    if draw(st.booleans()):  # a column without any missing value takes another way
        rows = [row for row in rows if None not in row.values()]
    frame = pl.DataFrame(rows, schema={name: column[0] for name, column in columns.columns.items()}, orient="row")
    return shape, frame.cast({name: column[1] for name, column in columns.columns.items()}), rows


def document(shape: DocumentShape, row: dict[str, Any]) -> dict[str, Any]:
    """The document of a row, for `bson.encode`."""
    fields = ((key, child, _value(child, row)) for key, child in shape.fields)
    return {key: value for key, child, value in fields if (value is not None and value != {}) or getattr(child, "null", False)}


def _value(shape: Shape, row: dict[str, Any]) -> Any:
    return document(shape, row) if isinstance(shape, DocumentShape) else _convert(shape, row[shape.column])


def _convert(shape: Shape, value: Any) -> Any:
    if value is None:
        return None
    match shape:
        case DocumentShape():
            return document(shape, value)
        case ArrayShape(_, element):
            return [_convert(element, inner) for inner in value]
        case ScalarShape(_, alias):
            return KINDS[alias][3](value)
