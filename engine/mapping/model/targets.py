"""Where documents go, and how the server treats them."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from engine.mapping.patterns import COLLECTION, DATABASE
from engine.mapping.profiles import PROFILES
from engine.values.keys import Keys, key, section

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


_COLLATION = section(
    "Language-specific rules for comparing texts.",
    {
        "locale": key("ICU locale; simple compares bytes.", "fr", type="string"),
        "strength": key("1 base letters, 2 also accents, 3 also case (MongoDB's default), 4 and 5 finer.", 2, enum=[1, 2, 3, 4, 5]),
        "caseLevel": key("Compare case at strength 1 or 2.", True, type="boolean"),
        "caseFirst": key("Which case sorts first.", "upper", enum=["upper", "lower", "off"]),
        "numericOrdering": key("Compare digits as numbers.", True, type="boolean"),
        "alternate": key("Whether blanks and punctuation count.", "shifted", enum=["non-ignorable", "shifted"]),
        "maxVariable": key("What `alternate: shifted` ignores.", "punct", enum=["punct", "space"]),
        "backwards": key("Compare accents from the end (French).", True, type="boolean"),
        "normalization": key("Normalise the texts before comparing.", True, type="boolean"),
    },
    ("locale",),
    example={"locale": "en", "strength": 2},
)

_INDEX_OPTIONS = Keys(
    unique=key("No two documents may have the same key values.", True, type="boolean"),
    sparse=key("Leave out documents without the field.", True, type="boolean"),
    expireAfterSeconds=key("TTL: delete documents this many seconds after the date in the field.", 86400, type="integer", minimum=0),
    partialFilterExpression=key("Index only the documents that match.", {"status": "active"}, type="object"),
    collation=_COLLATION,
    default_language=key("Language of a text index.", "english", type="string"),
)


def _pairs(raw: MappingOf[str, int | str]) -> tuple[tuple[str, int | str], ...]:
    return tuple(raw.items())


@dataclass(frozen=True)
class Index:
    """One index: ordered keys and MongoDB's options."""

    name: str
    keys: Annotated[
        tuple[tuple[str, int | str], ...],
        key("Fields in order: 1, -1, text, 2dsphere or hashed.", {"patient.name": 1, "stay.admission_date": -1}, type="object",
            minProperties=1, maxProperties=32, additionalProperties={"enum": [1, -1, "text", "2dsphere", "hashed"]}),
        _pairs,
    ]  # fmt: skip
    options: Annotated[MappingOf[str, Any], _INDEX_OPTIONS] = field(default_factory=dict)
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

    @property
    def open(self) -> bool:
        """Whether documents of the collection may have fields that are not in the mapping: others may keep something there."""
        return self.additional or self.level != "strict" or self.action != "error"
