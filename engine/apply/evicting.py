"""Sets live documents aside that the new mapping refuses, as they are stored. It can be repeated; a document is never in both places.

What the mapping refuses is asked of the document as it would be after the rewriting, and again in the transaction that moves it, so no
document leaves that somebody has corrected meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from engine.apply.queries import Query, refused, requirements
from engine.apply.violations import causes
from engine.errors import DataError, counted, finding
from engine.evolution.steps import ApplyPlan
from engine.mapping.profiles import ServerProfile
from engine.mongo.asides import SetAside, aside_name
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock
from engine.mongo.records import as_fields
from engine.mongo.transactions import by_halves
from engine.mongo.trees import EXACT

BATCH = 1000  # documents of one transaction


@dataclass
class Evicting:
    """What one apply sets aside: `most` documents, None for any number; one more that would have to leave is an error.

    `codes`: by path or rule, the change that made it stricter. `moved` is what this attempt has set
    aside. `new` is the mapping that judges.
    """

    collection: Collection[Any]
    plan: ApplyPlan
    profile: ServerProfile
    ledger: Ledger
    lock: Lock
    run_id: str
    most: int | None
    codes: Mapping[str, str] = field(default_factory=dict)
    moved: SetAside | None = None

    def __post_init__(self) -> None:
        self.new = self.plan.new

    def evict(self, ids: list[Any] | None = None) -> list[Any]:
        """Set aside what the new mapping refuses, of these documents or of all. Returns the `_id`s that are gone, or that must stay.

        Raises:
            DataError: there are some, and they may not be set aside.
            LockedError: the lock is lost.
        """
        found = self._refused(ids)
        if self.new.validation.keeps:
            return found
        gone = self.moved.documents if self.moved else 0
        if found and self.most is not None and gone + len(found) > self.most:
            raise DataError(self._violators(len(found), ids))
        for start in range(0, len(found), BATCH):
            by_halves(found[start : start + BATCH], self._move)
        return found

    def _refused(self, ids: list[Any] | None, session: ClientSession | None = None) -> list[Any]:
        among = self._unfit if ids is None else {"$match": _among(ids)}  # where all are asked, they are rewritten: few are left
        pipeline = [among, *self.plan.rewrite.whole, self._unfit, {"$project": {"_id": 1}}]
        return [document["_id"] for document in self.collection.aggregate(pipeline, session=session, allowDiskUse=True)]

    @property
    def _unfit(self) -> Query:
        return {"$match": refused(requirements(self.new, self.profile))}

    def _move(self, ids: list[Any]) -> None:
        self.lock.check()
        name = aside_name(self.new.target, self.run_id)
        before = self.moved or SetAside(name, 0, Counter())
        why = causes(self.collection, [{"$match": _among(ids)}, *self.plan.rewrite.whole], self.new, self.profile, self.codes)
        facts: dict[str, Any] = {}
        moved = before

        def move(session: ClientSession) -> None:
            nonlocal moved
            self.lock.claim(session)
            moved = before.plus(self._moved(name, ids, session), why)
            facts.update(as_fields({}, {"aside": moved}))  # noted right after, in the same transaction

        self.ledger.advance(move, facts, len(ids))
        self.moved = moved

    def _moved(self, name: str, ids: list[Any], session: ClientSession) -> int:
        leaving = self._refused(ids, session)
        if leaving:
            found = list(self.collection.find(_among(leaving), session=session))
            self.collection.database.get_collection(name, codec_options=EXACT).insert_many(found, session=session)
            self.collection.delete_many(_among(leaving), session=session)
        return len(leaving)

    def _violators(self, documents: int, ids: list[Any] | None) -> Any:
        among = [{"$match": _among(ids)}] if ids is not None else []
        why = causes(self.collection, [*among, *self.plan.rewrite.whole], self.new, self.profile, self.codes)
        faults = ", ".join(f"{cause} {documents:,}" for cause, documents in why.most_common())
        message = f"others wrote {counted(documents, 'document')} that the new mapping refuses while apply ran: {faults}"
        hint = "correct them, or allow setting them aside with --allow, then run engine apply again"
        return finding("violators", f"{message}; the validator may accept both shapes now", hint=hint)


def _among(ids: list[Any]) -> Query:
    return {"_id": {"$in": ids}}
