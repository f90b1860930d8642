"""Load metadata in a document that was read: what it says of the load is no change of the document. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.values.paths import MARK

Paths = tuple[tuple[str, ...], ...]
"""Paths by their names; that of an array has its mark."""


def paths_of(paths: Iterable[str]) -> Paths:
    """Paths of the mapping language by their names."""
    return tuple(tuple(path.split(".")) for path in paths)


def masked(document: dict[str, Any], paths: Paths) -> dict[str, Any]:
    """The document itself, with only the type of what is at these paths: that a value appears or goes is a change."""
    for names in paths:
        _mask(document, names)
    return document


def _mask(node: Any, names: Sequence[str]) -> None:
    name, rest = names[0].removesuffix(MARK), names[1:]
    if not isinstance(node, dict) or name not in node:
        return
    inside = node[name] if names[0].endswith(MARK) and isinstance(node[name], list) else None
    if rest:
        for inner in (node[name],) if inside is None else inside:
            _mask(inner, rest)
    else:
        node[name] = type(node[name]).__name__ if inside is None else [type(value).__name__ for value in inside]
