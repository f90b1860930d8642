"""Takes back a half-done apply: documents, validator, indexes and what was set aside. Every step can be repeated, so a killed one goes on.

What others wrote meanwhile is kept, in the old shape where the pipeline can make it; it may be what the old validator refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bson import json_util
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from engine.apply.applying import ApplyProgress
from engine.apply.pacing import Pace
from engine.apply.replaced import Replaced
from engine.apply.restoring import Restoring, remove_empty_asides
from engine.apply.stepped import Stepped
from engine.apply.updating import Updating
from engine.digests.checksum import Content
from engine.evolution.asides import KeptAside
from engine.evolution.steps import ApplyPlan
from engine.evolution.wayback import WayBack
from engine.mapping.profiles import ServerProfile
from engine.mongo.codes import DUPLICATE_KEY, INDEX_CONFLICTS
from engine.mongo.connection import WRITE_CONCERN, database_of, server_time, translated
from engine.mongo.creation import ABSENT
from engine.mongo.fences import Fence
from engine.mongo.indexes import is_same
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock
from engine.mongo.retries import retry_transient
from engine.mongo.state import VALIDATION, CollectionState, content_of, schedule_of, state_of
from engine.mongo.trees import EXACT

Spec = dict[str, Any]


@dataclass
class Undoing:
    """The way back of one apply. `plan` is that of the apply, `beforehand` the state that it found, `asides` what it has set aside.

    `done`, `steps` and `pace` are as in `Applying`; `unbuilt` are indexes of the collection that can no longer be built. `unfit` counts
    documents that others wrote meanwhile and that the validator of before refuses.
    """

    client: MongoClient[Any]
    plan: ApplyPlan
    back: WayBack
    replaced: Replaced
    beforehand: CollectionState
    asides: tuple[KeptAside, ...]
    profile: ServerProfile
    ledger: Ledger
    lock: Lock
    show: ApplyProgress
    pace: Pace = field(default_factory=Pace)
    done: list[str] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    unbuilt: list[str] = field(default_factory=list)
    unfit: int = 0

    def __post_init__(self) -> None:
        target = self.plan.new.target
        self.database = database_of(self.client, target.database)
        self.live: Any = self.database.get_collection(target.collection, codec_options=EXACT)
        self.stepped = Stepped(self.client, target, self.replaced.name)
        self.restoring = Restoring(self.client, target, self.ledger, self.lock, bypass=True)
        self.fence = Fence.around(self.live, self.lock, supported=self.profile.fenced_writes)
        self.updating = Updating(self.live, self.fence, lambda _: [], validated=False, pace=self.pace)

    @property
    def rewritten(self) -> int:
        """How many documents this attempt has rewritten."""
        return self.updating.rewritten

    @property
    def _declared(self) -> bool:
        return any(step.declared for step in self.plan.steps)

    @property
    def _rows(self) -> tuple[tuple[str, str, Callable[[], None]], ...]:
        return (
            ("widen", "allow both shapes", self._widen),
            ("free", "drop the indexes of the new mapping", self._free),
            ("return", "bring back documents that were set aside", self._return),
            *([("steps", "take back the steps of the mapping", self._take_back)] if self._declared else []),
            ("put back", "put back values that cannot be computed", self._put_back),
            ("rewrite", "rewrite documents to the old shape", self._rewrite),
            ("index", "build the indexes that were there", self._index),
            ("tighten", "allow the old shape only", self._tighten),
        )

    def carry_out(self) -> CollectionState:
        """All steps. Returns what the collection is then. Raises TargetError, LockedError."""
        with translated():
            for name, title, carry_out in self._rows:
                self._step(name, title, carry_out)
            self._sweep()
            self.unfit = self._count_unfit()
            schedule = schedule_of(self.live)
            found = retry_transient(lambda _: content_of(self.live, schedule=schedule))
            return state_of(self.live, found, schedule)

    def _step(self, name: str, title: str, carry_out: Callable[[], None]) -> None:
        self.lock.hold()
        self.show.step(title)
        self.ledger.set_fields(stage=name)
        carry_out()
        self.done.append(name)
        at = f"{server_time(self.client):%Y-%m-%dT%H:%M:%SZ}"
        self.steps.append({"name": name, "title": title, "rewritten": self.rewritten, "set_aside": 0, "at": at})
        self.ledger.set_fields(done=self.done, steps=self.steps)

    def _count_unfit(self) -> int:
        """Those that the server would refuse to update now; none where it refuses nothing."""
        rules = VALIDATION | json_util.loads(self.beforehand.validator)
        refuses = rules["validator"] and rules["validationAction"] == "error" and rules["validationLevel"] == "strict"
        return self.live.count_documents({"$nor": [rules["validator"]]}) if refuses else 0

    # one method a step

    def _widen(self) -> None:
        """As apply does first: it may have been killed before, or right after the validator was closed."""
        for step in self.plan.steps:
            for command in step.commands if step.name == "widen" else ():
                retry_transient(partial(self._command, command))

    def _command(self, command: dict[str, Any], attempt: int) -> dict[str, Any]:
        return dict(self.database.command(self.fence.guarded(command, attempt)))

    def _free(self) -> None:
        """Drop what apply built; another index of that name is somebody else's."""
        there = state_of(self.live, Content()).indexes
        built = {spec["name"] for spec in self.live.list_indexes() for index in self.plan.new.indexes if is_same(index, spec)}
        ours = built & {index.name for index in self.plan.new.indexes}
        gone = [name for name, spec in there.items() if name in ours and spec != self.beforehand.indexes.get(name)]
        if gone:
            retry_transient(partial(self._command, {"dropIndexes": self.live.name, "index": gone}))

    def _take_back(self) -> None:
        for documents in self.stepped.put_back(self.lock, [kept.collection for kept in self.asides]):
            self._tell(documents)

    def _put_back(self, *, last: bool = False) -> None:
        for documents in self.replaced.put_back(last=last):
            self.lock.check()
            self._tell(documents)

    def _tell(self, documents: int) -> None:
        self.show.documents(documents, max(self.live.estimated_document_count(), documents))

    def _rewrite(self) -> None:
        total, seen = self.live.estimated_document_count(), 0
        for _, documents in self.updating.pass_over(self.back.stages) if self.back.stages else ():
            self.lock.check()
            seen += documents
            self.show.documents(seen, max(total, seen))
        self._put_back(last=True)
        self.replaced.put_in_order(self.back.order)

    def _sweep(self) -> None:
        """Rewrite what others wrote in the new shape while the validator took it."""
        self.updating.sweep(self.back.queries, self.back.stages)

    def _return(self) -> None:
        for kept in self.asides:
            self.restoring.bring_back(kept)
        remove_empty_asides(self.client, self.plan.new.target, self.ledger)

    def _index(self) -> None:
        """Build what is missing; an index that others have made impossible meanwhile is left out, and told."""
        self._sweep()
        there = {index["name"] for index in self.live.list_indexes()}
        for name, spec in self.beforehand.indexes.items():
            if name not in there:
                self._build(json_util.loads(spec))

    def _build(self, spec: Spec) -> None:
        command = {"createIndexes": self.live.name, "indexes": [spec], "writeConcern": WRITE_CONCERN.document}
        try:
            retry_transient(partial(self._command, command))
        except OperationFailure as error:
            if error.code not in {DUPLICATE_KEY, *INDEX_CONFLICTS}:
                raise
            self.unbuilt.append(spec["name"])

    def _tighten(self) -> None:
        """Validation, and the options that the new mapping would have changed, as they were."""
        validation = json_util.loads(self.beforehand.validator)
        options = {name: json_util.loads(self.beforehand.options[name]) if name in self.beforehand.options else ABSENT.get(name)
                   for name in self.plan.new.target.options.changeable}  # fmt: skip
        if self.profile.validator:
            retry_transient(partial(self._command, {"collMod": self.live.name, **VALIDATION, **validation, **options}))
