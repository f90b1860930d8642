"""Counts again what is about to be lost, where a number of documents was allowed: others may have written more since the plan was made."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pymongo.collection import Collection

from engine.errors import DataError, counted
from engine.evolution.approvals import Approval, forbidden
from engine.evolution.kinds import REMOVED
from engine.evolution.losses import Loss, of_expiry
from engine.evolution.steps import ApplyPlan
from engine.mongo.connection import server_time
from engine.values.paths import dotted


@dataclass(frozen=True)
class Recounting:
    """Of one apply. Its methods raise DataError where more would be lost than was `allowed`, and the driver's errors."""

    live: Collection[Any]
    plan: ApplyPlan
    allowed: tuple[Approval, ...]

    def before_trim(self) -> None:
        """The values of removed fields."""
        self._require_few(self._held())

    def before_indexes(self, names: Container[str]) -> None:
        """What the TTL indexes of these names delete at once."""
        self._require_few(self._due(names))

    def _require_few(self, found: Iterable[Loss]) -> None:
        if refused := forbidden(found, self.allowed, counted=True):
            raise DataError(refused)

    def _is_numbered(self, loss: Loss) -> bool:
        """Whether a number of documents may have been allowed for it."""
        return any(approval.names(loss) and approval.rest for approval in self.allowed)

    def _held(self) -> Iterator[Loss]:
        for removed in self.plan.rewrite.removed:
            loss = Loss(REMOVED, removed.path, None, "")
            if self._is_numbered(loss):
                held = self.live.count_documents({dotted(removed.path): {"$exists": True}})
                yield replace(loss, documents=held, what=f"its values in {counted(held, 'document')} would be dropped")

    def _due(self, names: Container[str]) -> Iterator[Loss]:
        now = server_time(self.live.database.client)
        for expiry in self.plan.expiring:
            if expiry.index.name in names and self._is_numbered(of_expiry(expiry, None)):
                yield of_expiry(expiry, self.live.count_documents(expiry.due(now)))
