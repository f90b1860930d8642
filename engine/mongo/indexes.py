"""The mapping's indexes and those of a live collection: which are the same, which cannot be beside each other.

The rules are those of MongoDB's createIndexes, since version 5.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.mapping.model import SIMPLE, Index

Spec = Mapping[str, Any]  # an index as listIndexes gives it
FLAGS = ("unique", "sparse")  # false is the same as absent
TEXT = "_fts"  # the key that stands for the fields of a text index


def is_same(index: Index, spec: Spec) -> bool:
    """Whether the collection's index is the mapping's, but for the name."""
    return _is_equivalent(index, spec) and index.options.get("expireAfterSeconds") == spec.get("expireAfterSeconds")


def conflicting(index: Index, specs: Iterable[Spec]) -> Spec | None:
    """The index of the collection because of which the server would refuse to build the mapping's, or None."""
    for spec in specs:
        if (spec["name"] == index.name and not is_same(index, spec)) or (spec["name"] != index.name and _is_equivalent(index, spec)):
            return spec
    return None


def _is_equivalent(index: Index, spec: Spec) -> bool:
    """Whether the server takes the two for one index: a second one is refused whatever its name."""
    if index.is_text and TEXT in spec["key"]:
        return _texts(index) == set(spec["weights"]) or spec["name"] != index.name  # a collection has one text index
    alike = list(index.keys) == list(spec["key"].items()) and all(bool(index.options.get(flag)) == bool(spec.get(flag)) for flag in FLAGS)
    partial = index.options.get("partialFilterExpression") == spec.get("partialFilterExpression")
    return alike and partial and _has_collation(index, spec)


def _has_collation(index: Index, spec: Spec) -> bool:
    """The server adds the defaults of a collation. An index without one has that of its collection."""
    wanted, found = index.options.get("collation"), spec.get("collation", {"locale": SIMPLE})
    return wanted is None or wanted.items() <= found.items()


def _texts(index: Index) -> set[str]:
    return {path for path, kind in index.keys if kind == "text"}
