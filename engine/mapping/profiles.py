"""THE table of target profiles: what each kind of server can do. What it cannot do, the engine does alone, and reports.

Sources: the MongoDB manual; for Amazon DocumentDB its developer guide (JSON schema validation, functional differences, index types and
index properties, collation, elastic clusters). A profile has only what every release under its name can do, without what came in a later
patch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

DOCUMENT_DB = re.compile(r"docdb(?P<elastic>-elastic)?\.amazonaws\.com(\.cn)?$", re.IGNORECASE)  # as MongoDB's own tools recognise it


@dataclass(frozen=True)
class ServerProfile:
    """One kind of server.

    `validator`: it accepts `$jsonSchema`. `query_operators`: also query operators and `$expr` beside it. `actions`: its validationActions.
    `unsupported_index_features`: what its indexes cannot have (kinds of keys and options), each with the reason; `unsupported_options`: the
    same of its collections. `matches_unstored`: it can match a document that it does not store (`$documents`). `lists_privileges`: it says
    what an account may do (`connectionStatus`). `fenced_writes`: writes take `collectionUUID` and `let` (MongoDB 6.0).
    """

    name: str
    validator: bool = True
    query_operators: bool = True
    actions: frozenset[str] = frozenset({"error", "warn"})
    can_rename: bool = True
    retryable_writes: bool = True
    unsupported_index_features: Mapping[str, str] = field(default_factory=dict)
    unsupported_options: Mapping[str, str] = field(default_factory=dict)
    matches_unstored: bool = True
    lists_privileges: bool = True
    fenced_writes: bool = True

    @property
    def beside_reason(self) -> str:
        """Why the engine alone enforces a query operator or `$expr` here; empty where the server does, too."""
        if self.query_operators:
            return ""
        return f"{self.name} accepts only $jsonSchema in a validator" if self.validator else self.validator_reason

    @property
    def validator_reason(self) -> str:
        """Why the engine alone enforces all of the validator here; empty where the server does, too."""
        return "" if self.validator else f"{self.name} has no $jsonSchema"

    def index_problem(self, keys: Iterable[tuple[str, Any]], options: Iterable[str]) -> str | None:
        """Why this server cannot build an index, or None."""
        kinds = [str(kind) for _, kind in keys] + (["wildcard"] if any("$**" in path for path, _ in keys) else [])
        return next((self.unsupported_index_features[name] for name in (*kinds, *options) if name in self.unsupported_index_features), None)

    def option_problem(self, options: Iterable[str]) -> tuple[str, str] | None:
        """The first option of `create` that this server does not have, and why; or None."""
        return next(((name, self.unsupported_options[name]) for name in options if name in self.unsupported_options), None)


def _never(*names: str) -> dict[str, str]:
    return {name: f"has no {WORDS.get(name, name)}" for name in names}


def _from(version: str, *names: str) -> dict[str, str]:
    return {name: f"has no {WORDS.get(name, name)}: Amazon DocumentDB has it from {version}" for name in names}


WORDS = {"text": "text index", "hashed": "hashed index", "wildcard": "wildcard index", "partialFilterExpression": "partial index",
               "collation": "collation", "default_language": "language for text indexes", "clusteredIndex": "clustered collections",
               "timeseries": "time series collections",
               "changeStreamPreAndPostImages": "images of documents before a change"}  # fmt: skip
ALWAYS_ABSENT = _never("hashed", "default_language")
LATER_PATCH = _from("8.0.3", "wildcard")
FROM_5, FROM_8 = _from("5.0", "text", "partialFilterExpression"), _from("8.0", "collation")
NO_OPTIONS = _never("timeseries", "clusteredIndex", "changeStreamPreAndPostImages")
DOCUMENTDB: dict[str, Any] = {
    "query_operators": False,
    "actions": frozenset({"error"}),
    "retryable_writes": False,
    "matches_unstored": False,
    "lists_privileges": False,
    "fenced_writes": False,
}

MONGODB_VERSIONS = (6, 7, 8)  # they differ in nothing that the engine uses; each is a name that a mapping may be written for
PROFILES: dict[str, ServerProfile] = {
    row.name: row
    for row in (
        *(ServerProfile(f"mongodb-{version}") for version in MONGODB_VERSIONS),
        ServerProfile("documentdb-4", **DOCUMENTDB, unsupported_index_features=ALWAYS_ABSENT | FROM_5 | FROM_8 | LATER_PATCH,
                unsupported_options=NO_OPTIONS | FROM_8),
        ServerProfile("documentdb-5", **DOCUMENTDB, unsupported_index_features=ALWAYS_ABSENT | FROM_8 | LATER_PATCH,
                unsupported_options=NO_OPTIONS | FROM_8),
        ServerProfile("documentdb-8", **DOCUMENTDB, unsupported_index_features=ALWAYS_ABSENT | LATER_PATCH, unsupported_options=NO_OPTIONS),
        ServerProfile("documentdb-elastic", **DOCUMENTDB | {"validator": False, "can_rename": False},
                unsupported_index_features=_never(*ALWAYS_ABSENT, *FROM_5, *FROM_8, *LATER_PATCH),
                unsupported_options=_never(*NO_OPTIONS, *FROM_8)),
    )
}  # fmt: skip
DEFAULT = PROFILES["mongodb-6"]


def detect(version: str, hosts: Iterable[str]) -> ServerProfile:
    """The profile of a server: `version` as buildInfo gives it, `hosts` as the client reached them.

    Amazon DocumentDB presents itself as MongoDB; its host names tell. A version between or beyond the rows gets the next lower profile.
    """
    found = [match for host in hosts if (match := DOCUMENT_DB.search(host))]
    if any(match["elastic"] for match in found):
        return PROFILES["documentdb-elastic"]
    family = "documentdb" if found else "mongodb"
    rows = [row for name, row in PROFILES.items() if re.fullmatch(family + r"-\d+", name)]
    major = int(version.partition(".")[0] or 0) if version[:1].isdigit() else 0
    return ([row for row in rows if int(row.name.rpartition("-")[2]) <= major] or rows[:1])[-1]
