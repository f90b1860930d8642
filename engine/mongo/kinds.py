"""What a name in a database stands for: a collection, a view or a time series collection, with its options and UUID.

Everything that writes asks here first, before a source is read: what can take no load is refused with a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from bson.binary import Binary
from pymongo.database import Database

from engine.errors import TargetError, finding
from engine.mapping.model import Mapping, TimeSeries
from engine.mongo.connection import Client, translated

BUCKETS = "system.buckets."  # before the name of a time series collection: the collection that stores it, and has its UUID
NO_UUID = "none"  # of a collection on a server that gives none
SHOWN = ("timeField", "metaField", "granularity", "expireAfterSeconds")
OTHER_NAME = "name another target.collection"


class CollectionKind(StrEnum):
    """The texts are the server's, from `listCollections`."""

    COLLECTION = "collection"
    VIEW = "view"
    TIMESERIES = "timeseries"


@dataclass(frozen=True)
class CollectionInfo:
    """What is there under a name. `options` are those of `create`; `uuid` is None for a view, and where the server tells none."""

    name: str
    kind: CollectionKind
    options: MappingOf[str, Any]
    uuid: Binary | None

    @property
    def identity(self) -> str:
        """The UUID as text; `NO_UUID` without one."""
        return NO_UUID if self.uuid is None else str(UUID(bytes=bytes(self.uuid)))

    @property
    def series(self) -> dict[str, Any]:
        """Of a time series collection: its fields, granularity and expiry, by MongoDB's names; empty for another one."""
        expiry = {"expireAfterSeconds": self.options["expireAfterSeconds"]} if "expireAfterSeconds" in self.options else {}
        return {**self.options["timeseries"], **expiry} if "timeseries" in self.options else {}

    @property
    def capped(self) -> bool:
        """Whether the server deletes the oldest documents to make room for new ones."""
        return bool(self.options.get("capped"))


def collection_info(database: Database[Any], name: str) -> CollectionInfo | None:
    """What is there under a name, None for nothing. Raises the driver's errors."""
    listed = {found["name"]: found for found in database.list_collections(filter={"name": {"$in": [name, BUCKETS + name]}})}
    if name not in listed:
        return None
    found, stored = listed[name], listed.get(BUCKETS + name, listed[name])
    kind = CollectionKind(found.get("type", CollectionKind.COLLECTION))
    return CollectionInfo(name, kind, found.get("options", {}), stored.get("info", {}).get("uuid"))


def require_loadable(client: Client, mapping: Mapping) -> None:
    """Raises TargetError where the mapping's target is something that cannot take its documents, or would not keep them."""
    target = mapping.target
    with translated():
        found = collection_info(client[target.database], target.collection)
    if found and (wrong := _unsuitable(found, target.timeseries)):
        message, hint = wrong
        raise TargetError(finding("target_kind", f"{target.database}.{target.collection} is {message}; nothing was done", hint=hint))


def _unsuitable(found: CollectionInfo, declared: TimeSeries | None) -> tuple[str, str] | None:
    """What it is and why that cannot be, and what to do instead."""
    if found.kind is CollectionKind.VIEW:
        return f"a view of {found.options.get('viewOn')}, and a view cannot be written", OTHER_NAME
    if found.kind is CollectionKind.TIMESERIES or declared:
        return _other_series(found, declared)
    if found.capped:
        return "a capped collection: the server deletes its oldest documents by itself, so what is loaded would not stay", OTHER_NAME
    return None


def _other_series(found: CollectionInfo, declared: TimeSeries | None) -> tuple[str, str] | None:
    """Whether a time series collection is the one that the mapping declares, as far as it does."""
    if found.kind is not CollectionKind.TIMESERIES:
        return "a plain collection, and the mapping declares a time series collection", f"{OTHER_NAME}, or remove target.timeseries"
    there = {name: value for name, value in found.series.items() if name in SHOWN}
    shown = ", ".join(f"{name}: {value}" for name, value in there.items())
    if declared is None:
        return f"a time series collection ({shown})", f"add target.timeseries: {{{shown}}} with mode: append, or {OTHER_NAME}"
    wanted = {"metaField": "", **declared.as_written}
    other = next((name for name, value in wanted.items() if found.series.get(name, "") != value), "")
    if not other:
        return None
    said = f"{other}: {wanted[other]}" if wanted[other] != "" else f"no {other}"
    hint = "correct target.timeseries; or change the collection on the server (collMod), where MongoDB allows it"
    return f"a time series collection ({shown}), and the mapping declares {said}", hint
