"""Where documents go, and how the server treats them."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from engine.mapping.model.collection_options import COLLATION, SIMPLE, CollectionOptions
from engine.mapping.model.timeseries import TimeSeries
from engine.mapping.patterns import COLLECTION, DATABASE
from engine.mapping.profiles import PROFILES
from engine.values.keys import At, Keys, key

Mode = Literal["replace", "upsert", "append", "sync", "update", "delete"]
AMENDING = ("update", "delete")
"""Modes that only change documents that are there."""
OnMatch = Literal["replace", "merge", "ignore"]
ForeignIndexes = Literal["keep", "drop"]
KEY_INDEX = "target_key"
"""The name of the index that the engine makes for a target's key."""
ValidationLevel = Literal["strict", "moderate", "off"]
ValidationAction = Literal["error", "warn"]
ExistingDocuments = Literal["refuse", "keep"]


@dataclass(frozen=True)
class Target:
    """Where documents go."""

    database: Annotated[str, key("Database name.", "medicaldb", pattern=DATABASE)]
    collection: Annotated[str, key("Collection name.", "admissions", pattern=COLLECTION)]
    was: Annotated[
        str,
        key("The name that the collection had before: `engine apply` renames it, with all that the ledger knows of it. It may stay here: "
            "afterwards it has no further effect.", "stays", pattern=COLLECTION),
    ] = field(default="", compare=False)  # fmt: skip
    mode: Annotated[
        Mode,
        key("replace: a new collection takes the place of the live one, at once and as a whole. The others write into the live "
            "one, by _id or by `key`: upsert adds new documents and changes existing ones; append only adds; sync does an upsert, then "
            "deletes documents that the source does not have; update only changes documents that are there, at the mapped paths; delete "
            "deletes the documents that the source names. update and delete leave validator and indexes as they are.", "upsert"),
    ] = "replace"  # fmt: skip
    key_paths: Annotated[
        tuple[str, ...],
        At("key"),
        key("Paths of fields by which live documents are matched instead of by _id: the _ids of existing documents stay. No two documents "
            "may have the same key: a unique index over exactly these paths is made, unless the mapping or the collection has one.",
            ["country", "number"], minItems=1, uniqueItems=True),
    ] = ()  # fmt: skip
    on_match: Annotated[
        OnMatch,
        key("In the modes upsert and update, what to do with a live document that matches: replace the mapped fields (upsert in a closed "
            "collection: the whole document), merge (change the mapped fields that have a value, leave the others), or, in mode upsert, "
            "ignore (leave it as it is).", "merge"),
    ] = "replace"  # fmt: skip
    profile: Annotated[
        str | None,
        key("The kind of server that the mapping is written for. Without it, the one that is found at run time.", "documentdb-5",
            enum=list(PROFILES)),
    ] = None  # fmt: skip
    options: Annotated[
        CollectionOptions,
        key("MongoDB's options of the collection. An option that is not named here stays as it is, in every mode.",
            {"collation": {"locale": "fr", "strength": 1}}, default=None),
    ] = field(default_factory=CollectionOptions)  # fmt: skip
    timeseries: Annotated[
        TimeSeries | None,
        key("Make a time series collection, which MongoDB stores by time. Only for mode append: documents there are never changed.",
            {"timeField": "measured_at", "metaField": "sensor", "granularity": "minutes"}),
    ] = None  # fmt: skip
    foreign_indexes: Annotated[
        ForeignIndexes,
        key("In mode replace, what to do with indexes of the live collection that neither this mapping nor the one before it names: "
            "build them on the new collection too, or drop them.", "drop"),
    ] = "keep"  # fmt: skip

    @property
    def creation(self) -> dict[str, Any]:
        """The options, besides those of validation, that the mapping gives a new collection."""
        return {**self.options.as_written, **(self.timeseries.creation if self.timeseries else {})}

    @property
    def amends(self) -> bool:
        """Whether it only changes documents that are there; the shape of the collection is another mapping's, or somebody else's."""
        return self.mode in AMENDING


_INDEX_OPTIONS = Keys(
    unique=key("No two documents may have the same key values.", True, type="boolean"),
    sparse=key("Leave out documents without the field.", True, type="boolean"),
    expireAfterSeconds=key(
        "TTL: delete documents this many seconds after the date in the field.", 86400, type="integer", minimum=0, maximum=2_147_483_647
    ),
    partialFilterExpression=key("Index only the documents that match.", {"status": "active"}, type="object"),
    collation=COLLATION,
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

    @property
    def is_text(self) -> bool:
        """Whether it indexes words."""
        return any(kind == "text" for _, kind in self.keys)

    def options_on(self, *, collated: bool) -> dict[str, Any]:
        """Its options on a collection with or without a collation, which a text index cannot inherit."""
        plain = {"collation": {"locale": SIMPLE}} if collated and self.is_text else {}
        return {**plain, **self.options}

    def tells_apart(self, paths: Collection[str]) -> bool:
        """Whether it is unique over exactly these paths, in all documents and by the server's usual comparison."""
        plain = self.options.get("unique") and not {"sparse", "partialFilterExpression", "collation"} & self.options.keys()
        return bool(plain) and {path for path, _ in self.keys} == set(paths) and all(kind in (1, -1) for _, kind in self.keys)


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

    existing: Annotated[
        ExistingDocuments,
        key("What to do where documents are there that the new validator refuses: refuse (nothing is changed), or keep (they stay, and "
            "can still be updated: level moderate).", "keep"),
    ] = "refuse"  # fmt: skip

    @property
    def open(self) -> bool:
        """Whether documents of the collection may have fields that are not in the mapping: others may keep something there."""
        return self.additional or self.server_level != "strict" or self.action != "error"

    @property
    def server_level(self) -> ValidationLevel:
        """The level that the collection gets."""
        return "moderate" if self.existing == "keep" and self.level == "strict" else self.level

    @property
    def keeps(self) -> str:
        """Why documents stay that break the validator: as the mapping asks, or because the server takes such documents; empty if not."""
        reasons = {"existing: keep": self.existing == "keep", "level: off": self.level == "off", "action: warn": self.action == "warn"}
        return next((f"validation.{reason}" for reason, holds in reasons.items() if holds), "")

    @property
    def refuses(self) -> bool:
        """Whether the server refuses a new document that is not as it must be."""
        return self.level != "off" and self.action == "error"

    @property
    def shuts_out(self) -> bool:
        """Whether the server refuses an update of a document that is there and breaks the validator."""
        return self.server_level == "strict" and self.action == "error"
