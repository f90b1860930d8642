from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from engine.documents.bson import MAX_DOCUMENT_BYTES, DocumentShape, ScalarShape, compile_shape, oversize, payload, slices

DOCUMENTS = st.lists(st.binary(min_size=1, max_size=30)).map(lambda values: pl.Series(values, dtype=pl.Binary))


def test_oversize_is_more_than_16_mib_exactly():
    overhead = 15
    frame = pl.DataFrame({"x": ["a" * (MAX_DOCUMENT_BYTES - overhead + more) for more in (0, 1)]})
    documents = compile_shape(DocumentShape((("abc", ScalarShape("x", "string")),))).encode(frame)
    assert documents.bin.size().to_list() == [MAX_DOCUMENT_BYTES, MAX_DOCUMENT_BYTES + 1]
    assert oversize(documents).to_list() == [False, True]
    assert oversize(documents, MAX_DOCUMENT_BYTES - 1).to_list() == [True, True]


@given(DOCUMENTS, st.integers(0, 5))
def test_payload_is_all_documents_in_a_row(documents, start):
    assert bytes(payload(documents)) == b"".join(documents)
    assert bytes(payload(documents[start:])) == b"".join(documents[start:])
    assert bytes(payload(pl.concat([documents, documents], rechunk=False))) == b"".join(documents) * 2


def test_payload_is_a_view_that_nobody_can_change():
    view = payload(pl.Series([b"abc", b"d" * 20]))
    assert (view.readonly, view.contiguous, view.itemsize) == (True, True, 1)


@given(DOCUMENTS, st.integers(1, 100), st.integers(1, 7))
def test_slices_are_all_documents_within_both_limits(documents, max_bytes, max_documents):
    cut = list(slices(documents, max_bytes, max_documents))
    assert [value for part in cut for value in part] == documents.to_list()
    for part, after in zip(cut, [*cut[1:], None], strict=False):
        size = part.bin.size().sum()
        assert 1 <= len(part) <= max_documents
        assert size <= max_bytes or len(part) == 1
        # As few as the limits allow: the next document would not have fitted.
        assert after is None or len(part) == max_documents or size + len(after[0]) > max_bytes
