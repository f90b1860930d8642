"""How many documents a plan is about. Changes nothing.

One pass asks of the documents as they are, and one of what they would be; where documents are refused, a third one finds the strangers
among them, and a fourth one says which change the others are refused for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pymongo.collection import Collection

from engine.apply.blaming import blamed
from engine.apply.queries import Query, count_each, refused, refused_of, requirements
from engine.apply.strangers import any_shape, strangers
from engine.documents.validators import conditions
from engine.evolution.counts import Counts, Strangers
from engine.evolution.expiring import Expiry
from engine.evolution.judging import JudgedChange
from engine.evolution.pairing import pairs
from engine.evolution.rewriting import Rewriting
from engine.mapping.model import Mapping as Model
from engine.mapping.profiles import ServerProfile
from engine.mongo.connection import server_time
from engine.values.paths import dotted

Asked = tuple[str, str]  # what is counted, and of what: the label of a change, a path or the name of an index
AFFECTED, TAKEN, UNSURE, DUE, BLAMED, NULLED = "affected", "taken", "unsure", "due", "blamed", "nulled"
DOCUMENTS, REFUSED = ("documents", ""), ("refused", "")
Found = Mapping[Asked, int]


@dataclass(frozen=True)
class Counting:
    """What a plan asks the server: its changes, how documents are rewritten, and the TTL indexes that will delete some.

    `shapes` are the mappings that documents were made with, the newest first. `sample`: stages that leave those
    to count; none for all.
    """

    shapes: tuple[Model, ...]
    new: Model
    changes: tuple[JudgedChange, ...]
    rewrite: Rewriting
    expiring: tuple[Expiry, ...]
    profile: ServerProfile
    sample: tuple[Query, ...] = ()

    def count(self, collection: Collection[Any]) -> Counts:
        """Ask it all. Raises the driver's errors."""
        first = count_each(collection, self.sample, self._plain) | self._count_rewritten(collection)
        odd = Strangers()
        victims: Found = {asked: count for asked, count in first.items() if asked[0] == BLAMED}
        if first.get(REFUSED):
            odd = strangers(collection, self.shapes, self.new, self.rewrite.whole, self.profile, sample=self.sample)
        if first.get(REFUSED, 0) > odd.documents:
            victims = self._victims(collection)
        counts = Counts(
            first[DOCUMENTS],
            _part(first, AFFECTED),
            _some(_part(first, TAKEN)),
            first.get(REFUSED, 0),
            odd,
            _some(_part(victims, BLAMED)),
            victims.get(REFUSED, 0),
            self.new.validation.keeps,
            _some(_part(first, UNSURE)),
            _some(_part(victims, NULLED)),
            _part(first, DUE),
        )
        return counts.estimating(collection.estimated_document_count()) if self.sample else counts

    def _count_rewritten(self, collection: Collection[Any]) -> dict[Asked, int]:
        """What is asked of documents as they would be; only those that one of the questions is about are looked at more closely."""
        if self.rewrite.sources:
            return {}
        now = server_time(collection.database.client)
        asked: dict[Asked, Query] = {(DUE, expiry.index.name): expiry.due(now) for expiry in self.expiring}
        changes = [judged.change for judged in self.changes if judged.change.kind.of_step]
        asked |= {(AFFECTED, change.label): query(change) for change in changes if (query := change.kind.touched)}
        asked[REFUSED] = self._refused
        return count_each(collection, [*self.sample, *self.rewrite.whole, {"$match": {"$or": [*asked.values()]}}], asked)

    @property
    def _plain(self) -> dict[Asked, Query]:
        changes = [judged.change for judged in self.changes]
        touched = {(AFFECTED, change.label): query(change) for change in changes if (query := change.kind.touched)}
        taken = {
            (TAKEN, change.label): {dotted(change.subject): {"$exists": True}}
            for change in changes
            if change.kind.adds and change.kind.of_field
        }
        unsure = {(UNSURE, path): query for path, query in (self.rewrite.unsure or {}).items()}
        blamed_now = {(BLAMED, label): query for label, query in self._blamed_as_they_are.items()} if self.rewrite.sources else {}
        return {DOCUMENTS: {}, **touched, **taken, **unsure, **blamed_now}

    @cached_property
    def _refused(self) -> Query:
        return refused(requirements(self.new, self.profile))

    @property
    def _blamed_as_they_are(self) -> dict[str, Query]:
        """Where documents cannot be rewritten: only what fields are refused for that stay as they are."""
        found = blamed([judged.change for judged in self.changes], self.new, Rewriting(), self.profile)
        stay = {pair.new.path for pair in pairs(self.shapes[0], self.new) if pair.old and pair.new and pair.old.path == pair.new.path
                and pair.old.type == pair.new.type} - self.rewrite.changed  # fmt: skip
        return {judged.change.label: found[judged.change.label] for judged in self.changes
                if judged.change.subject in stay and judged.change.label in found}  # fmt: skip

    def _victims(self, collection: Collection[Any]) -> Found:
        """Of the refused documents of the old shape: how many each change is to blame for, how many none is, and values to leave out."""
        nulled = self._nulled
        found = blamed([judged.change for judged in self.changes], self.new, self.rewrite, self.profile)
        asked = {(BLAMED, label): query for label, query in found.items() if label.partition(" ")[2] not in nulled}
        asked |= {(NULLED, path): query for path, query in nulled.items()}
        stages = [*self.sample, *refused_of(any_shape(self.shapes, self.new, self.profile), self.rewrite.whole, self._refused)]
        return count_each(collection, stages, asked | {REFUSED: {"$nor": [*asked.values()]} if asked else {}})

    @property
    def _nulled(self) -> dict[str, Query]:
        """Where a run would leave out what a changed field is refused for."""
        known = conditions(self.new, self.profile)
        changed = self.rewrite.changed | {judged.change.subject for judged in self.changes if judged.change.kind.stricter}
        return {field.path: {"$nor": [known[field.path]]} for field in self.new.fields
                if field.on_error == "null" and field.path in changed & known.keys()}  # fmt: skip


def _part(found: Found, kind: str) -> dict[str, int]:
    return {name: count for (asked, name), count in found.items() if asked == kind}


def _some(found: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in found.items() if count}
