"""Carries out the steps on the live collection. If it is killed and called again, it continues where it stopped, with the same end state.

Whatever it does can be done twice, so what it has noted of its progress is a shortcut only. What others write meanwhile in the old shape is
rewritten too: before and after each step that narrows what the collection takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from pymongo import MongoClient

from engine.apply.declared import DeclaredSteps
from engine.apply.evicting import Evicting
from engine.apply.pacing import Pace
from engine.apply.recounting import Recounting
from engine.apply.replaced import Replaced
from engine.apply.restoring import Restoring, remove_empty_asides
from engine.apply.stepped import Stepped
from engine.apply.updating import Updating
from engine.documents.validators import any_of, validator
from engine.errors import TargetError
from engine.evolution.approvals import Approval, aside_limit
from engine.evolution.declared import awaiting
from engine.evolution.expiring import EXPIRY
from engine.evolution.steps import Action, ApplyPlan, Step
from engine.mapping.columns import has_private_id
from engine.mapping.model import Mapping as Model
from engine.mapping.profiles import ServerProfile
from engine.mongo.connection import database_of, server_time, translated
from engine.mongo.fences import Fence
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock
from engine.mongo.retries import retry_transient
from engine.mongo.state import CollectionState, content_of, schedule_of, state_of
from engine.mongo.trees import EXACT
from engine.mongo.unique import check_unique, wanted_indexes


class ApplyProgress(Protocol):
    """Receives what happens while it happens."""

    def step(self, title: str) -> None:
        """A step begins."""

    def documents(self, done: int, total: int) -> None:
        """`done` of `total` documents of the step are done."""


@dataclass
class Applying:
    """One apply. `done` are the steps that are finished, `position` the last `_id` that an earlier attempt rewrote in the next one.

    `allowed`: how many documents may be set aside, and lose values; `earlier` were set aside before this attempt. `codes`: by path or rule,
    the change that made it stricter. `steps` is the log: name, when it ended, and how many documents were rewritten and set aside since the
    attempt began. `pace` says how fast. `stage` is the step under way; `dropping`: values or documents are being dropped, or were.
    """

    client: MongoClient[Any]
    plan: ApplyPlan
    profile: ServerProfile
    ledger: Ledger
    lock: Lock
    show: ApplyProgress
    run_id: str
    allowed: tuple[Approval, ...]
    replaced: Replaced
    done: list[str]
    position: Any = None
    steps: list[dict[str, Any]] = field(default_factory=list)
    codes: Mapping[str, str] = field(default_factory=dict)
    earlier: int = 0
    pace: Pace = field(default_factory=Pace)
    dropping: bool = False
    stage: str = field(default="", init=False)

    def __post_init__(self) -> None:
        target = self.plan.new.target
        self.database = database_of(self.client, target.database)
        self.live: Any = self.database.get_collection(target.collection, codec_options=EXACT)
        room = aside_limit(self.allowed)
        most = None if room is None else max(0, room - self.earlier)
        self.evicting = Evicting(self.live, self.plan, self.profile, self.ledger, self.lock, self.run_id, most, self.codes)
        self.evicting.new = awaiting(self.plan.old, self.plan.new)
        self.updating = Updating(self.live, Fence.around(self.live, self.lock, supported=self.profile.fenced_writes), self.evicting.evict)
        self.updating.pace = self.pace
        self.updating.keeping = self.replaced.keep if self.replaced.kept else None
        self.recounting = Recounting(self.live, self.plan, self.allowed)
        self.restoring = Restoring(self.client, target, self.ledger, self.lock)
        stepped = Stepped(self.client, target, self.replaced.name)
        self.declared = DeclaredSteps(self.live, stepped, self.ledger, self.lock, self.show.documents, self.pace, self.evicting.evict,
                                      has_private_id(self.plan.new))  # fmt: skip
        self._actions: dict[Action, Callable[[Step], None]] = {
            Action.COMMANDS: self._commands,
            Action.DROP_INDEXES: self._drop_indexes,
            Action.BUILD_INDEXES: self._build_indexes,
            Action.REWRITE: self._rewrite,
            Action.UPDATE: self._update,
            Action.TRIM: self._trim,
            Action.CHECK: self._check,
            Action.CLOSE: self._close,
            Action.RETURN: self._bring_back,
        }

    @property
    def rewritten(self) -> int:
        """How many documents this attempt has rewritten."""
        return self.updating.rewritten + self.updating.unreported + self.declared.changed

    @property
    def set_aside(self) -> int:
        """How many documents this attempt has set aside."""
        return self.evicting.moved.documents if self.evicting.moved else 0

    @property
    def done_so_far(self) -> dict[str, int]:
        """Both, for the ledger."""
        return {"rewritten": self.rewritten, "set_aside": self.set_aside}

    def carry_out(self) -> CollectionState:
        """All steps that are not done. Returns what the collection is then.

        Raises:
            DataError: documents are refused, and may not be set aside; the validator may take both shapes then.
            TargetError: the server refused something.
            LockedError: the lock is lost.
        """
        for step in self.plan.steps:
            if step.name not in self.done:
                self.lock.hold()
                self.show.step(step.title)
                self.stage = step.name
                self.ledger.set_fields(stage=self.stage)
                self._carry_out(step, self._actions[step.action])
                self._log(step)
        self.show.step("look for what others wrote, and read all documents back")
        self._carry_out(self.plan.steps[-1], self._check)
        with translated():
            schedule = schedule_of(self.live)
            found = retry_transient(lambda _: content_of(self.live, schedule=schedule))
            return state_of(self.live, found, schedule)

    def _carry_out(self, step: Step, action: Callable[[Step], None]) -> None:
        """What fails says in which step."""
        try:
            with translated():
                action(step)
        except TargetError as error:
            raise TargetError([replace(one, message=f"step {step.name}: {one.message}") for one in error.findings]) from None

    def _log(self, step: Step) -> None:
        self.position = None
        self.done.append(step.name)
        entry = {"name": step.name, "title": step.title, "rewritten": self.rewritten, "set_aside": self.set_aside}
        self.steps.append({**entry, "at": f"{server_time(self.client):%Y-%m-%dT%H:%M:%SZ}"})
        self.ledger.set_fields(done=self.done, position=None, steps=self.steps)

    # one method an action

    def _commands(self, step: Step) -> None:
        for command in step.commands:
            retry_transient(partial(self._command, command))

    def _command(self, command: dict[str, Any], _attempt: int) -> None:
        self.database.command(command)

    def _build_indexes(self, step: Step) -> None:
        check_unique(self.live, self.plan.new)
        building = {spec["name"]: spec for command in step.commands for spec in command["indexes"]}
        self.recounting.before_indexes(building)
        wanted = {index.name for index in wanted_indexes(self.live, self.plan.new.indexes)}
        if any(EXPIRY in spec for spec in building.values()):
            self._drop()
        for command in step.commands:
            if specs := [spec for spec in command["indexes"] if spec["name"] in wanted]:
                retry_transient(partial(self._command, {**command, "indexes": specs}))

    def _drop_indexes(self, step: Step) -> None:
        present = {index["name"] for index in self.live.list_indexes()}
        for command in step.commands:
            names = [name for name in command["index"] if name in present]
            if names:
                self.database.command({**command, "index": names})

    def _rewrite(self, step: Step) -> None:
        total, seen = self.live.estimated_document_count(), 0
        for position, documents in self.updating.pass_over(step.stages, self.position):
            self.ledger.set_fields(position=position)
            self.lock.check()
            seen += documents
            self.show.documents(seen, max(total, seen))

    def _update(self, step: Step) -> None:
        self.declared.carry_out(step, self.plan.steps.index(step), self.position)

    def _late_steps(self) -> None:
        """Steps of the user's own, for documents that others wrote in the old shape since, which have removed fields until then."""
        self.evicting.new = awaiting(self.plan.old, self.plan.new)
        done = [step.declared for step in self.plan.steps if step.declared and step.name in self.done]
        rewrite = self.plan.rewrite
        trim = rewrite.trim if "trim" in self.done else ()
        self.declared.late(done, len(self.plan.steps), rewrite.stages, trim, {"$or": [*rewrite.left]} if rewrite.left else {})

    def _trim(self, step: Step) -> None:
        """Drop removed values, unless more documents have them by now than was allowed.

        What others wrote in the old shape is rewritten first, since what is removed may be a part of it.
        """
        self._check(step)
        self.recounting.before_trim()
        self._drop()
        if self.plan.new.validation.keeps:  # what others made of these names stays
            self.updating.only = any_of(validator(_loosened(mapping), self.profile) for mapping in self.plan.between)
        self._rewrite(replace(step, stages=self.plan.rewrite.whole))
        self.updating.only = {}

    def _drop(self) -> None:
        """From here on it cannot be taken back."""
        self.dropping = True
        self.ledger.set_fields(dropping=True)

    def _check(self, _step: Step) -> None:
        """Find what the new mapping refuses, once what others wrote in the old shape is rewritten."""
        self._sweep()
        if not self.plan.new.validation.keeps:
            self.evicting.evict()

    def _sweep(self) -> None:
        """Rewrite what others wrote in the old shape; steps of the user's own are done by then."""
        rewrite = self.plan.rewrite
        self._late_steps()
        self.evicting.new = self.plan.new
        self.updating.sweep(rewrite.old, rewrite.stages)
        if "trim" in self.done and not self.plan.new.validation.keeps:
            self.updating.sweep(rewrite.left, rewrite.whole)

    def _close(self, step: Step) -> None:
        """From here on no other shape is written. What is refused all the same, since the last check, the check at the end finds."""
        self._sweep()
        self._commands(step)

    def _bring_back(self, step: Step) -> None:
        assert step.aside
        self.restoring.bring_back(step.aside)
        remove_empty_asides(self.client, self.plan.new.target, self.ledger)


def _loosened(mapping: Model) -> Model:
    """With the same fields and types, and no constraints or other fields: what was just rewritten has this shape, whatever its values."""
    fields = tuple(replace(field, constraints={}, value_map=None, required=False) for field in mapping.fields)
    return replace(mapping, fields=fields, rules=(), validation=replace(mapping.validation, additional=False))
