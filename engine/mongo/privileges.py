"""THE table of privileges: which actions a command needs, and on what. MongoDB's own names (its manual, "Privilege Actions").

From it are made the roles of the shipped accounts (`roles`), the page docs/privileges.md (`grants`), and the check before a command's first
change (`accounts`). tests/mongo/test_accounts.py carries out every command with exactly its row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.mongo.ledgerplace import LOCKS, RUNS

EVERY = ""  # as a resource's collection: all collections of the database but the system's


class Place(StrEnum):
    """Where an action is needed. `RUNS` and `LOCKS` are the ledger's, which may be in a database of its own."""

    TARGET = "the target collection"
    DATABASE = "all collections of its database"
    POINTER = f"`{RUNS}` in its database"
    RUNS = f"the ledger `{RUNS}`"
    LOCKS = f"`{LOCKS}` beside it"


Needs = Mapping[Place, str]


@dataclass(frozen=True)
class Task:
    """A command, in one mode where it has several. `needs`: actions by place, separated by blanks."""

    command: str
    needs: Needs
    mode: str = ""

    def __str__(self) -> str:
        return f"engine {self.command}" + (f" in mode {self.mode}" if self.mode else "")


@dataclass(frozen=True, order=True)
class Privilege:
    """One action on one collection; `EVERY` is all of the database."""

    database: str
    collection: str
    action: str


def _all(*parts: Needs) -> Needs:
    """All actions of several needs, each once, in the order of the alphabet."""
    return {place: " ".join(sorted({*" ".join(part.get(place, "") for part in parts).split()})) for place in Place}


LEDGER: Needs = {Place.POINTER: "find", Place.RUNS: "find"}
STATE: Needs = {Place.TARGET: "find listIndexes", Place.DATABASE: "listCollections"}
LOOK = _all(LEDGER, STATE)
# A record of its own, and the lock; whoever has the lock removes the staging collections of dead runs. The ledger in a database of its own
# leaves a pointer in the target's.
LOCKED: Needs = {
    Place.DATABASE: "dropCollection",
    Place.POINTER: "insert",
    Place.RUNS: "insert update",
    Place.LOCKS: "find insert update",
}
RECORD = _all(LOOK, LOCKED)
STAGING: Needs = {Place.DATABASE: "collMod createCollection createIndex dropIndex find insert listIndexes renameCollectionSameDB"}
IN_PLACE = _all(RECORD, {Place.TARGET: "collMod createCollection createIndex insert"})
# What an apply sets aside goes into a collection of its own beside the target, and comes back from there.
ASIDE: Needs = {Place.DATABASE: "find"}
MOVING: Needs = {Place.TARGET: "insert remove", Place.DATABASE: "find insert remove"}
TRIAL: Needs = {Place.DATABASE: "collMod createCollection createIndex dropCollection dropIndex listIndexes renameCollectionSameDB update"}
REWRITING = _all(MOVING, TRIAL, {Place.TARGET: "bypassDocumentValidation collStats"})

TASKS: tuple[Task, ...] = (
    Task("run", _all(RECORD, STAGING), "replace"),
    Task("run", _all(IN_PLACE, {Place.TARGET: "update"}), "upsert"),
    Task("run", IN_PLACE, "append"),
    Task("run", _all(IN_PLACE, {Place.TARGET: "update remove"}), "sync"),
    Task("run", _all(RECORD, {Place.TARGET: "update"}), "update"),
    Task("run", _all(RECORD, {Place.TARGET: "remove"}), "delete"),
    Task("rejects retry", _all(IN_PLACE, {Place.TARGET: "update remove"})),
    Task("apply", _all(RECORD, REWRITING)),
    Task("adopt", RECORD),
    Task("set-aside restore", _all(RECORD, MOVING)),
    Task("set-aside drop", _all(RECORD, ASIDE)),
    Task("set-aside list", _all(LEDGER, ASIDE, {Place.TARGET: "find"})),
    Task("set-aside show", _all(LEDGER, ASIDE, {Place.TARGET: "find"})),
    Task("plan", _all(LOOK, ASIDE)),
    Task("verify", _all(LOOK, ASIDE)),
    Task("runs", LEDGER),
    Task("history", LEDGER),
    Task("rejects list", LEDGER),
    Task("preview", {Place.DATABASE: "find"}),
)
"""One row a command and mode. Those that are not here ask no server."""

ACCOUNTS = {"loader": {"data": ["engine_loader"], "ledger": ["engine_ledger"]}, "reader": {"data": ["read"], "ledger": []}}
"""The roles of the accounts that deploy/accounts.js makes: in each database of data, and in the ledger's where that is another one."""


def task_of(command: str, mode: str = "") -> Task:
    """The row of a command. Raises StopIteration where there is none: the table is not complete."""
    return next(row for row in TASKS if (row.command, row.mode) == (command, mode))


def privileges(row: Task, database: str, collection: str, ledger: str) -> frozenset[Privilege]:
    """What a command needs at a target; `ledger` is the database of the ledger."""
    where = {
        Place.TARGET: (database, collection),
        Place.DATABASE: (database, EVERY),
        Place.POINTER: (database, RUNS),
        Place.RUNS: (ledger, RUNS),
        Place.LOCKS: (ledger, LOCKS),
    }
    return frozenset(Privilege(*where[place], action) for place, actions in row.needs.items() for action in actions.split())


def roles() -> dict[str, dict[str, list[str]]]:
    """By role, its actions on each collection of the database in which it is made. `read` is MongoDB's own."""
    return {"engine_loader": {EVERY: _actions(*Place)}, "engine_ledger": {RUNS: _actions(Place.RUNS), LOCKS: _actions(Place.LOCKS)}}


def _actions(*places: Place) -> list[str]:
    return sorted({action for row in TASKS for place in places for action in row.needs.get(place, "").split()})


def by_resource(lacking: Iterable[Privilege]) -> Iterator[tuple[str, str, list[str]]]:
    """Database, collection and actions, a resource at a time."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in sorted(lacking):
        found.setdefault((one.database, one.collection), []).append(one.action)
    yield from ((*resource, actions) for resource, actions in found.items())
