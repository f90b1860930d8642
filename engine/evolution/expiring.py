"""TTL indexes that will delete documents as nothing did before: new ones, sooner ones, and ones whose dates change. Pure.

A TTL index deletes a document so many seconds after the earliest date at its path (MongoDB manual, "TTL Indexes").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engine.errors import counted
from engine.evolution.causes import cause
from engine.evolution.changes import Change
from engine.evolution.judgements import Query
from engine.evolution.kinds import INDEX_ADDED
from engine.evolution.pairing import pairs
from engine.evolution.rewriting import Rewriting
from engine.mapping.model import Index
from engine.mapping.model import Mapping as Model
from engine.values.paths import dotted

EXPIRY, PARTIAL = "expireAfterSeconds", "partialFilterExpression"


@dataclass(frozen=True)
class Expiry:
    """A TTL index that will delete documents as nothing did before, and the change that is to blame."""

    code: str
    subject: str
    index: Index

    @property
    def path(self) -> str:
        """The path of the date."""
        return self.index.keys[0][0]

    @property
    def seconds(self) -> int:
        """How long after the date."""
        return int(self.index.options[EXPIRY])

    def due(self, now: datetime) -> Query:
        """The query for documents that it deletes at once; a date may be in an array."""
        past: Query = {self.path: {"$lte": now - timedelta(seconds=self.seconds)}}
        return {"$and": [past, self.index.options[PARTIAL]]} if PARTIAL in self.index.options else past

    def told(self, documents: int | None) -> str:
        """What it does, in a clause; `documents` are due now, None where nobody counted."""
        now = "" if documents is None else f"{counted(documents, 'document')} that {'is' if documents == 1 else 'are'} due now, and "
        return f"deletes {now}each document {self.seconds:,} seconds after its {self.path}"


def expiries(changes: Sequence[Change], before: Iterable[Index], old: Model, new: Model, rewrite: Rewriting) -> tuple[Expiry, ...]:
    """Those of the new mapping, and those of others that stay; `before` are the indexes of the collection, or of the old mapping."""
    known, origins = [*before], _origins(old, new, rewrite)
    own = {index.name for mapping in (old, new) for index in mapping.indexes}
    staying = [index for index in known if index.name not in own]
    return tuple(
        Expiry(*_blamed(index, changes, known, new), index)
        for index in (*new.indexes, *staying)
        if EXPIRY in index.options and not any(_covers(one, index, origins) for one in known)
    )


def _origins(old: Model, new: Model, rewrite: Rewriting) -> dict[str, Any]:
    """New path → old path with the same values, None for other values."""
    found = [pair for pair in pairs(old, new) if pair.new]
    return {dotted(pair.new.path): dotted(pair.old.path) if pair.old and pair.new.path not in rewrite.changed else None
            for pair in found if pair.new}  # fmt: skip


def _covers(before: Index, index: Index, origins: dict[str, Any]) -> bool:
    """Whether all that an index deletes is deleted by this one already."""
    path, seconds, partial = index.keys[0][0], before.options.get(EXPIRY), before.options.get(PARTIAL)
    sooner = seconds is not None and seconds <= index.options[EXPIRY] and before.keys[0][0] == origins.get(path, path)
    return sooner and partial in (None, index.options.get(PARTIAL))


def _blamed(index: Index, changes: Sequence[Change], known: Iterable[Index], new: Model) -> tuple[str, str]:
    """The change of the index; where it is the same, that of its dates; where nothing changed, it is no longer in the collection."""
    subject = f"index {index.name}"
    own = next((change for change in changes if change.subject == subject), None)
    there = any(one.keys == index.keys and one.options.get(EXPIRY) == index.options[EXPIRY] for one in known)
    dates = [field.path for field in new.fields if dotted(field.path) == index.keys[0][0]]
    found = own or (cause(dates, changes, new) if there else None)
    return (found.code, found.subject) if found else (INDEX_ADDED, subject)
