from __future__ import annotations

import polars as pl
import pytest

from engine.documents.bson import ArrayShape, DocumentShape, ScalarShape, Shape, compile_shape
from engine.values.paths import MAX_LEVELS

LEAF = ScalarShape("x", "int")


def nested(levels: int, leaf: Shape = LEAF) -> DocumentShape:
    shape = DocumentShape((("leaf", leaf),))
    for _ in range(levels - 1):
        shape = DocumentShape((("inner", shape),))
    return shape


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (DocumentShape((("a\0b", LEAF),)), r"the field name 'a\\x00b' holds a NUL"),
        (DocumentShape((("a", DocumentShape((("\0", LEAF),))),)), "holds a NUL"),
        (DocumentShape((("a", ArrayShape("x", DocumentShape((("\0", LEAF),)))),)), "holds a NUL"),
        (DocumentShape((("a", LEAF), ("a", LEAF))), "the field 'a' is written twice"),
        (DocumentShape((("a", ScalarShape("x", "integer")),)), "'integer' is not a type of a field; known are binData, bool"),
        (DocumentShape((("\ud800", LEAF),)), "surrogates not allowed"),
        (nested(MAX_LEVELS + 1), "more than 180 levels"),
        (nested(MAX_LEVELS, ArrayShape("x", LEAF)), "more than 180 levels"),
        (nested(100_000), "more than 180 levels"),
    ],
)
def test_what_no_server_takes_is_refused_when_compiled(shape, message):
    with pytest.raises(ValueError, match=message):
        compile_shape(shape)


def test_the_deepest_document_is_written():
    frame = pl.DataFrame({"x": [1]}, schema={"x": pl.Int32})
    assert compile_shape(nested(MAX_LEVELS)).encode(frame).bin.size()[0] == MAX_LEVELS * 5 + (MAX_LEVELS - 1) * 7 + 10
