"""What a server takes: documents of a bounded size, sent in batches of bounded bytes and count."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from engine.values.encoding.pieces import flat

MAX_DOCUMENT_BYTES = 16_777_216


def oversize(documents: pl.Series, max_bytes: int = MAX_DOCUMENT_BYTES) -> pl.Series:
    """Boolean: the documents of more than `max_bytes` bytes. One of them fails its whole batch at the server."""
    return documents.bin.size() > max_bytes


def payload(documents: pl.Series) -> memoryview:
    """All documents one after another, read-only; the bytes are copied once and stay with the view."""
    return flat(documents).to_numpy().data


def slices(documents: pl.Series, max_bytes: int, max_documents: int) -> Iterator[pl.Series]:
    """Cut into runs of at most `max_bytes` bytes and `max_documents` documents, in order; copies nothing.

    A document that is larger than `max_bytes` by itself forms a run of its own: `oversize` is where it is refused.
    """
    ends = np.cumsum(documents.bin.size().to_numpy(), dtype=np.int64)
    start = sent = 0
    while start < len(documents):
        full = int(np.searchsorted(ends, sent + max_bytes, side="right"))
        stop = max(start + 1, min(full, start + max_documents))
        yield documents[start:stop]
        start, sent = stop, int(ends[stop - 1])
