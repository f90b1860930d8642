"""A change between two mappings, as data: its kind, what it is about, from and to.

One class serves all kinds, so that reversing, printing and storing are written once; what differs between kinds is a row of `kinds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.evolution.kinds import KINDS, ChangeKind
from engine.values.paths import MARK, array_of


@dataclass(frozen=True)
class Change:
    """One change. `subject` is a path, `rule NAME`, `index NAME` or a key of the mapping; `key` is the part of it; None means absent.

    For a field that was added, removed, renamed or retyped, `old` and `new` are descriptions.
    """

    code: str
    subject: str
    key: str = ""
    old: Any = None
    new: Any = None

    @property
    def kind(self) -> ChangeKind:
        """The row of the table."""
        return KINDS[self.code]

    @property
    def label(self) -> str:
        """Code and subject."""
        return f"{self.code} {self.subject}"

    def reverse(self) -> Change:
        """The change that undoes this one. That of a renamed field is about the old path; see `undoing` for other changes of the field."""
        subject = self.old if self.kind.renames else self.subject
        return Change(self.kind.back, subject, self.key, self.new, self.old)

    def __str__(self) -> str:
        said = " → ".join(shown(value) for value in (self.old, self.new) if value is not None)
        return f"{self.code} {self.subject}: {self.kind.name}" + (f", {self.key}" if self.key else "") + (f": {said}" if said else "")


def undoing(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes that undo all of these, with each renamed field and array under its old path."""
    changes = tuple(changes)
    before = {change.subject: change.old for change in changes if change.kind.renames}
    before |= {array_of(path): array_of(old) for path, old in before.items() if MARK in path}
    return tuple(replace(back, subject=before.get(back.subject, back.subject)) for back in (change.reverse() for change in changes))


def shown(value: Any) -> str:
    """A part of a mapping as a mapping writes it; contains no cell values."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {shown(one)}' for name, one in value.items())}}}"
    return str(value)
