"""Where documents go, and how the server treats them."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from engine.mapping.keys import COLLECTION, DATABASE, key
from engine.mapping.profiles import PROFILES

Mode = Literal["replace", "upsert", "append", "sync"]
OnMatch = Literal["replace", "merge"]
ValidationLevel = Literal["strict", "moderate", "off"]
ValidationAction = Literal["error", "warn"]


@dataclass(frozen=True)
class Target:
    """Where documents go."""

    database: Annotated[str, key("Database name.", "medicaldb", pattern=DATABASE)]
    collection: Annotated[str, key("Collection name.", "admissions", pattern=COLLECTION)]
    mode: Annotated[
        Mode,
        key("replace: a new collection takes the place of the live one, at once and as a whole. The others write into the live "
            "one, by _id: upsert adds new documents and changes existing ones; append only adds; sync does an upsert, then deletes "
            "documents that the source does not have.", "upsert"),
    ] = "replace"  # fmt: skip
    on_match: Annotated[
        OnMatch,
        key("In mode upsert, what to do with a document whose _id exists: replace all of it, or merge (change the mapped "
            "fields that have a value, leave the others).", "merge"),
    ] = "replace"  # fmt: skip
    profile: Annotated[
        str | None,
        key("The kind of server that the mapping is written for. Without it, the one that is found at run time.", "documentdb-5",
            enum=list(PROFILES)),
    ] = None  # fmt: skip


@dataclass(frozen=True)
class Index:
    """One index: ordered keys and MongoDB's options."""

    name: str
    keys: tuple[tuple[str, int | str], ...]
    options: MappingOf[str, Any] = field(default_factory=dict)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Validation:
    """How the server treats documents that break the validator."""

    level: Annotated[
        ValidationLevel,
        key("strict: check all writes; moderate: all but updates of documents that are already invalid; off: none.", "strict"),
    ] = "strict"
    action: Annotated[ValidationAction, key("error refuses the write; warn only logs it (whole documents, on the server).", "error")] = (
        "error"
    )
    additional: Annotated[bool, key("Whether documents may have fields that are not in the mapping.", False)] = False
