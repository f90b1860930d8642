"""One batch of mode delete: the live documents that these match are deleted, and are looked for once more. It may be repeated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from threading import Event
from typing import Any

import polars as pl
from pymongo.collection import Collection

from engine.errors import TargetError, counted, finding
from engine.mongo.connection import WRITE_CONCERN
from engine.mongo.fences import Fence
from engine.mongo.matching import Documents, Match, live_documents
from engine.mongo.retries import document_errors, retry_until_answered
from engine.mongo.upserts import Written


@dataclass(frozen=True)
class DeleteBatch:
    """Documents of which no two match the same live one. `stop` ends the wait for a server that does not answer."""

    collection: Collection[Any]
    match: Match
    fence: Fence
    stop: Event

    def write(self, documents: pl.Series) -> Written:
        """Delete the live documents that these match.

        Raises:
            TargetError: the server failed to delete, stayed unavailable, or has such documents still.
        """
        sent = {self.match.key(raw): raw for raw in documents.to_list()}
        live = live_documents(self.collection, self.match, sent, self.stop)
        if live:
            self._delete([{"q": self.match.query(sent[key], raw), "limit": 1} for key, raw in live.items()])
            self._require_gone({key: sent[key] for key in live})
        return Written([], Counter(deleted=len(live), unmatched=len(sent) - len(live)), [])

    def _delete(self, deletes: list[dict[str, Any]]) -> None:
        command = {"delete": self.collection.name, "ordered": False, "writeConcern": WRITE_CONCERN.document, "deletes": deletes}

        def send(attempt: int) -> None:
            document_errors(self.collection.database.command(self.fence.guarded(command, attempt)), ())

        retry_until_answered(send, self.stop)

    def _require_gone(self, deleted: Documents) -> None:
        if still := live_documents(self.collection, self.match, deleted, self.stop):
            message = f"{counted(len(still), 'document')} of {len(deleted):,} that were deleted are there"
            raise TargetError(
                finding("not_as_sent", message, hint="does something else write them? look at the server's log, then run again")
            )
