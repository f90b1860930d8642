"""The way back: what the changes from one mapping to another say of the changes from that one to the first."""

from collections.abc import Iterable
from dataclasses import replace

from engine.evolution import Change
from engine.values.paths import MARK, array_of


def reverse(change: Change) -> Change:
    """The change that undoes this one. That of a renamed field is about the old path; see `undoing` for other changes of the field."""
    return Change(change.kind.back, change.old if change.kind.renames else change.subject, change.key, change.new, change.old)


def undoing(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes that undo all of these, with each renamed field and array under its old path."""
    changes = tuple(changes)
    before = {change.subject: change.old for change in changes if change.kind.renames}
    before |= {array_of(path): array_of(old) for path, old in before.items() if MARK in path}
    return tuple(replace(back, subject=before.get(back.subject, back.subject)) for back in map(reverse, changes))
