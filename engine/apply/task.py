"""One `engine apply`: may it be done, is it the rest of one that was not finished, and the ledger's record around it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pymongo import MongoClient

from engine import __version__
from engine.apply.applying import Applying, Progress
from engine.apply.inspect import Live, look
from engine.apply.recorded import recorded
from engine.errors import DataError, EngineError, TargetError, problem
from engine.evolution.planning import Plan
from engine.evolution.steps import Way, way
from engine.mapping.model import Mapping
from engine.mapping.profiles import Profile
from engine.mongo.connection import translated
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock
from engine.mongo.state import State
from engine.mongo.unique import check_unique

REMOVAL = "E102"  # the one destructive change that sets no documents aside
RELOAD = "engine run loads the collection anew"


def suitable(client: MongoClient[Any], profile: Profile) -> None:
    """Raises TargetError where the server lacks what apply stands on."""
    if not (profile.validator and profile.beside):
        message = f"apply is for MongoDB; {profile.name} cannot hold the validator that it needs on the way"
        raise TargetError(problem("profile", message, hint=RELOAD))
    with translated():
        hello = client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        message = "apply keeps its place in transactions, which a server that is no replica set does not have"
        raise TargetError(problem("no_transactions", message, hint=f"{RELOAD}; or make the server a replica set"))


@dataclass(frozen=True)
class Done:
    """What an apply did; nothing to do where `run_id` is empty. `rewritten` and `set_aside` count documents of this attempt."""

    before: str
    run_id: str = ""
    steps: tuple[dict[str, Any], ...] = ()
    rewritten: int = 0
    set_aside: int = 0
    documents: int = 0
    checksum: str = ""
    resumed: str = ""


@dataclass
class Task:
    """`allowed` are the codes of destructive changes that may be done."""

    client: MongoClient[Any]
    profile: Profile
    mapping: Mapping
    allowed: frozenset[str]
    run_id: str

    def way(self) -> Way | None:
        """What would be done; None for nothing. Raises DataError where it may not be."""
        live, found = look(self.client, self.mapping, self.profile)
        if not (found.judged or found.drift or found.unfinished):
            return None
        self._may(live, found)
        return self._way(live)

    def carry_out(self, show: Progress) -> Done:
        """Do it. Raises DataError where it may not be done, LockedError while another run holds the collection."""
        ledger = Ledger(self.client, self.mapping.target, self.run_id)
        with Lock(self.client, self.mapping.target, self.run_id, ledger.beat) as lock:
            live, found = look(self.client, self.mapping, self.profile)
            if not (found.judged or found.drift or found.unfinished):
                return Done(live.run)
            self._may(live, found)
            facts = self._facts(live, found)
            ledger.start(facts)
            work = Applying(self.client, self._way(live), self.profile, ledger, lock, show, self.run_id,
                            facts["done"], facts["position"], facts["steps"])  # fmt: skip
            left = self._recorded(work, ledger, aside=bool({*facts["allow"]} - {REMOVAL}))
        resumed = live.unfinished.get("_id", "")
        return Done(live.run, self.run_id, tuple(work.steps), work.rewritten, work.set_aside, left.count, left.checksum, resumed)

    def _way(self, live: Live) -> Way:
        return way(live.old, self.mapping, live.evidence, self.profile)

    def _recorded(self, work: Applying, ledger: Ledger, *, aside: bool) -> State:
        try:
            left = work.carry_out(aside=aside)
        except BaseException as error:
            with suppress(EngineError):  # the failure itself is what the user must hear of
                ledger.finish("interrupted" if isinstance(error, KeyboardInterrupt) else "failed", {})
            raise
        ledger.finish("published", {"live": left.as_document(), "rewritten": work.rewritten, "set_aside": work.set_aside})
        return left

    def _facts(self, live: Live, found: Plan) -> dict[str, Any]:
        """What the ledger says of it from the start; what an unfinished one had done is done."""
        before = live.unfinished
        return {
            "kind": "apply",
            "mode": "apply",
            "mapping": self.mapping.name,
            "mapping_text": self.mapping.text,
            "applied": recorded(self.mapping),
            "meaning_sha256": self.mapping.digest,
            "engine": __version__,
            "from": live.run,
            "resumed": before.get("_id", ""),
            "changes": [str(one.change) for one in found.judged],
            "allow": sorted(self.allowed | {*before.get("allow", [])}),
            "done": before.get("done", []),
            "position": before.get("position"),
            "steps": before.get("steps", []),
        }

    def _may(self, live: Live, found: Plan) -> None:
        if before := live.unfinished:
            if before.get("meaning_sha256") != self.mapping.digest or before.get("from") != live.run:
                message = f"apply {before['_id']} of another mapping was not finished: documents of two shapes are there"
                raise DataError(problem("unfinished_apply", message, hint=f"apply that mapping again, or {RELOAD}"))
            return
        if found.blocked:
            raise DataError([problem("needs_source", f"{subject}: {why}", hint=RELOAD) for subject, why in found.blocked.items()])
        stages = self._way(live).straight.stages
        if found.counts and found.counts.strangers and stages:
            message = f"{found.counts.strangers:,} documents are not of the shape that the mapping of run {found.applied} describes"
            raise DataError(problem("strangers", message, hint=f"correct them, or {RELOAD}"))
        if lost := {code: what for code, what in found.destructive.items() if code not in self.allowed}:
            raise DataError([problem("destructive", f"{code}: {what}", hint=f"--allow {code}") for code, what in lost.items()])
        with translated():
            check_unique(self.client[self.mapping.target.database][self.mapping.target.collection], self.mapping.indexes, stages)
