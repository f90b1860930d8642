"""Carries out the steps on the live collection. If it is killed and called again, it continues where it stopped, with the same end state.

A batch of documents and the position of the rewriting are written in one transaction, so no document is rewritten twice; the transaction
holds the lock too, so a batch of an apply that was suspended until it lost the lock is not written.
Documents that others write meanwhile in the old shape are found by their shape and rewritten too, before and after the validator is closed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any, Protocol

from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure

from engine.apply.declared import DeclaredSteps
from engine.apply.queries import Query, refused, requirements
from engine.apply.restoring import Restoring, remove_empty_asides
from engine.apply.strangers import of_unknown_shape
from engine.apply.violations import causes
from engine.documents.validators import validator
from engine.errors import DataError, counted, finding
from engine.evolution.approvals import Approval, aside_limit, forbidden
from engine.evolution.building import Stage, trimming
from engine.evolution.kinds import REMOVED
from engine.evolution.losses import Loss
from engine.evolution.rewriting import Rewriting
from engine.evolution.steps import Action, ApplyPlan, Step
from engine.mapping.model import Mapping as Model
from engine.mapping.profiles import ServerProfile
from engine.mongo.asides import SetAside, aside_name
from engine.mongo.codes import INVALID_DOCUMENT
from engine.mongo.connection import database_of, server_time, translated
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock
from engine.mongo.records import as_fields
from engine.mongo.retries import retry_transient
from engine.mongo.state import CollectionState, content_of, schedule_of, state_of
from engine.mongo.trees import EXACT
from engine.mongo.unique import check_unique, wanted_indexes
from engine.values.paths import dotted

BATCH, BATCH_BYTES = 2000, 8 << 20  # documents of one transaction, at most and (by their average size) about
SWEEPS = 20


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
    attempt began.
    """

    client: MongoClient[Any]
    plan: ApplyPlan
    profile: ServerProfile
    ledger: Ledger
    lock: Lock
    show: ApplyProgress
    run_id: str
    allowed: tuple[Approval, ...]
    done: list[str]
    position: Any = None
    steps: list[dict[str, Any]] = field(default_factory=list)
    codes: Mapping[str, str] = field(default_factory=dict)
    earlier: int = 0
    rewritten: int = 0
    moved: SetAside | None = None

    def __post_init__(self) -> None:
        target = self.plan.new.target
        self.database = database_of(self.client, target.database)
        self.live: Any = self.database.get_collection(target.collection, codec_options=EXACT)
        self.restoring = Restoring(self.client, target, self.ledger, self.lock)
        self.declared = DeclaredSteps(self.live, self.ledger, self.lock, self.show.documents)
        self._actions: dict[Action, Callable[[Step], None]] = {
            Action.COMMANDS: self._commands,
            Action.DROP_INDEXES: self._drop_indexes,
            Action.BUILD_INDEXES: self._build_indexes,
            Action.REWRITE: self._rewrite,
            Action.TRIM: self._trim,
            Action.UPDATE: self._update,
            Action.CHECK: self._check,
            Action.RETURN: self._bring_back,
        }

    @property
    def set_aside(self) -> int:
        """How many documents this attempt has set aside."""
        return self.moved.documents if self.moved else 0

    def carry_out(self) -> CollectionState:
        """All steps that are not done. Returns what the collection is then.

        Raises:
            DataError: documents are refused, and may not be set aside; the validator takes both shapes then.
            TargetError: the server refused something.
        """
        with translated():
            for step in self.plan.steps:
                if step.name not in self.done:
                    self.lock.hold()
                    self.show.step(step.title)
                    self.ledger.set_fields(stage=step.name)
                    self._actions[step.action](step)
                    self._log(step)
            self._check()
            schedule = schedule_of(self.live)
            found = retry_transient(lambda _: content_of(self.live, schedule=schedule))
            return state_of(self.live, found, schedule)

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
        wanted = {index.name for index in wanted_indexes(self.live, self.plan.new.indexes)}
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
        spared = list(self._spared(step.action))
        total, seen = self.live.estimated_document_count(), 0
        for ids in self._batches():
            self.lock.check()
            wanted = _among(ids) | ({"$nor": spared} if spared else {})
            try:
                self._batch(ids, wanted, step.stages)
            except OperationFailure as error:
                if error.code != INVALID_DOCUMENT:
                    raise
                self._set_refused_aside(self._ids([{"$match": wanted}, *self._refused_documents(self.plan.direct_rewrite)]))
                self._batch(ids, wanted, step.stages)
            seen += len(ids)
            self.show.documents(seen, max(total, seen))

    def _update(self, step: Step) -> None:
        self.rewritten += self.declared.carry_out(step, self.position)

    def _late_steps(self, trim: list[Stage]) -> None:
        """Steps of the user's own, for documents that others wrote in the old shape since, which have removed fields until then."""
        done = [step.declared for step in self.plan.steps if step.declared and step.name in self.done]
        kept = [{dotted(kept.path): {"$exists": True}} for kept in self.plan.kept_fields]
        self.declared.late(done, self.plan.rewrite.stages, trim, {"$or": kept} if kept else {})

    def _trim(self, step: Step) -> None:
        """Drop removed values, unless more documents have them by now than was allowed."""
        self._sweep()
        if refused := forbidden(self._held(), self.allowed, counted=True):
            raise DataError(refused)
        self._rewrite(step)

    def _held(self) -> Iterator[Loss]:
        """What is about to be dropped of fields for which a number of documents was allowed."""
        for field_kept in self.plan.kept_fields:
            loss = Loss(REMOVED, field_kept.path, None, "")
            if any(approval.names(loss) and approval.rest for approval in self.allowed):
                held = self.live.count_documents({dotted(field_kept.path): {"$exists": True}})
                yield replace(loss, documents=held, what=f"its values in {counted(held, 'document')} would be dropped")

    def _bring_back(self, step: Step) -> None:
        assert step.aside
        self.restoring.bring_back(step.aside)
        remove_empty_asides(self.client, self.plan.new.target, self.ledger)

    def _spared(self, action: Action) -> Iterator[Query]:
        """Documents that are not rewritten: those in the new shape, and where the mapping keeps what is there, those of no known shape."""
        if action is Action.REWRITE:
            yield self._only_new()
        if self.plan.new.validation.keeps:
            yield of_unknown_shape(self.plan.old if action is Action.REWRITE else _loosened(self.plan.intermediate), self.profile)

    def _batches(self) -> Iterator[list[Any]]:
        """All `_id`s after the position, of any type, in the order of their index."""
        average = self.database.command("collStats", self.live.name).get("avgObjSize") or 1
        size = max(1, min(BATCH, BATCH_BYTES // int(average)))
        while True:
            after = self.live.find({}, {"_id": 1}).sort("_id", 1).hint([("_id", 1)]).limit(size + 1)
            start = after if self.position is None else after.min([("_id", self.position)])
            ids = [found for document in start if (found := document["_id"]) != self.position][:size]
            if not ids:
                return
            yield ids
            self.position = ids[-1]

    def _batch(self, ids: list[Any], wanted: Query, stages: tuple[Stage, ...]) -> None:
        changed: list[int] = []

        def update(session: ClientSession) -> None:
            changed[:] = [self.live.update_many(wanted, list(stages), session=session).modified_count]

        self._advance(update, {"position": ids[-1]})
        self.rewritten += sum(changed)

    def _advance(self, step: Callable[[ClientSession], None], facts: dict[str, Any]) -> None:
        """A step and its facts, in one transaction that is committed only while this apply holds the lock."""

        def claimed(session: ClientSession) -> None:
            self.lock.claim(session)
            step(session)

        self.ledger.advance(claimed, facts)

    @property
    def _new_shapes(self) -> list[Query]:
        return [validator(mapping, self.profile) for mapping in (self.plan.new, self.plan.intermediate)]

    def _only_new(self) -> Query:
        """Documents that others wrote in the new shape only; those that both mappings accept are rewritten."""
        return {"$and": [{"$or": self._new_shapes}, {"$nor": [validator(self.plan.old, self.profile)]}]}

    def _sweep(self) -> None:
        """Rewrite documents that others wrote in the old shape since: those that fit it and no newer one."""
        trimmed = [step.stages for step in self.plan.steps if step.action is Action.TRIM and step.name in self.done]
        stages = [*self.plan.rewrite.stages, *chain(*trimmed)]
        query = {"$and": [{"$nor": self._new_shapes}, {"$nor": [of_unknown_shape(self.plan.old, self.profile)]}]}
        self._late_steps([*chain(*trimmed)])
        for _ in range(SWEEPS if stages else 0):
            try:
                if not self.live.update_many(query, stages).modified_count:
                    return
            except OperationFailure as error:
                if error.code != INVALID_DOCUMENT:
                    raise
                self._set_refused_aside(self._ids([{"$match": query}, *self._refused_documents(self.plan.direct_rewrite)]))

    def _check(self, _step: Step | None = None) -> None:
        """Find what the new mapping refuses, except documents of the old shape that were written just now: the next sweep rewrites them.

        Where the mapping keeps what is there, nothing is looked for.
        """
        self._sweep()
        if self.plan.new.validation.keeps:
            return
        pipeline = self._refused_documents(Rewriting(trimming(self.plan.new) if self.plan.kept_fields else ()))
        if found := self._ids(pipeline):
            self._sweep()
            self._set_refused_aside(self._ids([{"$match": _among(found)}, *pipeline]))

    def _refused_documents(self, view: Rewriting) -> list[Query]:
        return [*view.stages, {"$match": refused(requirements(self.plan.new, self.profile))}, {"$project": {"_id": 1}}]

    def _ids(self, pipeline: list[Query]) -> list[Any]:
        return [document["_id"] for document in self.live.aggregate(pipeline, allowDiskUse=True)]

    def _set_refused_aside(self, found: list[Any]) -> None:
        """Set these documents aside, a batch at a time."""
        limit = aside_limit(self.allowed)
        if limit is not None and len(found) + self.set_aside + self.earlier > limit:
            message = "others wrote documents that the new mapping refuses while apply ran; the validator may accept both shapes now"
            raise DataError(
                finding("violators", message, hint="correct them, or allow setting them aside with --allow, then run engine apply again")
            )
        for start in range(0, len(found), BATCH):
            ids = found[start : start + BATCH]
            self.lock.check()
            moved = self._with(ids)
            self._advance(partial(self._move_aside, moved.collection, ids), as_fields({}, {"aside": moved}))
            self.moved = moved

    def _with(self, ids: list[Any]) -> SetAside:
        """What will have been set aside with these documents."""
        before = self.moved or SetAside(aside_name(self.plan.new.target, self.run_id), 0, Counter())
        view = [{"$match": _among(ids)}, *self.plan.direct_rewrite.stages]
        return before.plus(len(ids), causes(self.live, view, self.plan.new, self.profile, self.codes))

    def _move_aside(self, name: str, ids: list[Any], session: ClientSession) -> None:
        found = list(self.live.find({"_id": {"$in": ids}}, session=session))
        self.database.get_collection(name, codec_options=EXACT).insert_many(found, session=session)
        self.live.delete_many({"_id": {"$in": ids}}, session=session)


def _loosened(mapping: Model) -> Model:
    """With the same fields and types, and no constraints: what was just rewritten has this shape, whatever its values are."""
    fields = tuple(replace(field, constraints={}, value_map=None, required=False) for field in mapping.fields)
    return replace(mapping, fields=fields, rules=())


def _among(ids: list[Any]) -> Query:
    return {"_id": {"$in": ids}}
