"""Which field or array of the old mapping became which of the new one: by `was`, by a rename undone or repeated, else by path. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from engine.mapping.model import Field, Mapping
from engine.values.paths import MARK, array_of, arrays_of


@dataclass(frozen=True)
class Pair:
    """A field before and after; None where it does not exist."""

    old: Field | None
    new: Field | None


def pairs(old: Mapping, new: Mapping) -> tuple[Pair, ...]:
    """Which field became which: by a new `was`, by a rename undone or repeated, else by path. The new mapping's fields first, in order."""
    before, after = {field.path: field for field in old.fields}, {field.path: field for field in new.fields}
    origins = {path: origin for path in after if (origin := _origin(path, before, after))}
    taken = set(origins.values())
    found = [Pair(before.get(origins.get(path) or (path if path not in taken else "")), field) for path, field in after.items()]
    kept = {pair.old.path for pair in found if pair.old}
    return (*found, *(Pair(field, None) for field in old.fields if field.path not in kept))


def _origin(path: str, before: dict[str, Field], after: dict[str, Field]) -> str | None:
    """The old path of a field that was renamed since; a `was` that the old mapping already had is history.

    A field renamed once more may keep the `was` of its first rename.
    """
    was, namesake = after[path].was, before.get(path)
    if was in before and was != path and (namesake is None or namesake.was != was):
        return was
    if namesake is None:
        return next((field.path for field in before.values() if field.was in {path, was} - {None} and field.path not in after), None)
    return None


def renames(old: Mapping, new: Mapping) -> dict[str, str]:
    """Old path → new path, of every field and array that both mappings have."""
    moved = {pair.old.path: pair.new.path for pair in pairs(old, new) if pair.old and pair.new}
    return moved | {origin: path for path, origin in arrays(old, new).items()}


def arrays(old: Mapping, new: Mapping) -> dict[str, str]:
    """New array → old array with the same elements: the one that its fields come from. Inner arrays first."""
    found: dict[str, str] = {}
    moved = [(pair.old.path, pair.new.path) for pair in pairs(old, new) if pair.old and pair.new]
    for path in sorted({array for field in new.fields for array in arrays_of(field.path)}, key=lambda one: -one.count(MARK)):
        origins = {array_of(before) for before, after in moved if array_of(after) == path}
        origins |= {array_of(origin) for inner, origin in found.items() if array_of(inner) == path}
        known = sorted(origins - {""})
        if known:
            found[path] = path if path in known else known[0]
    return found
