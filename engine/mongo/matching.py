"""Which live document a row's document is for: the one with the same `_id`, or with the same values at the paths of `target.key`.

Two values are the same where the server takes them as equal (`engine.documents.bson.equality`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from threading import Event
from typing import Any, Protocol

import polars as pl
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

from engine.digests.keys import DigestSet, digests
from engine.documents.bson import id_key, keys_at
from engine.mapping.model import ID, Mapping
from engine.mongo.retries import retry_until_answered
from engine.mongo.sink import Refusal

BRANCHES = 1_000  # of one query: the server plans each of them by itself
SAME = "an earlier row has the same {}"
Query = dict[str, Any]
Documents = dict[bytes, bytes]  # by what they are matched by


class Match(Protocol):
    """By what documents are matched; `name` is what it is called in messages, `path` where it is."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def path(self) -> str: ...  # noqa: D102

    @property
    def unique(self) -> bool:
        """Whether the server keeps no second document with the same key."""

    def key(self, document: bytes) -> bytes:
        """Bytes that are equal where two documents match."""

    def query(self, document: bytes, live: bytes) -> Query:
        """The live document that this one matches, as long as it does."""

    def queries(self, documents: Sequence[bytes]) -> Iterator[Query]:
        """The live documents that these match, and perhaps others."""


class ById:
    """By `_id`."""

    name = path = ID
    unique = True

    def key(self, document: bytes) -> bytes:
        """The key of its `_id`."""
        return id_key(document)

    def query(self, document: bytes, _live: bytes) -> Query:
        """By its `_id`."""
        return {ID: RawBSONDocument(document)[ID]}

    def queries(self, documents: Sequence[bytes]) -> Iterator[Query]:
        """By their `_id`s."""
        if documents:
            yield {ID: {"$in": [RawBSONDocument(document)[ID] for document in documents]}}


@dataclass(frozen=True)
class ByKey:
    """By the values at these paths, of which no two live documents have the same: a unique index sees to that."""

    paths: tuple[str, ...]
    name = "key"
    unique = True

    @property
    def path(self) -> str:
        """All of them, for a message."""
        return ", ".join(self.paths)

    def key(self, document: bytes) -> bytes:
        """The keys of its values, one after another."""
        return b"".join(keys_at(document, self.paths))

    def query(self, document: bytes, live: bytes) -> Query:
        """By its values, and by the `_id` of the live document: nobody else can have become the one with this key meanwhile."""
        return {ID: RawBSONDocument(live)[ID], **{path: _value(document, path) for path in self.paths}}

    def queries(self, documents: Sequence[bytes]) -> Iterator[Query]:
        """All paths are given, so that the unique index finds each document; the one with most values takes a list of them."""
        if not documents:
            return
        rows = [keys_at(document, self.paths) for document in documents]
        many = max(range(len(self.paths)), key=lambda place: len({row[place] for row in rows}))
        groups: dict[tuple[bytes, ...], list[bytes]] = {}
        for row, document in zip(rows, documents, strict=True):
            groups.setdefault((*row[:many], *row[many + 1 :]), []).append(document)
        branches = [self._branch(group, self.paths[many]) for group in groups.values()]
        for start in range(0, len(branches), BRANCHES):
            yield {"$or": branches[start : start + BRANCHES]}

    def _branch(self, group: list[bytes], many: str) -> Query:
        one = {path: _value(group[0], path) for path in self.paths if path != many}
        return {**one, many: {"$in": [_value(document, many) for document in group]}}


def _value(document: bytes, path: str) -> Any:
    return reduce(lambda node, name: node[name], path.split("."), RawBSONDocument(document))


def match_of(mapping: Mapping) -> Match:
    """How the documents of a mapping are matched."""
    return ByKey(mapping.target.key_paths) if mapping.target.key_paths else ById()


def live_documents(collection: Collection[Any], match: Match, wanted: Documents, stop: Event) -> Documents:
    """The live documents that these match, as they are stored. Raises TargetError where the server stays unavailable, or `stop` is set."""
    options: Any = collection.codec_options.with_options(document_class=RawBSONDocument)
    raw = collection.with_options(codec_options=options)
    found: Documents = {}
    for query in match.queries([*wanted.values()]):
        batch = retry_until_answered(partial(_found, raw, query), stop)
        found |= {key: document for document in batch if (key := match.key(document)) in wanted}
    return found


def _found(raw: Collection[RawBSONDocument], query: Query, _attempt: int) -> list[bytes]:
    return [bytes(document.raw) for document in raw.find(query)]  # the driver may give a view of its reply, which keeps all of it


class Repetitions:
    """Of the documents of one run, those that match an earlier one. To be asked in the order of the source."""

    def __init__(self, *matches: Match) -> None:
        self._seen = [(match, DigestSet()) for match in matches]

    def refusals(self, documents: pl.Series) -> list[Refusal]:
        """One for each such document."""
        found: dict[int, Refusal] = {}
        for match, seen in self._seen:
            fresh = seen.add(digests(map(match.key, documents.to_list())))
            for index in (~fresh).nonzero()[0].tolist():
                found.setdefault(index, Refusal(index, "duplicate_key", match.path, SAME.format(match.name)))
        return [found[index] for index in sorted(found)]


def repetitions_of(mapping: Mapping) -> Repetitions:
    """Those that the mapping's rows may make: by its key, and by `_id` where that is what documents are matched by, or all are new."""
    key = [match_of(mapping)] if mapping.target.key_paths and mapping.keys_may_repeat else []
    by_id = mapping.ids_may_repeat and (mapping.target.mode == "replace" or not mapping.target.key_paths)
    return Repetitions(*key, *([ById()] if by_id else []))
