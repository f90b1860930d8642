"""What mode replace keeps of the live collection though the mapping does not name it: options, and indexes that others made.

Both are put on the staging collection, whose rename then changes documents only. The server is asked each time, since an administrator
may add an index while a load is under way. What makes documents expire is put on last, so that nothing expires while it is read back.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from engine.errors import Finding, TargetError, finding
from engine.mapping.model import SIMPLE, Index, Mapping
from engine.mongo.codes import INDEX_CONFLICTS, OTHER_COLLECTION, RETRYABLE
from engine.mongo.creation import creation_options
from engine.mongo.expiry import EXPIRY, Schedule, rules_of
from engine.mongo.fences import Fence, create_indexes
from engine.mongo.kinds import collection_info
from engine.mongo.unique import shared_keys, wanted_indexes

Spec = dict[str, Any]  # an index as `createIndexes` takes it
INTERNAL = frozenset({"v", "ns"})
HINT = "drop or rename that index on the server, change the mapping's indexes, or set target.foreign_indexes: drop"


@dataclass
class CarriedOver:
    """Between the `live` and the `staging` collection. `own`: names of the indexes that the mapping before this one declared.

    Indexes with other names are foreign. One of them may have the name of an index of the mapping, if it is the same.
    """

    live: Collection[Any]
    staging: Collection[Any]
    mapping: Mapping
    own: Names[str]
    _kept: list[str] = field(default_factory=list)
    _dropped: list[str] = field(default_factory=list)
    _expiry: int | None = None
    _collated: bool = False

    @property
    def notes(self) -> list[str]:
        """For the report."""
        found = {"kept": self._kept, "dropped": self._dropped}
        return [f"{what} what the mapping does not name: {', '.join(names)}" for what, names in found.items() if names]

    def options(self) -> dict[str, Any]:
        """What the staging collection is created with, besides the validation."""
        found, self._kept = creation_options(self.mapping, collection_info(self.live.database, self.live.name))
        self._expiry = found.pop(EXPIRY, None)
        self._collated = found.get("collation", {}).get("locale", SIMPLE) != SIMPLE
        return found

    def rehearse(self, fence: Fence) -> None:
        """Build all indexes on the empty staging collection, and drop them again. Raises TargetError where they do not go together."""
        foreign = self._foreign()
        for spec in foreign:
            self._build(spec, fence)
        for model in self.models():
            try:
                create_indexes(self.staging, [model], fence)
            except OperationFailure as error:
                if error.code not in INDEX_CONFLICTS or not foreign:
                    raise
                raise TargetError(_conflict(model.document, foreign)) from None
        self.staging.drop_indexes()

    def build(self, fence: Fence, attempt: int = 0, *, expiring: bool = False) -> None:
        """Build the foreign indexes that are not there yet; those that let documents expire only if asked to.

        Raises TargetError where the documents break one.
        """
        there = {index["name"] for index in self.staging.list_indexes()}
        for spec in self._foreign():
            if spec["name"] not in there and (expiring or EXPIRY not in spec):
                if spec.get("unique") and shared_keys(self.staging, _as_index(spec)):
                    raise TargetError(_broken(spec, "several documents have the same key"))
                self._build(spec, fence, attempt)
                self._kept.append(f"index {spec['name']}")

    def finish(self, fence: Fence, attempt: int = 0) -> None:
        """What is done right before the rename."""
        self.build(fence, attempt, expiring=True)
        if self._expiry is not None:
            self.staging.database.command("collMod", self.staging.name, expireAfterSeconds=self._expiry)

    def models(self) -> list[IndexModel]:
        """The mapping's indexes as the driver takes them; one that is hidden on the live collection stays so."""
        hidden = {index["name"] for index in self.live.list_indexes() if index.get("hidden")}
        kept = self.mapping.target.foreign_indexes == "keep"
        wanted = wanted_indexes(self.live, self.mapping.indexes) if kept else self.mapping.indexes
        return index_models(wanted, collated=self._collated, hidden=hidden)

    def schedule(self) -> Schedule | None:
        """For the TTL indexes that the live collection will have."""
        rules = rules_of([*(model.document for model in self.models()), *self._foreign()])
        return Schedule(rules) if rules else None

    def _foreign(self) -> list[Spec]:
        """Those of the live collection that are to be kept. One that says no collation has none, also where the collection has one."""
        found = [dict(index) for index in self.live.list_indexes()]
        foreign = [spec for spec in found if dict(spec["key"]) != {"_id": 1} and spec["name"] not in self.own]
        if self.mapping.target.foreign_indexes == "drop":
            named = {index.name for index in self.mapping.indexes}
            self._dropped = [f"index {spec['name']}" for spec in foreign if spec["name"] not in named]
            return []
        plain = {"collation": {"locale": SIMPLE}} if self._collated else {}
        return [plain | {name: value for name, value in spec.items() if name not in INTERNAL} for spec in foreign]

    def _build(self, spec: Spec, fence: Fence, attempt: int = 0) -> None:
        try:
            create_indexes(self.staging, [_model(spec)], fence, attempt)
        except OperationFailure as error:
            if error.code in RETRYABLE or error.code == OTHER_COLLECTION:
                raise
            raise TargetError(_broken(spec, f"the server refuses to build it, with code {error.code}")) from None


def index_models(indexes: Sequence[Index], *, collated: bool, hidden: Names[str] = ()) -> list[IndexModel]:
    """Indexes of a mapping as the driver takes them, for a collection with or without a collation."""
    return [
        IndexModel(
            list(index.keys), name=index.name, **index.options_on(collated=collated), **({"hidden": True} if index.name in hidden else {})
        )
        for index in indexes
    ]


def _model(spec: Spec) -> IndexModel:
    return IndexModel(list(spec["key"].items()), **{name: value for name, value in spec.items() if name != "key"})


def _as_index(spec: Spec) -> Index:
    return Index(spec["name"], tuple(spec["key"].items()), {name: value for name, value in spec.items() if name not in ("name", "key")})


def _conflict(wanted: Spec, foreign: Sequence[Spec]) -> Finding:
    """By name, else by keys; a collection can also have too many indexes, or two text indexes."""
    alike = [spec["name"] for spec in foreign if spec["name"] == wanted["name"] or dict(spec["key"]) == dict(wanted["key"])]
    other = f"index {alike[0]}" if alike else f"another index ({', '.join(spec['name'] for spec in foreign)})"
    message = f"index {wanted['name']} conflicts with {other} of the live collection, which the mapping before did not declare"
    return finding("foreign_index", f"{message}; nothing was done", hint=HINT)


def _broken(spec: Spec, why: str) -> Finding:
    unique = "unique index" if spec.get("unique") else "index"
    message = f"{why}: {unique} {spec['name']} ({', '.join(spec['key'])}) of the live collection, which the mapping does not name"
    return finding("foreign_index", f"{message}; nothing was published", hint=f"correct the source; or {HINT}")
