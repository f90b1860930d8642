"""How many documents a plan is about. Changes nothing.

One pass asks for values at paths, which is cheap; another one judges what the documents would be, as a validator does, and asks more only
of those that are refused. Where documents are rewritten and some refused, a third one finds the strangers: rewritten, nobody can tell them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pymongo.collection import Collection

from engine.apply.blaming import blamed
from engine.apply.queries import Query, ask_each, count_each, refused, requirements
from engine.apply.strangers import any_shape, least_ids, strangers
from engine.documents.validators import conditions
from engine.evolution.changes import Change
from engine.evolution.counts import Counts
from engine.evolution.expiring import Expiry
from engine.evolution.judging import JudgedChange
from engine.evolution.pairing import pairs
from engine.evolution.rewriting import Rewriting
from engine.expressions.tree import variable
from engine.mapping.model import Mapping as Model
from engine.mapping.profiles import ServerProfile
from engine.mongo.connection import server_time
from engine.values.paths import dotted

Asked = tuple[str, str]  # what is counted, and of what: the label of a change, a path or the name of an index
AFFECTED, TAKEN, DOUBLE, UNSURE, DUE, BLAMED, NULLED = "affected", "taken", "double", "unsure", "due", "blamed", "nulled"
DOCUMENTS, REFUSED, UNBLAMED = ("documents", ""), ("refused", ""), ("unblamed", "")
Found = Mapping[Asked, int]
Groups = Mapping[Asked, Query]  # with the number `n`; empty where there is none


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
        found = self._count_values(collection)
        every, odd = ({}, {}) if self.rewrite.sources else self._judge(collection)
        victims = found if self.rewrite.sources else _less(every, odd)
        counts = Counts(
            found[DOCUMENTS],
            _part(found, AFFECTED),
            _some(_part(found, TAKEN)),
            every.get(REFUSED, {}).get("n", 0),
            strangers(odd.get(REFUSED, {}), collection, [self._strange, *self._unfit]),
            _some(_part(victims, BLAMED)),
            victims.get(UNBLAMED, 0),
            self.new.validation.keeps,
            _some(_part(found, UNSURE)),
            _some(_part(victims, NULLED)),
            _part(found, DUE),
            _some(_part(found, DOUBLE)),
        )
        return counts.estimating(collection.estimated_document_count()) if self.sample else counts

    def _count_values(self, collection: Collection[Any]) -> dict[Asked, int]:
        """What is asked of single values: now, when documents are rewritten, and when removed values are dropped too."""
        due, selected = self._due(collection), self._selected
        if not self.rewrite.whole:
            return count_each(collection, self.sample, self._plain | due | selected)
        afterwards = ((self.rewrite.stages, selected), (self.rewrite.whole, due))
        found = count_each(collection, self.sample, self._plain)
        return found | {
            asked: n for stages, queries in afterwards for asked, n in count_each(collection, [*self.sample, *stages], queries).items()
        }

    def _judge(self, collection: Collection[Any]) -> tuple[Groups, Groups]:
        """Of the documents that will be refused, and of the strangers among them: how many there are of each kind."""
        strange, unfit = self._strange, self._unfit
        if self.rewrite.whole:
            every = ask_each(collection, [*self.sample, *unfit], self._causes)
            return every, ask_each(collection, [*self.sample, strange, *unfit], self._causes) if any(every.values()) else {}
        both = {(asked, odd): [strange] * odd + steps for asked, steps in self._causes.items() for odd in (False, True)}
        found = ask_each(collection, [*self.sample, *unfit], both)
        return {asked: found[asked, False] for asked in self._causes}, {asked: found[asked, True] for asked in self._causes}

    @property
    def _strange(self) -> Query:
        return {"$match": {"$nor": [any_shape(self.shapes, self.new, self.profile)]}}

    @property
    def _unfit(self) -> list[Query]:
        return [*self.rewrite.whole, {"$match": refused(requirements(self.new, self.profile))}]

    @cached_property
    def _causes(self) -> dict[Asked, list[Query]]:
        """Pipelines over refused documents: how many each change is to blame for, how many none is, and values to leave out."""
        nulled = self._nulled
        found = blamed([judged.change for judged in self.changes], self.new, self.rewrite, self.profile)
        asked = {(BLAMED, label): query for label, query in found.items() if label.partition(" ")[2] not in nulled}
        asked |= {(NULLED, path): query for path, query in nulled.items()}
        asked[UNBLAMED] = {"$nor": [*asked.values()]} if asked else {}
        counting = {name: [{"$match": query}, {"$count": "n"}] for name, query in asked.items()}
        return counting | {REFUSED: [{"$group": {"_id": None, "n": {"$sum": 1}, **least_ids((*self.shapes, self.new))}}]}

    def _due(self, collection: Collection[Any]) -> dict[Asked, Query]:
        now = server_time(collection.database.client)
        return {} if self.rewrite.sources else {(DUE, expiry.index.name): expiry.due(now) for expiry in self.expiring}

    @property
    def _selected(self) -> dict[Asked, Query]:
        """What steps of the user's own select: rewritten documents, which have removed values still."""
        changes = [] if self.rewrite.sources else [judged.change for judged in self.changes if judged.change.kind.of_step]
        return {(AFFECTED, change.label): query(change) for change in changes if (query := change.kind.touched)}

    @property
    def _plain(self) -> dict[Asked, Query]:
        changes = [judged.change for judged in self.changes]
        touched = {(AFFECTED, change.label): query(change) for change in changes if (query := change.kind.touched)}
        taken = {
            (TAKEN, change.label): {dotted(change.subject): {"$exists": True}}
            for change in changes
            if (change.kind.adds and change.kind.of_field) or change in self._renamed
        }
        double = {(DOUBLE, str(change)): _double(change) for change in self._renamed if self.new.validation.open}
        unsure = {(UNSURE, path): query for path, query in (self.rewrite.unsure or {}).items()}
        blamed_now = {(BLAMED, label): query for label, query in self._blamed_as_they_are.items()} if self.rewrite.sources else {}
        return {DOCUMENTS: {}, **touched, **taken, **double, **unsure, **blamed_now}

    @cached_property
    def _renamed(self) -> list[Change]:
        """Renames to a path that is no mapping's yet, so that only others can have put something there."""
        own = {field.path for shape in self.shapes for field in shape.fields}
        changes = [judged.change for judged in self.changes if judged.change.kind.renames]
        return [change for change in changes if change.subject not in own and (change.old, change.subject) in self.rewrite.pairs]

    @property
    def _blamed_as_they_are(self) -> dict[str, Query]:
        """Where documents cannot be rewritten: only what fields are refused for that stay as they are."""
        found = blamed([judged.change for judged in self.changes], self.new, Rewriting(), self.profile)
        stay = {pair.new.path for pair in pairs(self.shapes[0], self.new) if pair.old and pair.new and pair.old.path == pair.new.path
                and pair.old.type == pair.new.type} - self.rewrite.changed  # fmt: skip
        return {judged.change.label: found[judged.change.label] for judged in self.changes
                if judged.change.subject in stay and judged.change.label in found}  # fmt: skip

    @property
    def _nulled(self) -> dict[str, Query]:
        """Where a run would leave out what a changed field is refused for."""
        known = conditions(self.new, self.profile)
        changed = self.rewrite.changed | {judged.change.subject for judged in self.changes if judged.change.kind.stricter}
        return {field.path: {"$nor": [known[field.path]]} for field in self.new.fields
                if field.on_error == "null" and field.path in changed & known.keys()}  # fmt: skip


def _double(change: Change) -> Query:
    """Documents that hold something at the old path of a field, and something else at its new one."""
    there = {dotted(path): {"$exists": True} for path in (change.old, change.subject)}
    return {**there, "$expr": {"$ne": [variable(change.old), variable(change.subject)]}}


def _less(every: Groups, odd: Groups) -> Found:
    """How many are left without the strangers; others may have written some between two passes."""
    return {asked: max(0, group.get("n", 0) - odd.get(asked, {}).get("n", 0)) for asked, group in every.items()}


def _part(found: Found, kind: str) -> dict[str, int]:
    return {name: count for (asked, name), count in found.items() if asked == kind}


def _some(found: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in found.items() if count}
