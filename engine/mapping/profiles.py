"""THE table of target profiles: what each kind of server can do. A row per server; what it cannot do is the engine's alone, and is said.

Sources: the MongoDB manual; for Amazon DocumentDB its developer guide (JSON schema validation, functional differences, index types and
index properties, elastic clusters). A profile counts what every release under its name can do, so what came in a later patch is absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

DOCUMENT_DB = re.compile(r"docdb(?P<elastic>-elastic)?\.amazonaws\.com(\.cn)?$", re.IGNORECASE)  # as MongoDB's own tools recognise it


@dataclass(frozen=True)
class Profile:
    """One kind of server.

    `validator`: it takes `$jsonSchema`. `beside`: also query operators and `$expr` beside it. `actions`: its validationActions.
    `without`: what its indexes cannot have (kinds of keys and options), each with the reason. `judges`: it can match a document that
    it does not store (`$documents`).
    """

    name: str
    validator: bool = True
    beside: bool = True
    actions: frozenset[str] = frozenset({"error", "warn"})
    rename: bool = True
    retryable_writes: bool = True
    without: Mapping[str, str] = field(default_factory=dict)
    judges: bool = True

    @property
    def beside_reason(self) -> str:
        """Why a query operator or `$expr` is the engine's alone here; empty where it is not."""
        if self.beside:
            return ""
        return f"{self.name} takes only $jsonSchema in a validator" if self.validator else self.validator_reason

    @property
    def validator_reason(self) -> str:
        """Why all of the validator is the engine's alone here; empty where it is not."""
        return "" if self.validator else f"{self.name} has no $jsonSchema"

    def index_problem(self, keys: Iterable[tuple[str, Any]], options: Iterable[str]) -> str | None:
        """What this server refuses of an index, or None."""
        kinds = [str(kind) for _, kind in keys] + (["wildcard"] if any("$**" in path for path, _ in keys) else [])
        return next((self.without[name] for name in (*kinds, *options) if name in self.without), None)


def _never(*names: str) -> dict[str, str]:
    return {name: f"has no {INDEX_WORDS.get(name, name)}" for name in names}


def _from(version: str, *names: str) -> dict[str, str]:
    return {name: f"has no {INDEX_WORDS.get(name, name)}: Amazon DocumentDB has it from {version}" for name in names}


INDEX_WORDS = {"text": "text index", "hashed": "hashed index", "wildcard": "wildcard index", "partialFilterExpression": "partial index",
               "collation": "collation of an index", "hidden": "hidden index", "weights": "weights of a text index",
               "default_language": "language of a text index", "wildcardProjection": "wildcard index"}  # fmt: skip
ALWAYS_ABSENT = _never("hashed", "weights", "default_language")
LATER_PATCH = _from("8.0.1", "hidden") | _from("8.0.3", "wildcard", "wildcardProjection")
FROM_5, FROM_8 = _from("5.0", "text", "partialFilterExpression"), _from("8.0", "collation")
DOCUMENTDB: dict[str, Any] = {
    "beside": False,
    "actions": frozenset({"error"}),
    "retryable_writes": False,
    "judges": False,
}

PROFILES: dict[str, Profile] = {
    row.name: row
    for row in (
        Profile("mongodb-6"),
        Profile("mongodb-7"),
        Profile("mongodb-8"),
        Profile("documentdb-4", **DOCUMENTDB, without=ALWAYS_ABSENT | FROM_5 | FROM_8 | LATER_PATCH),
        Profile("documentdb-5", **DOCUMENTDB, without=ALWAYS_ABSENT | FROM_8 | LATER_PATCH),
        Profile("documentdb-8", **DOCUMENTDB, without=ALWAYS_ABSENT | LATER_PATCH),
        Profile("documentdb-elastic", **DOCUMENTDB | {"validator": False, "rename": False},
                without=_never(*ALWAYS_ABSENT, *FROM_5, *FROM_8, *LATER_PATCH)),
    )
}  # fmt: skip
DEFAULT = PROFILES["mongodb-6"]


def detect(version: str, hosts: Iterable[str]) -> Profile:
    """The profile of a server: `version` as buildInfo gives it, `hosts` as the client reached them.

    Amazon DocumentDB poses as MongoDB; its host names tell. A server between or beyond the rows gets the nearest below, or the lowest.
    """
    found = [match for host in hosts if (match := DOCUMENT_DB.search(host))]
    if any(match["elastic"] for match in found):
        return PROFILES["documentdb-elastic"]
    family = "documentdb" if found else "mongodb"
    rows = [row for name, row in PROFILES.items() if re.fullmatch(family + r"-\d+", name)]
    major = int(version.partition(".")[0] or 0) if version[:1].isdigit() else 0
    return ([row for row in rows if int(row.name.rpartition("-")[2]) <= major] or rows[:1])[-1]
