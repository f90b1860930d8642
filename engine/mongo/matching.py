"""Which live document a row's document is for: the one with the same `_id`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from bson.raw_bson import RawBSONDocument

from engine.documents.bson import id_key
from engine.mapping.model import ID

Query = dict[str, Any]


class Match(Protocol):
    """By what documents are matched."""

    def key(self, document: bytes) -> bytes:
        """Bytes that are equal where two documents match."""

    def query(self, document: bytes) -> Query:
        """The live document that this one matches."""

    def queries(self, documents: Sequence[bytes]) -> Iterator[Query]:
        """The live documents that these match, and perhaps others."""


class ById:
    """By `_id`."""

    def key(self, document: bytes) -> bytes:
        """The key of its `_id`."""
        return id_key(document)

    def query(self, document: bytes) -> Query:
        """By its `_id`."""
        return {ID: RawBSONDocument(document)[ID]}

    def queries(self, documents: Sequence[bytes]) -> Iterator[Query]:
        """By their `_id`s."""
        if documents:
            yield {ID: {"$in": [RawBSONDocument(document)[ID] for document in documents]}}
