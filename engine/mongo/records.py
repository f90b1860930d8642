"""What the ledger holds of one run or apply, as a `RunRecord`: what is read back has a type, and goes to BSON and back here alone.

A record carries the version of its form. One that a newer engine wrote is refused, never guessed at; a change of form raises `VERSION`
and says here how the older one is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from engine.errors import DataError, finding
from engine.mongo.asides import Left, SetAside, lefts_as_plain, lefts_of
from engine.mongo.state import CollectionState

VERSION = 1


class Outcome(StrEnum):
    """The state of a run or an apply, or how it ended. The texts are those of `--json` and of the ledger."""

    RUNNING = "running"
    PUBLISHED = "published"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    UNDONE = "undone"  # an apply that did not finish, and that a later one has taken back
    NOT_PUBLISHED = "not published"  # refused before its load began; or another collection of the mapping failed
    DRY_RUN = "dry run"
    DEAD = "dead"  # its process ended without a word


class Kind(StrEnum):
    """What was done: a load by `engine run` or `engine rejects retry`, an `engine apply`, an `engine adopt`, or `engine set-aside`.

    Of the last one: documents that were set aside were brought back, or dropped.
    """

    LOAD = "load"
    APPLY = "apply"
    ADOPT = "adopt"
    RESTORE = "restore"
    DROP = "drop"


@dataclass
class Accounting:
    """What became of each row: rows_read = documents + grouped + duplicates + rejected + filtered.

    `grouped` are rows that went into the document of the first one of their group.
    """

    rows_read: int = 0
    documents: int = 0
    grouped: int = 0
    duplicates: int = 0
    rejected: int = 0
    filtered: int = 0

    @property
    def balanced(self) -> bool:
        """Whether that equation holds."""
        return self.rows_read == self.documents + self.grouped + self.duplicates + self.rejected + self.filtered


@dataclass(frozen=True, order=True)
class Reason:
    """Why rows were rejected, counted with a warning or lost a value: a code, the path or column concerned, and the rule in words."""

    code: str
    path: str
    message: str


def reasons_as_plain(reasons: Counter[Reason]) -> list[dict[str, Any]]:
    """For JSON and BSON, the most frequent first."""
    return [{**asdict(reason), "rows": rows} for reason, rows in reasons.most_common()]


def _reasons(plain: Iterable[dict[str, Any]]) -> Counter[Reason]:
    return Counter({Reason(**{name: text for name, text in reason.items() if name != "rows"}): reason["rows"] for reason in plain})


@dataclass(frozen=True)
class Actor:
    """Who did it, and with what. `account` is the one on the server, empty where it has none; `command` is without secrets.

    `commit` is the one that is checked out where the mapping file lies, empty where there is none; `uncommitted`: the file differs from it.
    `reason` is why, in the user's words.
    """

    user: str
    account: str
    host: str
    pid: int
    command: tuple[str, ...]
    commit: str = ""
    uncommitted: bool = False
    reason: str = ""

    def as_document(self) -> dict[str, Any]:
        """For BSON and JSON."""
        return asdict(self) | {"command": list(self.command)}

    @classmethod
    def of(cls, document: dict[str, Any]) -> Actor:
        """Back from the ledger."""
        return cls(**document | {"command": tuple(document["command"])})


@dataclass(frozen=True)
class RunRecord:
    """One run or apply. Times are UTC by the server's clock, to be shown only; what is as its default was never set.

    `named` is the collection's name in the text of the mapping, where it has another one now.
    `renames` are the name that the collection had before an apply, or its undoing, and the one that it gives it.
    `fence` is that of the lock which the run held: of two records of a collection, the one with the higher fence is the later one.
    `previous` is the run whose documents an apply changed. `applied` is the mapping as it was meant, with all variables filled in; `live`
    the collection's state after it was published. `rows_done`, in the modes upsert and append: all rows up to this one are written and
    were read back. `resumed` is the run or apply that this one went on from. Of an apply, `done` are its finished steps, `position` the
    last `_id` that the step under way has rewritten, `steps` the log; `dropping`: values or documents are being dropped, or were.
    `rejected` are ranges of a published load's rejected rows, None where they are too many to be kept; `settled` are ranges of the rows
    that a retry took out of the rejects of the run `retry_of`. `beforehand` is the state of the collection, but for its documents, when the
    apply or the first of its attempts began, and `kept_in` the collection of the values that it replaced and cannot compute back; after an
    undo, `unfit` counts documents of others that the mapping refuses. `aside` is what an apply set aside; `left` says which documents that
    were set aside came back, or were dropped by a record of kind drop. `uuid` is that of the collection that the run made, or has as its
    own (`ownership`). `beside` are the earlier runs whose documents have another shape and are still there. `lagging` are earlier runs in
    whose shape others go on writing, which an apply brings to its own. `details` is what else people are shown (the report of a run); the
    engine never reads it.
    """

    run_id: str
    database: str = ""
    collection: str = ""
    named: str = ""
    fence: int = 0
    record_version: int = VERSION
    kind: Kind = Kind.LOAD
    mode: str = ""
    outcome: Outcome = Outcome.RUNNING
    stage: str = ""
    started_at: datetime | None = None
    heartbeat: datetime | None = None
    finished_at: datetime | None = None
    by: Actor | None = None
    engine: str = ""
    mapping: str = ""
    mapping_sha256: str = ""
    meaning_sha256: str = ""
    applied: str = ""
    live: CollectionState | None = None
    uuid: str = ""
    renames: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    lagging: tuple[str, ...] = ()
    resumed: str = ""
    limit: int | None = None
    source_sha256: str = ""
    rows_done: int = 0
    retry_of: str = ""
    settled: tuple[list[int], ...] = ()
    rejected: tuple[list[int], ...] | None = None
    accounting: Accounting | None = None
    rejects: Counter[Reason] | None = None
    nulled: Counter[Reason] | None = None
    seconds: float | None = None
    previous: str = ""
    allow: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    position: Any = None
    steps: tuple[dict[str, Any], ...] = ()
    dropping: bool = False
    aside: SetAside | None = None
    left: tuple[Left, ...] = ()
    beforehand: CollectionState | None = None
    unfit: int = 0
    kept_in: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def as_document(self) -> dict[str, Any]:
        """The BSON document; what was never set is not in it."""
        known = {name: getattr(self, name) for name in KEYS}
        return as_fields(self.details, {name: value for name, value in known.items() if name in ALWAYS or value != UNSET[name]})

    @classmethod
    def of(cls, document: dict[str, Any]) -> RunRecord:
        """Back from BSON, also from a part of the document. Raises DataError for a record of a newer form."""
        if (version := document.get(KEYS["record_version"], VERSION)) > VERSION:
            message = f"run {document['_id']} was recorded in form {version}, this engine reads those up to {VERSION}"
            raise DataError(finding("newer_record", message, hint="use the engine that recorded it, or a newer one"))
        known = {name: READ.get(name, _same)(document[key]) for name, key in KEYS.items() if key in document}
        return cls(**known, details={key: value for key, value in document.items() if key not in NAMES})

    def followed_by(self, run_id: str, **facts: Any) -> RunRecord:
        """The record of another one that leaves this one's mapping applied: with all that says what the documents are."""
        return RunRecord(run_id, **{name: getattr(self, name) for name in SHAPE}, **facts)

    def does_the_same(self, other: RunRecord) -> bool:
        """Whether two loads do the same with the same file, so that one may go on where the other ended."""
        return all(getattr(self, name) == getattr(other, name) for name in SAME)


