"""What an apply replaces and cannot compute back: kept beside the collection until the apply is finished, and put back when it is undone.

`COLLECTION__before_RUN` has a document for each one that has such values: its `_id`, and by number the `old` values and the `new` ones that
apply made of them; a value that was missing is not there. A batch is kept in the transaction that rewrites it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bson import encode
from pymongo import ReplaceOne, UpdateOne
from pymongo.client_session import ClientSession

from engine.apply.kept import KeptBeside
from engine.apply.queries import Query
from engine.evolution.shaping import Stage
from engine.evolution.wayback import Kept, putting
from engine.values.paths import dotted

BATCH = 1000


@dataclass
class Replaced(KeptBeside):
    """The values at the `kept` paths. `stages` is what apply does to a document."""

    kept: tuple[Kept, ...]
    stages: tuple[Stage, ...]

    def keep(self, wanted: Query, session: ClientSession) -> None:
        """Keep what apply is about to replace in these documents; of those that are rewritten already, what is kept stays.

        Raises the driver's errors.
        """
        if not self.kept:
            return
        before, after = (self._values(wanted, stages, session) for stages in ((), self.stages))
        requests = [
            ReplaceOne({"_id": one["_id"]}, {"_id": one["_id"], "old": one["value"]["old"], "new": after[key]["value"]["new"]}, upsert=True)
            for key, one in before.items()
            if encode(one) != encode(after[key])
        ]
        if requests:
            self.before.bulk_write(requests, ordered=False, session=session)

    def _values(self, wanted: Query, stages: Sequence[Stage], session: ClientSession) -> dict[bytes, Any]:
        """By `_id` in BSON: the values at the old and at the new paths after the stages, by number."""
        paths = {"old": [kept.old for kept in self.kept], "new": [kept.new or kept.old for kept in self.kept]}
        fields = {side: {str(number): f"${dotted(path)}" for number, path in enumerate(one)} for side, one in paths.items()}
        pipeline = [{"$match": wanted}, *stages, {"$project": {"value": fields}}]
        return {encode({"": one["_id"]}): one for one in self.live.aggregate(pipeline, session=session)}

    def put_back(self, *, last: bool) -> Iterator[int]:
        """Put old values where apply's new ones still are; with `last` those that new documents have no place for.

        Can be repeated; yields how many documents of `name` are done.
        """
        wanted = {str(number): kept for number, kept in enumerate(self.kept) if bool(kept.new) is not last}
        requests: list[UpdateOne] = []
        done = 0
        for one in self.before.find({"old": {"$exists": True}}, sort=[("_id", 1)]) if wanted else ():
            requests.append(_request(one, wanted))
            if len(requests) == BATCH:
                self._write(requests)
                done += len(requests)
                requests = []
                yield done
        if requests:
            self._write(requests)
            yield done + len(requests)

    def put_in_order(self, stages: Sequence[Stage]) -> None:
        """Carry out these stages in all documents of `name`. Raises the driver's errors."""
        if not (stages and self.name):
            return
        found = self.before.find({"old": {"$exists": True}}, {"_id": 1}, sort=[("_id", 1)])
        while ids := [one["_id"] for one in islice(found, BATCH)]:
            self.live.update_many({"_id": {"$in": ids}}, [*stages], bypass_document_validation=True)

    def _write(self, requests: list[UpdateOne]) -> None:
        self.live.bulk_write(requests, ordered=False, bypass_document_validation=True)


def _request(one: dict[str, Any], wanted: dict[str, Kept]) -> UpdateOne:
    """The update of one document, each value for itself."""
    stages: list[Stage] = []
    for number, kept in wanted.items():
        old, new = ({"$literal": one[side][number]} if number in one[side] else None for side in ("old", "new"))
        stages.append(_at(dotted(kept.new or kept.old), old, new if kept.new else None))
    return UpdateOne({"_id": one["_id"]}, stages)


def _at(path: str, old: Any, new: Any) -> Stage:
    """Put a value in the place of another one."""
    here = {"$eq": [{"$type": f"${path}"}, "missing"]} if new is None else {"$eq": [f"${path}", new]}
    return putting(
        path, {"$cond": [here, "$$REMOVE" if old is None else old, f"${path}"]}, emptied=old is None, making=new is None and old is not None
    )
