"""Accepted batches to BSON, a column at a time: no Python object per row or per value.

`compile_shape` turns the shape of a document into an `Encoder` once; `Encoder.encode` turns a frame into a Binary series of documents,
byte for byte what `bson.encode` writes. `limits` holds what a server refuses, and how documents are cut and joined for sending.

This package is named like pymongo's `bson`, which only `single` imports; absolute imports keep the two apart.
"""

from engine.documents.bson.documents import Encoder, compile_shape
from engine.documents.bson.equality import elements, equality_key, key_at, keys_at
from engine.documents.bson.ids import ID_AT, id_key, without_id
from engine.documents.bson.limits import MAX_DOCUMENT_BYTES, oversize, payload, slices
from engine.documents.bson.shapes import ArrayShape, DocumentShape, ScalarShape, Shape
from engine.documents.bson.single import bson_type_name, bson_value, bson_values

__all__ = [
    "ID_AT",
    "MAX_DOCUMENT_BYTES",
    "ArrayShape",
    "DocumentShape",
    "Encoder",
    "ScalarShape",
    "Shape",
    "bson_type_name",
    "bson_value",
    "bson_values",
    "compile_shape",
    "elements",
    "equality_key",
    "id_key",
    "key_at",
    "keys_at",
    "oversize",
    "payload",
    "slices",
    "without_id",
]
