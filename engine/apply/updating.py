"""Rewrites live documents in batches, beside everybody else who writes them. Every update can be repeated: a second one changes nothing.

Each update names the collection that is meant and carries the end of the lease (`engine.mongo.fences`). Where the server refuses one
because of a document, the others of the batch are rewritten all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from bson import encode
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from engine.apply.pacing import Pace
from engine.apply.queries import Query, batch_size, id_batches
from engine.evolution.shaping import Stage
from engine.mongo.codes import INVALID_DOCUMENT
from engine.mongo.connection import WRITE_CONCERN
from engine.mongo.fences import Fence
from engine.mongo.retries import document_errors, retry_transient
from engine.mongo.transactions import by_halves, transact

ROUNDS = 20  # of a sweep: what others write while it is at work is for the next one


@dataclass
class Updating:
    """Updates of one collection. `refuse` gets `_id`s of which the server has refused some, and returns those that are gone or must stay.

    `only` is a query for the documents that may change. `validated`: the validator is asked. `keeping` gets a query for the documents of an
    update, and keeps in the same transaction what it is about to replace. `pace` says how fast. `rewritten` counts documents, and
    `unreported` those of a pass that the server rewrote in an update before it refused one: of these its answer says nothing.
    """

    collection: Collection[Any]
    fence: Fence
    refuse: Callable[[list[Any]], list[Any]]
    only: Query = field(default_factory=dict)
    validated: bool = True
    keeping: Callable[[Query, ClientSession], None] | None = None
    pace: Pace = field(default_factory=Pace)
    rewritten: int = 0
    unreported: int = 0
    _in_order: bool = field(default=False, init=False)

    def pass_over(self, stages: Sequence[Stage], position: Any = None) -> Iterator[tuple[Any, int]]:
        """All documents after a position, in the order of `_id`. Yields the new position and the size of each batch that is done."""
        self._in_order = True
        for ids in self._updated(id_batches(self.collection, batch_size(self.collection, self.pace.batch), position), stages):
            yield ids[-1], len(ids)

    def sweep(self, old: Sequence[Query], stages: Sequence[Stage]) -> None:
        """Rewrite what others wrote in the old shape meanwhile: documents that meet one of these queries."""
        self._in_order = False
        for _ in range(ROUNDS if old and stages else 0):
            before = self.rewritten
            for _ids in self._updated(self._matching({"$or": list(old)}), stages):
                pass
            if self.rewritten == before:
                return

    def _updated(self, batches: Iterable[list[Any]], stages: Sequence[Stage]) -> Iterator[list[Any]]:
        """Update the documents of each batch of `_id`s. Yields the batches that are done."""
        self.pace.begin()
        for ids in batches:
            self.update(ids, stages)
            self.pace.after(len(ids), partial(self._probe, ids[0]))
            yield ids

    def update(self, ids: list[Any], stages: Sequence[Stage]) -> None:
        """Rewrite these documents, all that the server takes."""
        by_halves(ids, partial(self._settle, stages))

    def _settle(self, stages: Sequence[Stage], ids: list[Any]) -> None:
        if not ids or self._update(ids, stages):
            return
        refused = {encode({"": one}) for one in self.refuse(ids)}  # an _id may be of any type
        rest = [one for one in ids if encode({"": one}) not in refused]
        if len(rest) < len(ids):
            self.update(rest, stages)
        elif len(rest) > 1:
            self.update(rest[: len(rest) // 2], stages)
            self.update(rest[len(rest) // 2 :], stages)

    def _probe(self, one: Any) -> None:
        self.collection.find_one({"_id": one}, {"_id": 1})

    def _update(self, ids: list[Any], stages: Sequence[Stage]) -> bool:
        """Whether the server took all of them; those before a refused one are rewritten."""
        update: dict[str, Any] = {"q": {"_id": {"$in": ids}, **self.only}, "u": list(stages), "multi": True}
        command: dict[str, Any] = {"update": self.collection.name, "updates": [update]}
        if not self.validated:
            command["bypassDocumentValidation"] = True

        def send(attempt: int) -> dict[str, Any]:
            guarded = self.fence.guarded(command, attempt)
            reply = self._kept(guarded, update["q"]) if self.keeping else self._sent(guarded)
            refused = document_errors(reply, (INVALID_DOCUMENT,))
            self.rewritten += reply.get("nModified", 0)
            return {"refused": refused}

        refused = retry_transient(send)["refused"]
        if refused and self._in_order and not self.keeping:
            self.unreported += _place(ids, refused[0].get("errInfo", {}))
        return not refused

    def _sent(self, command: dict[str, Any]) -> dict[str, Any]:
        return dict(self.collection.database.command({**command, "writeConcern": WRITE_CONCERN.document}))

    def _kept(self, command: dict[str, Any], query: Query) -> dict[str, Any]:
        """The update in a transaction with what is kept; where a document is refused, none of them is rewritten. Raises BusyError."""
        reply: dict[str, Any] = {}

        def both(session: ClientSession) -> None:
            assert self.keeping
            self.keeping(query, session)
            reply.clear()
            reply.update(self.collection.database.command(command, session=session))
            if "writeErrors" in reply:
                raise _RefusedError

        with suppress(_RefusedError):
            transact(self.collection.database.client, both, len(query["_id"]["$in"]))
            return reply
        return {name: value for name, value in reply.items() if name != "nModified"}

    def _matching(self, query: Query) -> Iterator[list[Any]]:
        """The `_id`s of the documents that match."""
        size = self.pace.batch
        found = (document["_id"] for document in self.collection.find(query, {"_id": 1}, batch_size=size))
        while ids := [*islice(found, size)]:
            yield ids


def _place(ids: Sequence[Any], why: Mapping[str, Any]) -> int:
    """How many documents come before the one that was refused, where the server names it; an `_id` may be of any type."""
    named = [encode({"": why["failingDocumentId"]})] if "failingDocumentId" in why else []
    return next((place for place, one in enumerate(ids) if encode({"": one}) in named), 0)


class _RefusedError(Exception):
    """Ends a transaction that the server has aborted."""
