"""Why an apply cannot be done at a server, whatever is allowed: found before anything is changed, for `plan` and `apply` alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pymongo import MongoClient
from pymongo.collection import Collection

from engine.apply.clashes import clashes
from engine.errors import Finding, finding
from engine.evolution.counts import Counts
from engine.evolution.planning import reload
from engine.evolution.rewriting import Rewriting
from engine.evolution.steps import remade_indexes
from engine.mapping.model import Index, Mapping
from engine.mapping.profiles import ServerProfile
from engine.mongo.asides import name_too_long
from engine.mongo.ownership import Existing
from engine.mongo.unique import not_unique


def unsupported(client: MongoClient[Any], new: Mapping, profile: ServerProfile) -> Iterator[Finding]:
    """What the server lacks."""
    way = reload(new.target, renames=profile.can_rename)
    if not (profile.validator and profile.query_operators):
        message = f"apply works on MongoDB only; {profile.name} cannot hold the validator that it needs meanwhile"
        yield finding("profile", message, hint=way)
        return
    hello = client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        message = "apply needs transactions, which a server outside a replica set does not have"
        yield finding("no_transactions", message, hint=f"{way}; or make the server a replica set")


def refused_indexes(
    collection: Collection[Any], existing: Existing, old: Mapping, new: Mapping, rewrite: Rewriting,
    *, own: Iterable[Index] = (), estimate: bool = False,
) -> Iterator[Finding]:  # fmt: skip
    """Indexes that cannot be built; `own` are of the engine, beside those of the old mapping.

    One pass for each unique index that is not there yet, or whose values change; none for an estimate.
    """
    yield from clashes(existing, new, (*old.indexes, *own), rebuilds=True)
    if estimate:
        return
    yield from not_unique(collection, new, rewrite.whole, remade_indexes(old, new, rewrite))


def unnamable(new: Mapping, counts: Counts | None) -> Iterator[Finding]:
    """Documents would be set aside, in a collection whose name the server would not take."""
    if counts and counts.refused and not counts.stay and (too_long := name_too_long(new.target)):
        yield too_long
