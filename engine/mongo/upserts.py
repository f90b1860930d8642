"""One batch of BSON documents into a live collection: compared with what is there, written where it differs, read back.

Which live document one is for says `matching`, what becomes of that one `policies`. All of it may be repeated: what is already there is not
written again. So it does not matter if a connection breaks before the reply.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from typing import Any

import polars as pl
from bson import encode
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

from engine.documents.bson import MAX_DOCUMENT_BYTES, slices
from engine.errors import TargetError, finding
from engine.mongo.codes import BLAMING
from engine.mongo.connection import WRITE_CONCERN, server_time
from engine.mongo.expiry import Rule, due, milliseconds
from engine.mongo.fences import Fence
from engine.mongo.inserts import BATCH_BYTES, BATCH_DOCUMENTS, insert, refusal
from engine.mongo.matching import Documents, Match, Query, live_documents
from engine.mongo.policies import WRITTEN, Change, Policy
from engine.mongo.retries import document_errors, retry_until_answered
from engine.mongo.sink import Refusal
from engine.mongo.trees import EXACT

ATTEMPTS, PAUSE = 50, 0.1  # of an update that another program comes in between; seconds, at most, from one to the next
TOO_LARGE = f"with the elements that the live document has, it or its update is larger than {MAX_DOCUMENT_BYTES:,} bytes"


@dataclass(frozen=True)
class Written:
    """What became of a batch: the refused documents by index, how many of the others had each outcome, the live ones as read back."""

    refusals: list[Refusal]
    outcomes: Counter[str]
    held: list[bytes]


@dataclass(frozen=True)
class UpsertBatch:
    """Documents of which no two match the same live one, on their way into the collection of `fence`. `stop` ends waiting for a server.

    `rules`: the TTL indexes of the collection. What they have deleted already is counted as `expired`.
    """

    collection: Collection[Any]
    match: Match
    policy: Policy
    fence: Fence
    stop: Event
    rules: tuple[Rule, ...] = ()

    def write(self, documents: pl.Series) -> Written:
        """Write the documents and read them back.

        Raises:
            TargetError: the server failed to write, stayed unavailable, or does not hold what was sent.
        """
        sent = {self.match.key(raw): raw for raw in documents.to_list()}
        live = self.live(sent)
        new = [key for key in sent if key not in live]
        refused = self._insert(new, sent) if self.policy.inserts else {}
        taken = {key: sent[key] for key, refusal in refused.items() if refusal.code == "duplicate_key"}
        came = self.live(taken)  # from elsewhere, meanwhile
        refused = {key: refusal for key, refusal in refused.items() if key not in came}
        live |= came
        differing = [key for key, raw in live.items() if not self.policy.comparison.holds(raw, sent[key])]
        if self.policy.differing == "update":
            refused |= self._update(differing, live, sent)
        elif self.policy.differing == "refuse":
            code, reason = self.policy.refusal
            refused |= {key: Refusal(0, code, self.match.path, reason) for key in differing}
        changed = set(differing)
        outcomes = {key: self.policy.outcome(live=key in live, differs=key in changed) for key in sent if key not in refused}
        if not self.match.unique:
            self._require_once([sent[key] for key, outcome in outcomes.items() if outcome == "inserted"])
        held = self._read_back({key: sent[key] for key, outcome in outcomes.items() if outcome in WRITTEN})
        outcomes |= {key: "expired" for key, outcome in outcomes.items() if outcome in WRITTEN and key not in held}
        places = {key: place for place, key in enumerate(sent)}
        refusals = [replace(refusal, index=places[key]) for key, refusal in refused.items()]
        return Written(refusals, Counter(outcomes.values()), [*held.values()])

    def live(self, wanted: Documents) -> Documents:
        """The live documents that these match."""
        return live_documents(self.collection, self.match, wanted, self.stop)

    def _insert(self, keys: list[bytes], sent: Documents) -> dict[bytes, Refusal]:
        if not keys:
            return {}
        found = insert(self.collection, pl.Series([sent[key] for key in keys], dtype=pl.Binary), self.fence, self.stop)
        return {keys[refusal.index]: refusal for refusal in found}

    def _update(self, keys: list[bytes], live: Documents, sent: Documents) -> dict[bytes, Refusal]:
        """Update live documents. Where another program has changed what an update depends on, it is computed anew."""
        refused: dict[bytes, Refusal] = {}
        for _ in range(ATTEMPTS):
            changes = {key: self.policy.comparison.update(live[key], sent[key]) for key in keys}
            refused |= self._send(changes, live, sent)
            again = {key: sent[key] for key, change in changes.items() if change.still and key not in refused}
            live = self.live(again)
            if self.policy.inserts:  # what others have deleted meanwhile
                refused |= self._insert([key for key in again if key not in live], sent)
            keys = [key for key, raw in live.items() if not self.policy.comparison.holds(raw, sent[key])]
            if not keys or self.stop.wait(random.uniform(0, PAUSE)):  # noqa: S311 -- spreads attempts, guards nothing
                break
        return refused

    def _send(self, changes: dict[bytes, Change], live: Documents, sent: Documents) -> dict[bytes, Refusal]:
        updates = {
            key: encode(self._update_of(change, self.match.query(sent[key], live[key])), codec_options=EXACT)
            for key, change in changes.items()
        }
        merged = {key: max(len(updates[key]), len(live[key]) + len(sent[key])) for key, change in changes.items() if change.still}
        large = {key for key, size in merged.items() if size > MAX_DOCUMENT_BYTES}
        keys = [key for key in updates if key not in large]
        refused = {key: Refusal(0, "too_large", "", TOO_LARGE) for key in large}
        start = 0
        for part in slices(pl.Series([updates[key] for key in keys], dtype=pl.Binary), BATCH_BYTES, BATCH_DOCUMENTS):
            errors = retry_until_answered(partial(self._command, part.to_list()), self.stop)
            refused |= {keys[start + error["index"]]: refusal(error) for error in errors}
            start += len(part)
        return refused

    def _update_of(self, change: Change, query: Query) -> dict[str, Any]:
        """As the server takes it. A document that is gone meanwhile comes back, in the modes that insert."""
        return {"q": query | change.still, "u": change.update, "upsert": self.policy.inserts and not change.still}

    def _command(self, updates: list[bytes], attempt: int) -> list[dict[str, Any]]:
        command = {"update": self.collection.name, "ordered": False, "writeConcern": WRITE_CONCERN.document}
        command |= {"updates": [*map(RawBSONDocument, updates)]}
        return document_errors(self.collection.database.command(self.fence.guarded(command, attempt)), BLAMING)

    def _require_once(self, inserted: list[bytes]) -> None:
        """An insert that got no answer may still have been on its way when it was repeated; most servers' collections refuse the second."""
        stored = sum(retry_until_answered(partial(self._count, query), self.stop) for query in self.match.queries(inserted))
        if stored > len(inserted):
            message = (
                f"{stored - len(inserted):,} documents are in the time series collection twice: a write got no answer, and was repeated"
            )
            raise TargetError(
                finding("stored_twice", message, hint="load into a new collection, or delete the documents of that time and run again")
            )

    def _count(self, query: Query, _attempt: int) -> int:
        return self.collection.count_documents(query)

    def _expired(self, missing: Documents) -> list[bytes]:
        """Those that a TTL index may have deleted, by the server's clock."""
        if not (self.rules and missing):
            return []
        now = milliseconds(retry_until_answered(lambda _: server_time(self.collection.database.client), self.stop))
        return [key for key, raw in missing.items() if (when := due(raw, self.rules)) is not None and when <= now]

    def _read_back(self, written: Documents) -> Documents:
        after = self.live(written)
        expired = set(self._expired({key: raw for key, raw in written.items() if key not in after}))
        checked = {key: raw for key, raw in written.items() if key not in expired}
        wrong = sum(1 for key, raw in checked.items() if not (key in after and self.policy.comparison.holds(after[key], raw)))
        if wrong:
            message = f"{wrong:,} of {len(written):,} documents were not read back as sent"
            raise TargetError(
                finding("not_as_sent", message, hint="does something else write them? look at the server's log, then run again")
            )
        return after
