"""One batch of BSON documents into a collection, exactly once, whatever the connection does.

The batch goes out as one piece: a RawBSONDocument whose `raw` is the concatenation of all documents is copied unchanged into the
wire's document sequence (OP_MSG section kind 1), so that no Python object is made per document. The driver does not retry `command`. When
the connection breaks before the reply, the batch is read back by `_id` here (it is fixed before sending) and what is missing is sent again.
That works on every kind of server, with and without retryable writes. `fences` says how a batch that arrives too late is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import Any

import polars as pl
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

from engine.documents.bson import id_key, payload
from engine.mongo.codes import BLAMING, DUPLICATE_KEY
from engine.mongo.connection import WRITE_CONCERN
from engine.mongo.fences import Fence
from engine.mongo.refusals import failed_keyword
from engine.mongo.retries import document_errors, retry_until_answered
from engine.mongo.sink import SERVER_VALIDATOR, Refusal

BATCH_BYTES, BATCH_DOCUMENTS = 8 << 20, 20_000  # that one command inserts
OTHER = "another document has the same key"


class _Piece(RawBSONDocument):
    """Many documents where the driver expects one."""

    def __init__(self, documents: pl.Series) -> None:  # the base would check that it is one document
        self._documents = bytes(payload(documents))

    @property
    def raw(self) -> bytes:
        return self._documents


def insert(collection: Collection[Any], documents: pl.Series, fence: Fence, stop: Event | None = None) -> list[Refusal]:
    """Insert a batch into the collection of the fence. Returns the documents that were refused, by their index in the batch.

    Raises:
        TargetError: the server failed to write or stayed unavailable, or `stop` was set while it was.
        LockedError: another run has taken the target over.
        PyMongoError: the server refused the command.
    """
    places = list(range(len(documents)))
    refusals: list[Refusal] = []

    def step(attempt: int) -> list[Refusal]:
        nonlocal places
        if attempt:
            places, taken = _missing(collection, documents, places)
            refusals.extend(taken)
        found = _send(collection, fence, documents.gather(places) if attempt else documents, attempt) if places else []
        return refusals + [Refusal(places[refusal.index], refusal.code, refusal.path, refusal.reason) for refusal in found]

    return retry_until_answered(step, stop)


def _send(collection: Collection[Any], fence: Fence, documents: pl.Series, attempt: int) -> list[Refusal]:
    command = {"insert": collection.name, "ordered": False, "writeConcern": WRITE_CONCERN.document, "documents": [_Piece(documents)]}
    return [refusal(error) for error in document_errors(collection.database.command(fence.guarded(command, attempt)), BLAMING)]


def _missing(collection: Collection[Any], documents: pl.Series, places: Sequence[int]) -> tuple[list[int], list[Refusal]]:
    """Of these documents, those that did not arrive, and those whose `_id` another document has."""
    sent: dict[int, bytes] = {place: documents[place] for place in places}
    ids = [RawBSONDocument(document)["_id"] for document in sent.values()]
    found = (bytes(document.raw) for document in _raw(collection).find({"_id": {"$in": ids}}))
    stored = {id_key(document): document for document in found}
    taken = [place for place, document in sent.items() if stored.get(id_key(document), document) != document]
    missing = [place for place, document in sent.items() if id_key(document) not in stored]
    return missing, [Refusal(place, "duplicate_key", "_id", OTHER) for place in taken]


def _raw(collection: Collection[Any]) -> Collection[RawBSONDocument]:
    options: Any = collection.codec_options.with_options(document_class=RawBSONDocument)
    return collection.with_options(codec_options=options)


def refusal(one: dict[str, Any]) -> Refusal:
    """A write error that blames a document."""
    if one["code"] == DUPLICATE_KEY:
        keys = ", ".join(one.get("keyPattern", {"_id": 1}))
        return Refusal(one["index"], "duplicate_key", keys, OTHER)
    path, keyword = failed_keyword(one.get("errInfo", {}).get("details", {}))
    return Refusal(one["index"], SERVER_VALIDATOR, path, f"the collection's validator refused it: {keyword}")
