"""One `engine apply --undo`: whether the unfinished apply of a collection can be taken back, the lock, and the ledger's records."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from engine import __version__
from engine.apply.applying import ApplyProgress
from engine.apply.halfdone import UNDO, HalfDone, half_done, replaced_by, set_aside_by
from engine.apply.pacing import Pace
from engine.apply.renaming import name_taken, rename, under_present_name
from engine.apply.results import ApplyResult
from engine.apply.undoing import Undoing
from engine.errors import DataError, counted, finding
from engine.evolution.wayback import way_back
from engine.mapping.model import Mapping
from engine.mapping.profiles import ServerProfile
from engine.mongo.actors import actor
from engine.mongo.ledger import Ledger
from engine.mongo.leftovers import remove_leftovers
from engine.mongo.locks import Lock
from engine.mongo.recording import recorded_failure
from engine.mongo.records import Kind, RunRecord


@dataclass
class UndoTask:
    """Takes back the unfinished apply of the mapping's target, of whatever mapping it is. `reason`, `wait` and `pace`: see `ApplyTask`.

    `renames`: the collection gets its name of before, if the apply has given it another one; `renamed` is the one that it had then.
    `work` is set once something may have been written; `published`: all of it was done and recorded.
    """

    client: MongoClient[Any]
    profile: ServerProfile
    mapping: Mapping
    run_id: str
    reason: str = ""
    wait: float = 0
    pace: Pace = field(default_factory=Pace)
    work: Undoing | None = None
    published: bool = False
    renames: bool = True
    renamed: str = ""

    def carry_out(self, show: ApplyProgress) -> ApplyResult:
        """Take it back; nothing where no apply is unfinished. Raises DataError where it is too late, LockedError, TargetError."""
        present = under_present_name(self.client, self.mapping)
        target = present.target
        ledger = Ledger(self.client, target, self.run_id)
        with Lock(self.client, target, ledger, self.wait) as lock, ExitStack() as stack:
            remove_leftovers(self.client, target)
            found = half_done(ledger, self.profile)
            if found is None:
                return ApplyResult(((applied := ledger.applied()) and applied.run_id) or "")
            _require_undoable(found)
            name = found.record.renames[0] if self.renames and found.record.renames else target.collection
            back = name if name != target.collection else ""  # nothing was renamed, or an earlier undo has done it
            if back:
                stack.enter_context(self._reserved(present, back))
            ledger.start(lock.stamp(self._record(found)))
            self.work = work = self._undoing(found, ledger, lock, show)
            with recorded_failure(ledger):
                state = work.carry_out()
                if back:
                    rename(self.client, target, back, ledger, lock)
                    self.renamed = target.collection
            left = {"rewritten": work.rewritten, "unbuilt": work.unbuilt}
            ledger.finish_undo(found.record, left, state, work.unfit)
            self.published = True
            work.replaced.drop()
        return ApplyResult(
            found.applied.run_id, self.run_id, tuple(work.steps), work.rewritten, restored=work.restoring.back.total(),
            not_restored=work.restoring.stayed, documents=state.count, checksum=state.checksum,
            undone=found.record.run_id, renamed=self.renamed, unbuilt=tuple(work.unbuilt), unfit=work.unfit, mixed=work.stepped.mixed,
        )  # fmt: skip

    def _undoing(self, found: HalfDone, ledger: Ledger, lock: Lock, show: ApplyProgress) -> Undoing:
        beforehand = found.record.beforehand or found.applied.live
        assert beforehand is not None  # the applied run was published
        back, replaced = way_back(found.plan), replaced_by(self.client, found.record, found.plan)
        asides = tuple(set_aside_by(ledger, found.record))
        return Undoing(self.client, found.plan, back, replaced, beforehand, asides, self.profile, ledger, lock, show, self.pace)

    def _reserved(self, present: Mapping, name: str) -> Lock:
        """The lock on the name of before. Raises DataError where there is another collection of that name."""
        before = replace(present, target=replace(present.target, collection=name))
        if taken := [*name_taken(self.client, present, before)]:
            raise DataError(taken)
        return Lock(self.client, before.target, Ledger(self.client, before.target, self.run_id), self.wait)

    def _record(self, found: HalfDone) -> RunRecord:
        """That of a collection which is again as the run before the apply left it."""
        before, undone = found.applied, found.record
        return before.followed_by(
            self.run_id,
            by=actor(self.client, Path(self.mapping.file), self.reason),
            kind=Kind.APPLY,
            mode=UNDO,
            engine=__version__,
            previous=before.run_id,
            resumed=undone.run_id,
            beforehand=undone.beforehand,
            kept_in=undone.kept_in,
            renames=undone.renames[::-1] if self.renames else (),
            details={"mapping_text": before.details.get("mapping_text", "")},
        )

    @property
    def stopped(self) -> str:
        """What an interrupted undo has done, in words, and how to continue it."""
        if self.published:
            return "all of it was taken back, and that is recorded"
        if self.work is None:
            return "nothing was written; run the same command again"
        steps = f"finished steps back: {', '.join(self.work.done) or 'none'}"
        rewritten = f"; at least {counted(self.work.rewritten, 'document')} rewritten" if self.work.rewritten else ""
        return f"{steps}{rewritten}; run `engine apply --undo` again to continue it"


def _require_undoable(found: HalfDone) -> None:
    if found.undoable:
        return
    message = f"apply {found.record.run_id} of the mapping {found.record.mapping} can no longer be taken back: "
    message += "it has begun to drop values, or to bring back what was set aside earlier"
    hint = "engine apply with its mapping finishes it; with another mapping, apply first finishes it, with steps as that one has them"
    raise DataError(finding("not_undoable", message, hint=hint))
