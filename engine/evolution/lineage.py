"""Fields through several mappings: what each path of the newest was called in documents of an older shape. Pure.

A field that was renamed in one mapping and again in a later one has, in the later one, a `was` that only the middle one knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.evolution.pairing import pairs
from engine.mapping.model import Field, Mapping


def as_follow_ups(shapes: Sequence[Mapping], new: Mapping) -> tuple[Mapping, ...]:
    """For each shape, the newest first: the new mapping with every `was` naming the path that documents of this shape have."""
    origins = _origins(shapes[0], new)
    found = [new]
    for older, newer in zip(shapes[1:], shapes, strict=False):
        before = _origins(older, newer)
        origins = {path: before[origin] for path, origin in origins.items() if origin in before}
        found.append(replace(new, fields=tuple(_following(field, origins.get(field.path)) for field in new.fields)))
    return tuple(found)


def _origins(old: Mapping, new: Mapping) -> dict[str, str]:
    """New path → old path."""
    return {pair.new.path: pair.old.path for pair in pairs(old, new) if pair.old and pair.new}


def _following(field: Field, origin: str | None) -> Field:
    return replace(field, was=None if origin == field.path else origin) if origin else field