def as_fields(details: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Fields of a record as they are in its document. Raises KeyError for one that a record does not have."""
    written = {KEYS[name]: WRITTEN.get(name, _same)(value) for name, value in known.items()}
    return written | {key: value for key, value in details.items() if key not in written}


def _same(value: Any) -> Any:
    return value


UNSET = {target_field.name: target_field.default for target_field in fields(RunRecord) if target_field.name != "details"}
KEYS = {name: {"run_id": "_id", "previous": "from"}.get(name, name) for name in UNSET}
NAMES = frozenset(KEYS.values())
ALWAYS = ("run_id", "database", "collection", "record_version", "kind", "outcome", "limit")
SHAPE = ("database", "collection", "named", "mapping", "meaning_sha256", "applied", "beside")
SAME = ("database", "collection", "mapping", "mapping_sha256", "meaning_sha256", "engine", "mode", "limit", "source_sha256")

READ: dict[str, Callable[[Any], Any]] = {
    "kind": Kind,
    "outcome": Outcome,
    "by": Actor.of,
    "live": CollectionState.of,
    "beside": tuple,
    "lagging": tuple,
    "renames": tuple,
    "settled": tuple,
    "rejected": tuple,
    "accounting": lambda plain: Accounting(**plain),
    "rejects": _reasons,
    "nulled": _reasons,
    "allow": tuple,
    "done": tuple,
    "steps": tuple,
    "aside": SetAside.of,
    "left": lefts_of,
    "beforehand": CollectionState.of,
}
WRITTEN: dict[str, Callable[[Any], Any]] = {
    "kind": str,
    "outcome": str,
    "by": Actor.as_document,
    "live": CollectionState.as_document,
    "beside": list,
    "lagging": list,
    "renames": list,
    "settled": list,
    "rejected": list,
    "accounting": asdict,
    "rejects": reasons_as_plain,
    "nulled": reasons_as_plain,
    "allow": list,
    "done": list,
    "steps": list,
    "aside": SetAside.as_document,
    "left": lefts_as_plain,
    "beforehand": CollectionState.as_document,
}
