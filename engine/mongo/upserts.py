"""One batch of BSON documents into a live collection, by `_id`: compared with what is there, written where it differs, read back.

All of it may be repeated: what is already there is not written again. So it does not matter if a connection breaks before the reply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import polars as pl
from bson import decode, encode
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

from engine.documents.bson import id_key
from engine.errors import TargetError, finding
from engine.mongo.codes import BLAMING
from engine.mongo.connection import WRITE_CONCERN
from engine.mongo.inserts import OTHER, insert, refusal
from engine.mongo.retries import document_errors, retry_until_answered
from engine.mongo.sink import Refusal

EXACT: CodecOptions[Any] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS)
Documents = dict[bytes, bytes]  # by the `id_key` of their `_id`


@dataclass(frozen=True)
class Policy:
    """What happens to a document whose `_id` exists: `holds(old, new)` is true where `old` needs no update, `update(new)` makes the update.

    Without `update` the new document is refused.
    """

    holds: Callable[[bytes, bytes], bool]
    update: Callable[[bytes], Any] | None


def leaves(document: bytes) -> dict[str, Any]:
    """The values of a document by their path; arrays and empty documents count as values."""
    return dict(_leaves(decode(document, EXACT), ""))


def _leaves(node: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in node.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _encoded(document: bytes) -> set[tuple[str, bytes]]:
    return {(path, encode({"": value}, codec_options=EXACT)) for path, value in leaves(document).items() if path != "_id"}


def _merged(old: bytes, new: bytes) -> bool:
    return old == new or _encoded(new) <= _encoded(old)


KEEP = Policy(bytes.__eq__, None)
REPLACE = Policy(bytes.__eq__, RawBSONDocument)
MERGE = Policy(_merged, lambda document: {"$set": {path: value for path, value in leaves(document).items() if path != "_id"}})


@dataclass(frozen=True)
class UpsertBatch:
    """Documents with distinct `_id`s on their way into a collection. `stop` ends the wait for a server that does not answer."""

    collection: Collection[Any]
    policy: Policy
    stop: Event

    def write(self, documents: pl.Series) -> tuple[list[Refusal], Counter[str]]:
        """Write the documents. Returns the refused ones, by index, and how many were `inserted`, `updated` or `unchanged`.

        Raises:
            TargetError: the server failed to write, stayed unavailable, or does not hold what was sent.
        """
        sent = {id_key(raw): raw for raw in documents.to_list()}
        places = {key: place for place, key in enumerate(sent)}
        before = self._stored(sent)
        refused: dict[bytes, Refusal] = {}
        new = [key for key in sent if key not in before]
        other = [key for key, raw in before.items() if not self.policy.holds(raw, sent[key])]
        if new:
            found = insert(self.collection, pl.Series([sent[key] for key in new], dtype=pl.Binary), self.stop)
            refused |= {new[refusal.index]: refusal for refusal in found}
        if self.policy.update:  # of those that were refused as new, some may have come from elsewhere meanwhile
            again = [key for key in [*other, *refused] if key in before or refused[key].code == "duplicate_key"]
            refused = {key: refusal for key, refusal in refused.items() if key not in again} | self._update(again, sent)
        else:
            refused |= {key: Refusal(0, "duplicate_key", "_id", OTHER) for key in other}
        self._verify(sent, refused)
        changed = set(other)
        counts = Counter(
            "inserted" if key not in before else "updated" if key in changed else "unchanged" for key in sent if key not in refused
        )
        return [replace(refusal, index=places[key]) for key, refusal in refused.items()], counts

    def _stored(self, sent: Documents) -> Documents:
        """Those of the collection's documents whose `_id` is among these."""
        ids = [RawBSONDocument(raw)["_id"] for raw in sent.values()]
        options: Any = self.collection.codec_options.with_options(document_class=RawBSONDocument)
        raw = self.collection.with_options(codec_options=options)
        # the driver may give a view of its reply, which is not hashable and keeps all of it
        found = retry_until_answered(lambda _: [bytes(document.raw) for document in raw.find({"_id": {"$in": ids}})], self.stop)
        return {key: document for document in found if (key := id_key(document)) in sent}

    def _update(self, keys: list[bytes], sent: Documents) -> dict[bytes, Refusal]:
        assert self.policy.update
        if not keys:
            return {}
        updates = [{"q": {"_id": RawBSONDocument(sent[key])["_id"]}, "u": self.policy.update(sent[key]), "upsert": True} for key in keys]
        command = {"update": self.collection.name, "ordered": False, "writeConcern": WRITE_CONCERN.document, "updates": updates}
        errors = retry_until_answered(lambda _: document_errors(self.collection.database.command(command), BLAMING), self.stop)
        return {keys[error["index"]]: refusal(error) for error in errors}

    def _verify(self, sent: Documents, refused: dict[bytes, Refusal]) -> None:
        after = self._stored(sent)
        wrong = sum(1 for key, raw in sent.items() if key not in refused and not (key in after and self.policy.holds(after[key], raw)))
        if wrong:
            message = f"{wrong:,} of {len(sent):,} documents were not read back as sent"
            raise TargetError(
                finding("not_as_sent", message, hint="does something else write them? look at the server's log, then run again")
            )
