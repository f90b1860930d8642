"""One `engine apply`: whether it may run, whether it continues an unfinished one, and its run record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from pymongo import MongoClient

from engine import __version__
from engine.apply.agreement import check_agreement
from engine.apply.applying import Applying, ApplyProgress
from engine.apply.halfdone import can_be_undone, half_done, replaced_by
from engine.apply.inspect import LiveCollection, inspect_and_plan
from engine.apply.pacing import Pace
from engine.apply.recorded import recorded
from engine.apply.renaming import rename, under_present_name
from engine.apply.restoring import remove_empty_asides
from engine.apply.results import ApplyResult
from engine.apply.reviewed import ReviewedPlan, reviewed
from engine.apply.trial import check_by_trial
from engine.apply.undotask import UndoTask
from engine.digests.checksum import Content
from engine.errors import DataError, TargetError, counted, finding
from engine.errors.codes import CODES
from engine.evolution.approvals import Approval, approvals, forbidden
from engine.evolution.losses import Loss
from engine.evolution.planning import EvolutionPlan
from engine.evolution.steps import ApplyPlan, apply_plan, returning
from engine.evolution.wayback import way_back
from engine.mapping.model import Mapping as Model
from engine.mapping.profiles import ServerProfile
from engine.mongo.actors import actor
from engine.mongo.connection import database_of, translated
from engine.mongo.ledger import Ledger
from engine.mongo.leftovers import before_name, remove_leftovers
from engine.mongo.locks import Lock
from engine.mongo.recording import recorded_failure
from engine.mongo.records import Kind, Outcome, RunRecord
from engine.mongo.runids import new_run_id
from engine.mongo.state import state_of

SERVER = "target server"


@dataclass
class ApplyTask:
    """One apply; `allowed` is what may be lost, `reason` is why, for the ledger.

    `wait`: seconds to wait for the lock; `pace`: how fast documents may be rewritten. `losses`: what would be lost, once that has been
    asked. `review`: only what was reviewed is done.
    `work` is set once something may have been written; `published`: all of it was done and recorded.
    """

    client: MongoClient[Any]
    profile: ServerProfile
    mapping: Model
    allowed: tuple[Approval, ...]
    run_id: str
    reason: str = ""
    wait: float = 0
    pace: Pace = field(default_factory=Pace)
    losses: tuple[Loss, ...] = ()
    review: ReviewedPlan | None = None
    work: Applying | None = None
    published: bool = False
    first: ApplyTask | UndoTask | None = None
    renamed: str = ""

    def save(self) -> tuple[LiveCollection, EvolutionPlan, ReviewedPlan]:
        """What is there, the plan to look at, and the one to be saved for an apply of exactly this."""
        live, found = inspect_and_plan(self.client, self.mapping, self.profile)
        return live, found, reviewed(live, found, self.mapping, () if found.refusals else self._plan(live, found).steps, self.allowed)

    def plan(self) -> ApplyPlan | None:
        """What would be done; None for nothing. Raises DataError where it is not allowed or needs the source."""
        live, found = inspect_and_plan(self.client, self.mapping, self.profile)
        self._require_reviewed(live, found)
        if not found.to_do:
            return None
        self._require_allowed(found)
        return self._plan(live, found)

    def carry_out(self, show: ApplyProgress) -> ApplyResult:
        """Change the collection. Raises DataError where that is not allowed or needs the source, LockedError while it is locked."""
        first = self._settle(show)
        self._rename()
        ledger = Ledger(self.client, self.mapping.target, self.run_id)
        with Lock(self.client, self.mapping.target, ledger, self.wait) as lock:
            remove_leftovers(self.client, self.mapping.target)  # a suspended run that lost the lock must have nothing left to rename
            remove_empty_asides(self.client, self.mapping.target, ledger)
            live, found = inspect_and_plan(self.client, self.mapping, self.profile)
            if not (first or self.renamed):
                self._require_reviewed(live, found)
            if not found.to_do:
                return ApplyResult(live.run, first=first, renamed=self.renamed)
            self._require_allowed(found)
            _require_settled(found)
            steps = self._plan(live, found)
            self._try(live, steps)
            record = lock.stamp(self._record(live, found, steps))
            ledger.start(record)
            replaced, allowed = replaced_by(self.client, record, steps), approvals(record.allow)
            earlier = live.unfinished.record.aside if live.unfinished else None
            self.work = work = Applying(self.client, steps, self.profile, ledger, lock, show, self.run_id, allowed, replaced,
                                        [*record.done], record.position, [*record.steps], found.stricter,
                                        earlier.documents if earlier else 0, self.pace, dropping=record.dropping)  # fmt: skip
            with recorded_failure(ledger, lambda: work.done_so_far):
                state = work.carry_out()
            ledger.finish(Outcome.PUBLISHED, work.done_so_far, live=state)
            self.published = True
            replaced.drop()
        moved = work.evicting.moved.collection if work.evicting.moved else ""
        return ApplyResult(
            live.run, self.run_id, tuple(work.steps), work.rewritten, work.set_aside, moved, work.restoring.back.total(),
            work.restoring.stayed, state.count, state.checksum, record.resumed, first=first, renamed=self.renamed,
        )  # fmt: skip

    def _rename(self) -> None:
        """Give the collection its new name, once all the rest is known to be possible and allowed, and the ledger has what is meant."""
        present = under_present_name(self.client, self.mapping)
        if present is self.mapping:
            return
        ledger, after = (Ledger(self.client, one.target, self.run_id) for one in (present, self.mapping))
        with Lock(self.client, present.target, ledger, self.wait) as lock, Lock(self.client, self.mapping.target, after, self.wait):
            remove_leftovers(self.client, present.target)
            live, found = inspect_and_plan(self.client, self.mapping, self.profile)
            if not self.first:
                self._require_reviewed(live, found)
            self._require_allowed(found)
            _require_settled(found)
            steps = self._plan(live, found, present)
            self._try(live, steps)
            names = (present.target.collection, self.mapping.target.collection)
            record = replace(self._record(live, found, steps), collection=names[0], named=names[1], renames=names, stage="rename")
            ledger.start(lock.stamp(record))
            with recorded_failure(ledger):
                rename(self.client, present.target, names[1], ledger, lock)
            self.renamed = names[0]

    def _try(self, live: LiveCollection, steps: ApplyPlan) -> None:
        """What only the server can know, asked before anything changes."""
        target = steps.new.target
        if not live.unfinished:
            check_agreement(self.client[target.database][target.collection], steps.new, steps.rewrite)
        check_by_trial(self.client, steps, self.profile, self.run_id)

    def _settle(self, show: ApplyProgress) -> ApplyResult | None:
        """Take back, or finish, the unfinished apply of another mapping. Raises DataError where what comes then would be refused."""
        present = under_present_name(self.client, self.mapping)
        if half_done(Ledger(self.client, present.target), self.profile) is None:
            return None
        live, found = inspect_and_plan(self.client, self.mapping, self.profile)
        if live.unfinished is None or found.continues:
            return None
        self._require_reviewed(live, found)
        self._require_allowed(found)
        rest = (new_run_id(), self.reason, self.wait, self.pace)
        if live.unfinished.undoable:
            back = live.unfinished.takes_name_back(self.mapping)
            self.first = UndoTask(self.client, self.profile, self.mapping, *rest, renames=back)
        else:
            allowed = approvals(live.unfinished.record.allow)
            self.first = ApplyTask(self.client, self.profile, live.unfinished.finishing(self.mapping), allowed, *rest)
        if present is not self.mapping:  # the ledger forgets this name once that apply is settled
            self.mapping = replace(self.mapping, target=replace(self.mapping.target, was=present.target.collection))
        return self.first.carry_out(show)

    def _plan(self, live: LiveCollection, found: EvolutionPlan, present: Model | None = None) -> ApplyPlan:
        steps = apply_plan([shape.mapping for shape in live.shapes], present or self.mapping, live.evidence, self.profile, found.double)
        return returning(replace(steps, expiring=found.expiring), found.asides)

    def _record(self, live: LiveCollection, found: EvolutionPlan, plan: ApplyPlan) -> RunRecord:
        """The run record at the start; the steps that an unfinished apply has done count as done."""
        before = live.unfinished.record if live.unfinished else RunRecord("")
        changes = [str(change.change) for change in found.changes]
        if found.continues:  # some of them, as a new name, are made already
            changes = before.details.get("changes", changes)
        target = self.mapping.target
        keeps = any(step.declared for step in plan.steps) or (plan.rewrite.stages and way_back(plan).kept)
        kept_in = before_name(target.collection, self.run_id) if keeps else ""
        with translated():
            beforehand = before.beforehand or state_of(database_of(self.client, target.database)[live.old.target.collection], Content())
        return RunRecord(
            self.run_id,
            target.database,
            target.collection,
            by=actor(self.client, self.mapping.file, self.reason),
            kind=Kind.APPLY,
            mode="apply",
            engine=__version__,
            mapping=self.mapping.name,
            meaning_sha256=self.mapping.digest,
            applied=recorded(self.mapping),
            previous=live.run,
            named=before.named if before.meaning_sha256 == self.mapping.digest else "",
            resumed=before.resumed if before.run_id == self.run_id else before.run_id,
            renames=before.renames,
            allow=tuple(sorted({*map(str, self.allowed), *before.allow})),
            done=before.done,
            dropping=before.dropping,
            position=before.position if before.stage in {step.name for step in plan.steps} else None,
            steps=before.steps,
            beforehand=beforehand,
            kept_in=before.kept_in or kept_in,
            lagging=tuple(shape.run for shape in live.shapes if shape.lagging),
            details={"mapping_text": self.mapping.text, "changes": changes},
        )

    @property
    def stopped(self) -> str:
        """What an interrupted apply has done, in words, and how to continue it."""
        if self.published:
            return "all of it was done, and is recorded"
        if self.work is None:
            renamed = f"{self.renamed} has its new name; run the same command again" if self.renamed else ""
            return self.first.stopped if self.first else renamed or "nothing was written; run the same command again"
        steps = f"finished steps: {', '.join(self.work.done)}" if self.work.done else "no step was finished"
        aside = f", {self.work.set_aside:,} set aside" if self.work.set_aside else ""
        rewritten = f"; at least {counted(self.work.rewritten, 'document')} rewritten" if self.work.rewritten else ""
        undoable = can_be_undone((*self.work.done, self.work.stage), dropping=self.work.dropping)
        back = "; `engine apply --undo` takes it back" if undoable else ""
        return f"{steps}{rewritten}{aside}; run `engine apply` again to continue it{back}"

    def _require_reviewed(self, live: LiveCollection, found: EvolutionPlan) -> None:
        if self.review:
            self.review.check_mapping(self.mapping)
            self.review.check_live(live, found)

    def _require_allowed(self, found: EvolutionPlan) -> None:
        if found.refusals:
            at_server = all(CODES[refusal.code].where == SERVER for refusal in found.refusals)
            raise (TargetError if at_server else DataError)(found.refusals)
        self.losses = found.losses
        if refused := forbidden(found.losses, self.allowed):
            again = "a saved plan holds what it allows: to do it, make it again by engine plan --output, and add"
            raise DataError([replace(one, hint=one.hint.replace("to do it, add", again)) for one in refused] if self.review else refused)


def _require_settled(found: EvolutionPlan) -> None:
    """Nobody else has begun an apply since it was looked at without the lock."""
    if found.unfinished and not found.continues:
        message = f"apply {found.unfinished.run} of another mapping has begun meanwhile, and was not finished"
        raise DataError(finding("unfinished_apply", message, hint="run the same command again"))
