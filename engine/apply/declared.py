"""Carries out the steps of the user's own. Nobody knows whether such an update can be repeated, so each document is changed once.

A batch and its position are written in one transaction, which holds the lock too: a step that was killed goes on behind the last batch.
What others write meanwhile in the old shape gets the steps with `makes` afterwards, as long as it has nothing of what they make. All these
documents are kept as they were (`engine.apply.stepped`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from engine.apply.pacing import Pace
from engine.apply.queries import Query, batch_size, id_batches
from engine.apply.stepped import Stepped
from engine.apply.strangers import as_json
from engine.errors import DataError, Finding, finding
from engine.evolution.declared import selected, selected_late, stages
from engine.evolution.shaping import Stage
from engine.evolution.steps import Step
from engine.mapping.model import DeclaredStep
from engine.mongo.codes import INVALID_DOCUMENT, LEASE_OVER, OTHER_COLLECTION, RETRYABLE, UNAUTHORIZED
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock
from engine.mongo.transactions import BusyError, by_halves, transact

PASSING = (RETRYABLE - {LEASE_OVER}) | {UNAUTHORIZED, OTHER_COLLECTION}  # not about a document; a step's update has no lease in it
BATCH = 1000  # documents of one transaction
ROUNDS = 20  # of a batch: others may write more that is refused meanwhile


@dataclass
class DeclaredSteps:
    """Those of one apply. `refuse` gets `_id`s of which the server has refused some, and returns those that are gone.

    `stepped` keeps what they change. `private`: `_id`s are not told. `changed` counts documents.
    """

    live: Collection[Any]
    stepped: Stepped
    ledger: Ledger
    lock: Lock
    show: Callable[[int, int], None]
    pace: Pace
    refuse: Callable[[list[Any]], list[Any]]
    private: bool
    changed: int = 0

    def carry_out(self, step: Step, number: int, position: Any) -> None:
        """Change what the step of this number selects, behind the position.

        Raises:
            DataError: the server cannot carry out the step for a document, or refuses what it makes of one.
        """
        assert step.declared
        seen, total = 0, self.live.estimated_document_count()
        self.pace.begin()
        for ids in id_batches(self.live, self._size, position):
            by_halves(ids, partial(self._batch, step.declared, number))
            self.pace.after(len(ids), partial(self.live.find_one, {"_id": ids[0]}, {"_id": 1}))
            seen += len(ids)
            self.show(seen, max(total, seen))

    def late(self, steps: Iterable[DeclaredStep], number: int, rewrite: Iterable[Stage], trim: Iterable[Stage], still: Query) -> None:
        """Change what others wrote in the old shape after the steps were done: documents that `still` are so.

        They are rewritten, changed and trimmed at once: the validator may take nothing between the old shape and the new one by then. That
        is kept as a step of this number.
        """
        making = [step for step in steps if step.makes]
        for chosen in [making, *([step] for step in making)] if len(making) > 1 else [[step] for step in making]:
            wanted: Query = {"$and": [still, *map(selected_late, chosen)]}
            pipeline = [*rewrite, *(stage for step in chosen for stage in stages(step)), *trim]
            ids, size = [one["_id"] for one in self.live.find(wanted, {"_id": 1})], self._size
            for start in range(0, len(ids), size):
                by_halves(ids[start : start + size], partial(self._late, chosen[0], number, wanted, pipeline))

    @property
    def _size(self) -> int:
        """Documents of one transaction, which are written twice beside it."""
        return batch_size(self.live, min(BATCH, self.pace.batch))

    def _late(self, step: DeclaredStep, number: int, wanted: Query, pipeline: list[Stage], ids: list[Any]) -> None:
        these: Query = {"$and": [{"_id": {"$in": ids}}, wanted]}

        def update(session: ClientSession) -> None:
            self.lock.claim(session)
            self._kept(these, pipeline, number, session)

        self._guarded(step, partial(transact, self.live.database.client, update, len(ids)), these, ids)

    def _kept(self, wanted: Query, pipeline: Sequence[Stage], number: int, session: ClientSession) -> int:
        """The update, which keeps what it changes. Returns how many documents that are."""
        change = partial(self.live.update_many, wanted, [*pipeline], session=session)
        return int(self.stepped.keep(wanted, number, change, session).modified_count)

    def _batch(self, step: DeclaredStep, number: int, ids: list[Any]) -> None:
        """These documents. Raises BusyError where fewer at once may show which one the step fails at."""
        changed: list[int] = []
        wanted: Query = {"$and": [{"_id": {"$in": ids}}, selected(step)]}

        def update(session: ClientSession) -> None:
            self.lock.claim(session)
            changed[:] = [self._kept(wanted, stages(step), number, session)]

        self._guarded(step, partial(self.ledger.advance, update, {"position": ids[-1]}, len(ids)), wanted, ids)
        self.changed += sum(changed)

    def _guarded(self, step: DeclaredStep, change: Callable[[], object], wanted: Query, ids: Sequence[Any] = ()) -> None:
        """The change of documents that are wanted; those go first that the new mapping refuses for something else than what steps make."""
        for _ in range(ROUNDS):
            try:
                change()
            except OperationFailure as error:
                if error.code in PASSING:
                    raise
                if error.code != INVALID_DOCUMENT and len(ids) > 1:
                    raise BusyError from None
                if error.code != INVALID_DOCUMENT:
                    raise DataError(self._failing(step, error, ids)) from None
                if not self.refuse([one["_id"] for one in self.live.find(wanted, {"_id": 1})]):
                    break
            else:
                return
        message = f"the step {step.name} makes documents that the validator refuses"
        hint = "correct them, or the pipeline, and run engine apply again; name in `makes` the fields whose values it makes"
        raise DataError(finding("step_invalid", message, path=f"steps.{step.name}", hint=hint))

    def _failing(self, step: DeclaredStep, error: OperationFailure, ids: Sequence[Any]) -> Finding:
        """The server's message may hold values, so only its code is told."""
        which = f" whose _id is {as_json(ids[0])}" if ids and not self.private else ", the next one in the order of _id" if ids else ""
        known = (error.details or {}).get("codeName", "")
        message = f"the server cannot carry out the step {step.name} for a document{which} (code {error.code} {known}".rstrip() + ")"
        hint = "correct the document, or the pipeline in the mapping, and run engine apply again: it goes on with this document"
        return finding("step_failed", message, path=f"steps.{step.name}", hint=hint)
