"""What a run would find in a live collection, counted before anything is changed: the modes update and delete are limited by it."""

from __future__ import annotations

from collections import Counter
from threading import Event
from threading import Lock as Mutex
from typing import Any

import polars as pl
from pymongo.collection import Collection

from engine.documents.bson import slices
from engine.mapping.model import Mapping
from engine.mongo.connection import translated
from engine.mongo.inserts import BATCH_BYTES, BATCH_DOCUMENTS
from engine.mongo.matching import live_documents, match_of, repetitions_of
from engine.mongo.retries import retry_transient
from engine.mongo.sink import Refusal


class Survey:
    """Takes documents as a sink does, and only looks for the live ones that they match. `changes` counts `matched` and `unmatched`."""

    def __init__(self, live: Collection[Any], mapping: Mapping) -> None:
        self._live, self._match = live, match_of(mapping)
        self._repetitions = repetitions_of(mapping)
        self._stop, self._mutex = Event(), Mutex()
        self.changes: Counter[str] = Counter(matched=0, unmatched=0)

    def repeated(self, documents: pl.Series) -> list[Refusal]:
        """As the sink of the run will say."""
        return self._repetitions.refusals(documents)

    def write(self, documents: pl.Series) -> list[Refusal]:
        """Count the documents; none is refused. Raises TargetError."""
        with translated():
            for part in slices(documents, BATCH_BYTES, BATCH_DOCUMENTS):
                wanted = {self._match.key(document): document for document in part.to_list()}
                matched = len(live_documents(self._live, self._match, wanted, self._stop))
                with self._mutex:
                    self.changes.update(matched=matched, unmatched=len(part) - matched)
        return []

    def live_document_count(self) -> int:
        """How many documents are live."""
        with translated():
            return int(retry_transient(lambda _: self._live.count_documents({}), self._stop))

    def stop(self) -> None:
        """Stop waiting for a server that does not answer."""
        self._stop.set()
