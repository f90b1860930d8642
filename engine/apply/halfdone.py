"""An apply that was not finished, as the ledger knows it: its plan, how far it came, and the ways on from there. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pymongo.collection import Collection

from engine.apply.lagging import recorded_lagging
from engine.apply.recorded import evidence, restored, shapes
from engine.apply.replaced import Replaced
from engine.evolution.asides import KeptAside
from engine.evolution.planning import EvolutionPlan
from engine.evolution.shaping import Stage
from engine.evolution.steps import ApplyPlan, apply_plan
from engine.evolution.unfinished import Unfinished, Way, made
from engine.evolution.wayback import way_back
from engine.mapping.model import Index, Mapping
from engine.mapping.profiles import ServerProfile
from engine.mongo.connection import Client
from engine.mongo.indexes import is_same
from engine.mongo.ledger import Ledger
from engine.mongo.ownership import Existing
from engine.mongo.records import RunRecord

UNDO = "undo"  # the mode of a record that takes an apply back
ONE_WAY = "return "  # steps that cannot be taken back once they have begun: returns of documents
DECLARED = "step "  # begins the names of steps of the user's own
ALL = {"_id": {"$exists": True}}


@dataclass(frozen=True)
class HalfDone:
    """`applied` is the run that left the collection before, `record` the last attempt of the apply, `undo` one to take it back, if any.

    `shapes` are the mappings that documents had before.
    """

    applied: RunRecord
    record: RunRecord
    undo: RunRecord | None
    plan: ApplyPlan
    shapes: tuple[Mapping, ...]

    @property
    def indexes(self) -> list[Index]:
        """Those that the engine may have in the collection meanwhile."""
        return [index for mapping in (self.plan.new, *self.shapes) for index in mapping.indexes]

    @property
    def undoable(self) -> bool:
        """Whether it has not begun to drop values, or to bring back what was set aside earlier."""
        return can_be_undone((*self.record.done, self.record.stage), dropping=self.record.dropping)

    def way(self, new: Mapping) -> Way:
        """What an apply of this mapping does about it."""
        if self.undo is None and self.record.meaning_sha256 == new.digest and self.record.previous == self.applied.run_id:
            return Way.CONTINUE
        return Way.UNDO if self.undoable else Way.FINISH

    def takes_name_back(self, new: Mapping) -> bool:
        """Whether taking it back, for this mapping, also gives the collection the name that it had before."""
        renames, names = self.record.renames, (new.target.collection, new.target.was)
        return bool(renames) and (renames[0] == new.target.collection or self.applied.collection not in names)

    def finishing(self, new: Mapping) -> Mapping:
        """Its mapping, as it is finished before that one is applied.

        Steps of the user's own are done by then, but for what others write in the old shape. For that they are as that mapping has them, or
        left out: what stops one must not stop what comes next.
        """
        settled = {step.name for step in self.plan.old.steps}
        wanted = {step.name: step for step in new.steps}
        steps = (step if step.name in settled else wanted.get(step.name) for step in self.plan.new.steps)
        return replace(self.plan.new, steps=tuple(step for step in steps if step))

    def foreseeable(self, new: Mapping) -> bool:
        """Whether a pipeline shows what documents are like when that is done: not where values are put back that nobody can compute."""
        stepped = any(step.startswith(DECLARED) for step in (*self.record.done, self.record.stage))
        return self.way(new) is not Way.UNDO or not (stepped or (self.record.kept_in and way_back(self.plan).kept))

    def before(self, new: Mapping) -> tuple[Stage, ...]:
        """The pipeline for what comes before the changes to this mapping."""
        stages = {Way.CONTINUE: (), Way.UNDO: way_back(self.plan).stages, Way.FINISH: self.plan.rewrite.whole}
        return stages[self.way(new)]

    def told(self, new: Mapping) -> Unfinished:
        """For a plan of this mapping."""
        left = tuple(step.name for step in self.plan.steps if step.name not in {*self.record.done, self.record.stage})
        stage = "" if self.record.stage in {*self.record.done, "done"} else self.record.stage
        way, undo = self.way(new), self.undo.run_id if self.undo else ""
        run, before = self.record.run_id, self.applied.run_id
        there, wanted = ({step.name: step for step in one.steps} for one in (self.plan.new, self.finishing(new)))
        changed = {name: name in wanted for name, step in there.items() if wanted.get(name) != step} if way is Way.FINISH else {}
        foreseen = self.foreseeable(new)
        return Unfinished(
            run, self.record.mapping, before, way, self.record.done, stage, left, self.undoable, undo, foreseen, steps=changed
        )

    def progress(self, found: EvolutionPlan, collection: Collection[Any], existing: Existing) -> Unfinished | None:
        """For a plan of the same mapping: which changes are made, and how many documents the step under way is done with.

        Raises the driver's errors.
        """
        left = {step.name for step in self.plan.steps} - {*self.record.done}
        wanted = {index.name: index for index in self.plan.new.indexes}
        present = {f"index {name}" for name, spec in existing.indexes.items() if name not in wanted or is_same(wanted[name], spec)}
        return found.unfinished and replace(found.unfinished, made=made(found.changes, left, present), documents=self._done(collection))

    def _done(self, collection: Collection[Any]) -> int:
        """Documents up to the position, in the order of `_id`s of any type."""
        if self.record.position is None:
            return 0
        before = {"$match": {"$expr": {"$lte": ["$_id", {"$literal": self.record.position}]}}}
        return int(next(collection.aggregate([before, {"$count": "n"}]), {"n": 0})["n"])


def can_be_undone(begun: Iterable[str], *, dropping: bool) -> bool:
    """Whether an apply that has begun these steps can be taken back; the step that drops values says itself when it does."""
    return not dropping and not any(step.startswith(ONE_WAY) for step in begun)


def half_done(ledger: Ledger, profile: ServerProfile) -> HalfDone | None:
    """The unfinished apply of the ledger's target, None without one. Raises DataError where its mapping cannot be read."""
    last, applied = ledger.unfinished_apply(), ledger.applied()
    record = ledger.find(last.resumed) if last and last.mode == UNDO else last
    if last is None or record is None or applied is None:
        return None
    new = replace(restored(record), digest=record.meaning_sha256)
    known = shapes(ledger)
    there = tuple(shape.mapping for shape in (*known, *recorded_lagging(ledger, record, known[0].mapping)))
    plan = apply_plan(there, new, evidence(ledger.loads()), profile)
    return HalfDone(applied, record, last if last.mode == UNDO else None, plan, there)


def replaced_by(client: Client, record: RunRecord, plan: ApplyPlan) -> Replaced:
    """What the apply of this record keeps of what it replaces."""
    kept = way_back(plan).kept if record.kept_in else ()
    return Replaced(client, plan.new.target, record.kept_in, kept, plan.rewrite.stages)


def set_aside_by(ledger: Ledger, record: RunRecord) -> Iterator[KeptAside]:
    """What the attempts of an apply have set aside, all of it."""
    attempt: RunRecord | None = record
    while attempt:
        if attempt.aside:
            yield KeptAside(attempt.run_id, attempt.aside.collection, attempt.aside.documents, attempt.aside.why, wanted=ALL)
        attempt = ledger.find(attempt.resumed) if attempt.resumed else None
