"""Single values as the driver's, for validators and pipelines: what the bytes of a document say, so that a type says it once."""

from __future__ import annotations

from functools import cache
from typing import Any

import polars as pl
from bson import decode, encode

from engine.documents.bson.documents import Encoder, compile_shape
from engine.documents.bson.shapes import DocumentShape, ScalarShape
from engine.values.types import Type, type_table

KEY = "value"
NAMES = {row.encoding.code: row.bson_type for row in type_table.values()} | {b"\x04": "array", b"\x0a": "null"}
TYPE_AT = 4  # in a document of one value, after the length (bsonspec.org, version 1.1)


def bson_values(kind: Type, column: pl.Series) -> list[Any]:
    """The values of a column of the type as BSON values: Int64, Decimal128, ObjectId and so on; None for a missing one."""
    return [decode(document)[KEY] for document in _encoder(kind.name).encode(column.alias(KEY).to_frame())]


def bson_value(kind: Type, value: Any) -> Any:
    """A value that `Type.read` gave as a BSON value."""
    key = kind.name, repr(value)  # not the value: 1.0 and 1.00 are equal, and so are 1 and True
    if key not in _known:
        _known[key] = bson_values(kind, pl.Series([kind.to_column(value)], dtype=kind.dtype))[0]
    return _known[key]


_known: dict[tuple[str, str], Any] = {}  # the constants of mappings, which validators and pipelines ask for again and again


def bson_type_name(value: Any) -> str:
    """The BSON type of a value that a document holds, as MongoDB's `$type` names it."""
    return NAMES[encode({"": value})[TYPE_AT : TYPE_AT + 1]]


@cache
def _encoder(name: str) -> Encoder:
    return compile_shape(DocumentShape(((KEY, ScalarShape(KEY, name, null=True)),)))
