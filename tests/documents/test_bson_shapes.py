from __future__ import annotations

import polars as pl
import pytest

from engine.documents.bson import MAX_DEPTH, Array, Document, Scalar, Shape, compile_shape

LEAF = Scalar("x", "int")


def nested(levels: int, leaf: Shape = LEAF) -> Document:
    shape = Document((("leaf", leaf),))
    for _ in range(levels - 1):
        shape = Document((("inner", shape),))
    return shape


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (Document((("a\0b", LEAF),)), r"the field name 'a\\x00b' holds a NUL"),
        (Document((("a", Document((("\0", LEAF),))),)), "holds a NUL"),
        (Document((("a", Array("x", Document((("\0", LEAF),)))),)), "holds a NUL"),
        (Document((("a", LEAF), ("a", LEAF))), "the field 'a' is written twice"),
        (Document((("a", Scalar("x", "integer")),)), "'integer' is no type of a field; there are binData, bool"),
        (Document((("\ud800", LEAF),)), "surrogates not allowed"),
        (nested(MAX_DEPTH + 1), "more than 180 levels"),
        (nested(MAX_DEPTH, Array("x", LEAF)), "more than 180 levels"),
        (nested(100_000), "more than 180 levels"),
    ],
)
def test_what_no_server_takes_is_refused_when_compiled(shape, message):
    with pytest.raises(ValueError, match=message):
        compile_shape(shape)


def test_the_deepest_document_is_written():
    frame = pl.DataFrame({"x": [1]}, schema={"x": pl.Int32})
    assert compile_shape(nested(MAX_DEPTH)).encode(frame).bin.size()[0] == MAX_DEPTH * 5 + (MAX_DEPTH - 1) * 7 + 10
