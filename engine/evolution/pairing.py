"""Which field, and which array, of one mapping became which of another: by `was`, by a rename taken back, else by path. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from engine.mapping.model import Field, Mapping
from engine.values.paths import MARK, array_of, arrays_of


@dataclass(frozen=True)
class Pair:
    """A field before and after; None where it is not."""

    old: Field | None
    new: Field | None


def pairs(old: Mapping, new: Mapping) -> tuple[Pair, ...]:
    """Which field became which: by `was` where it says something new, by a rename taken back, else by path. New ones first, in order."""
    before, after = {one.path: one for one in old.fields}, {one.path: one for one in new.fields}
    origins = {path: origin for path in after if (origin := _origin(path, before, after))}
    taken = set(origins.values())
    found = [Pair(before.get(origins.get(path) or (path if path not in taken else "")), one) for path, one in after.items()]
    kept = {pair.old.path for pair in found if pair.old}
    return (*found, *(Pair(one, None) for one in old.fields if one.path not in kept))


def _origin(path: str, before: dict[str, Field], after: dict[str, Field]) -> str | None:
    """The old path of a field that was renamed since; a `was` that the old mapping said as well is history."""
    was, namesake = after[path].was, before.get(path)
    if was in before and was != path and (namesake is None or namesake.was != was):
        return was
    if namesake is None:
        return next((one.path for one in before.values() if one.was == path and one.path not in after), None)
    return None


def renames(old: Mapping, new: Mapping) -> dict[str, str]:
    """Old path → new path, of every field and array that is still there."""
    moved = {pair.old.path: pair.new.path for pair in pairs(old, new) if pair.old and pair.new}
    return moved | {origin: path for path, origin in arrays(old, new).items()}


def arrays(old: Mapping, new: Mapping) -> dict[str, str]:
    """New array → old array, of those that hold the same elements: the one that their fields come from. Those inside others first."""
    found: dict[str, str] = {}
    moved = [(pair.old.path, pair.new.path) for pair in pairs(old, new) if pair.old and pair.new]
    for path in sorted({array for one in new.fields for array in arrays_of(one.path)}, key=lambda one: -one.count(MARK)):
        origins = {array_of(before) for before, after in moved if array_of(after) == path}
        origins |= {array_of(origin) for inner, origin in found.items() if array_of(inner) == path}
        known = sorted(origins - {""})
        if known:
            found[path] = path if path in known else known[0]
    return found
