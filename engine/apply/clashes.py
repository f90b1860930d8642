"""Indexes of the mapping that cannot be built beside those of the live collection: found before anything is done, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.errors import Finding
from engine.mapping.model import KEY_INDEX, Index
from engine.mapping.model import Mapping as Model
from engine.mongo.indexes import conflicting, is_same
from engine.mongo.ownership import Existing

Spec = Mapping[str, Any]


def clashes(existing: Existing | None, mapping: Model, earlier: Iterable[Index], *, rebuilds: bool = False) -> Iterator[Finding]:
    """The indexes of the mapping that the server would refuse to build; without a hint where the engine itself made what is in the way.

    `earlier` are those of the mapping that was applied last: they are the engine's, and with `rebuilds` they will be dropped.
    """
    own, specs = list(earlier), list(existing.indexes.values()) if existing else []
    clashing = [(index, other) for index in mapping.indexes if index.name != KEY_INDEX and (other := conflicting(index, specs))]
    for index, other in clashing:
        if not (rebuilds and _is_own(other, own)):
            yield _clash(index, other, mapping, own=_is_own(other, own))


def _is_own(spec: Spec, own: Iterable[Index]) -> bool:
    return any(index.name == spec["name"] and is_same(index, spec) for index in own)


def _clash(index: Index, other: Spec, mapping: Model, *, own: bool) -> Finding:
    keys = ", ".join(f"{path}: {kind}" for path, kind in index.keys)
    theirs = ", ".join(f"{path}: {kind}" for path, kind in other["key"].items())
    message = f"index {index.name} ({keys}) cannot be built beside the index {other['name']} ({theirs}) of the collection"
    drop = f"or drop theirs: db.{mapping.target.collection}.dropIndex({other['name']!r})"
    rename = f"give this one another name, {drop}" if index.name == other["name"] else f"call this one {other['name']}, {drop}"
    hint = "" if own else f"the engine did not make that index: {rename}"
    return Finding(index.line, 1, "index_conflict", f"{message}; nothing was done", f"indexes.{index.name}", hint, str(mapping.file))
