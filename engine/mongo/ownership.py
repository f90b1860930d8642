"""Whose the live collection is: the engine's where a run made it or `engine adopt` took it over, else somebody else's.

The server's UUID tells a collection from another one of the same name: one that was dropped and made anew is not the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bson import encode
from pymongo import MongoClient
from pymongo.collection import Collection

from engine.errors import DataError, counted, finding
from engine.mapping.model import Mapping as Model
from engine.mongo.connection import database_of, translated
from engine.mongo.indexes import conflicting
from engine.mongo.kinds import NO_UUID, CollectionKind, collection_info
from engine.mongo.ledger import Ledger
from engine.mongo.state import VALIDATION
from engine.mongo.trees import EXACT
from engine.mongo.unique import wanted_indexes

TAKES_ALL = {
    "replace": "mode replace would drop it with all that it holds",
    "sync": "mode sync would delete every document that the source does not have",
}
RESTRICTING = {"unique": "refuse some of its documents", "expireAfterSeconds": "delete some of its documents"}  # what an index may do


@dataclass(frozen=True)
class Existing:
    """A collection that is there. `validation` are the options of `VALIDATION`, `options` the others; `indexes` are without _id_."""

    uuid: str
    documents: int
    validation: Mapping[str, Any]
    options: Mapping[str, Any]
    indexes: Mapping[str, Mapping[str, Any]]

    def has_validation(self, rules: dict[str, Any]) -> bool:
        """Whether its validation is exactly this; the order of keys counts, as the server keeps it."""
        whole = VALIDATION | rules
        return all(encode({"": self.validation[part]}) == encode({"": whole[part]}) for part in VALIDATION)

    def lacking(self, options: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any]:
        """Those of these options, and of these of validation, that it does not have."""
        others = {name: value for name, value in options.items() if self.options.get(name) != value}
        return others | ({} if not rules or self.has_validation(rules) else rules)

    def holds_nothing(self, rules: dict[str, Any], mapping: Model) -> bool:
        """Whether nothing of others is lost with it: no document, no validator and no index but the mapping's."""
        foreign = self.indexes.keys() - {index.name for index in mapping.indexes if not conflicting(index, self.indexes.values())}
        return not (self.documents or foreign) and (not self.validation["validator"] or self.has_validation(rules))

    @property
    def described(self) -> str:
        """What it holds, in words; no values."""
        return ", ".join(self._parts())

    def _parts(self) -> Iterator[str]:
        yield counted(self.documents, "document")
        yield f"indexes {', '.join(sorted(self.indexes))}" if self.indexes else "no index beyond _id_"
        how = f"{self.validation['validationLevel']}, {self.validation['validationAction']}"
        yield f"a validator ({how})" if self.validation["validator"] else "no validator"
        if self.options:
            yield f"options {', '.join(sorted(self.options))}"


def read_existing(collection: Collection[Any]) -> Existing | None:
    """What is there under this name; None for nothing. A view has no indexes. Raises the driver's errors."""
    database = collection.database.with_options(codec_options=EXACT)
    info = collection_info(database, collection.name)
    if info is None:
        return None
    listed: Any = database[collection.name].list_indexes() if info.kind is not CollectionKind.VIEW else ()
    return Existing(
        info.identity,
        collection.estimated_document_count() or int(collection.find_one({}, {"_id": 1}) is not None),
        {part: info.options.get(part, usual) for part, usual in VALIDATION.items()},
        {name: value for name, value in info.options.items() if name not in VALIDATION},
        {index["name"]: index for index in listed if dict(index["key"]) != {"_id": 1}},
    )


def read_uuid(collection: Collection[Any]) -> str:
    """The UUID of a collection that is there; `NO_UUID` where the server gives none. Raises the driver's errors."""
    found = collection_info(collection.database, collection.name)
    return found.identity if found else NO_UUID


@dataclass(frozen=True)
class Standing:
    """What is there, and whether a run may treat it as the engine's own; what is not there yet will be its own."""

    existing: Existing | None
    owned: bool


class Ownership:
    """Asks whose the live collection is: before a run does any work, and again right before it changes the collection.

    `rules` are the collection options that carry the mapping's validation.
    """

    def __init__(self, client: MongoClient[Any], mapping: Model, rules: dict[str, Any], ledger: Ledger) -> None:
        self._live: Collection[Any] = database_of(client, mapping.target.database)[mapping.target.collection]
        self.mapping, self.rules, self._ledger = mapping, rules, ledger

    def standing(self) -> Standing:
        """As it is now. Raises TargetError."""
        with translated():
            existing = read_existing(self._live)
        free = existing is None or existing.holds_nothing(self.rules, self.mapping)
        return Standing(existing, free or (existing is not None and self._ledger.made(existing.uuid)))

    def require(self) -> Standing:
        """The same. Raises DataError where the run would take, or shut out, what is somebody else's."""
        found = self.standing()
        if found.existing and not found.owned and (why := self._harm(found.existing)):
            raise DataError(foreign(self.mapping, found.existing, why))
        return found

    def _harm(self, existing: Existing) -> str:
        """What the run would do to a collection of others, in words; empty where it only adds to it."""
        if self.mapping.target.amends:
            return ""
        if taken := TAKES_ALL.get(self.mapping.target.mode):
            return taken
        if self.rules and self.mapping.validation.level != "off" and not existing.has_validation(self.rules):
            return 'the mapping would change its validation (with validation: {level: "off"} it stays as it is)'
        if changed := existing.lacking(self.mapping.target.options.changeable, {}):
            return f"the mapping would change its options: {', '.join(changed)}"
        added = [index for index in wanted_indexes(self._live, self.mapping.indexes) if index.name not in existing.indexes]
        harms = (f"the new index {index.name} may {RESTRICTING[option]}" for index in added for option in RESTRICTING if
                 index.options.get(option) not in (None, False))  # fmt: skip
        return next(harms, "")


def foreign(mapping: Model, existing: Existing, why: str) -> Any:
    """The finding about a collection that is not the engine's."""
    name = f"{mapping.target.database}.{mapping.target.collection}"
    message = f"{name} was not made by the engine: {existing.described}; {why}"
    hint = f"to take it over as it is: engine adopt --mapping {mapping.file}; or name another target.collection"
    return finding("foreign_collection", message, hint=hint, file=str(mapping.file))
