"""THE kinds of change between two mappings, one row each. A code is permanent: it stands in `--allow`, in CI and in ledgers.

A change is data: its kind, what it is about, from and to. One class serves all kinds, so that reversing, printing and storing are
written once; what differs between kinds is a table row here, and a function in `judging`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.values.paths import MARK, array_of


@dataclass(frozen=True)
class Kind:
    """`back` is the code of the change that undoes this one."""

    code: str
    name: str
    back: str


def _self(code: str, name: str) -> Kind:
    return Kind(code, name, code)


ROWS = (
    Kind("E101", "field added", "E102"),
    Kind("E102", "field removed", "E101"),
    _self("E103", "field renamed"),
    _self("E104", "type changed"),
    _self("E105", "made from its source differently"),
    _self("E106", "default changed"),
    _self("E107", "missing values kept differently"),
    _self("E108", "bad values treated differently"),
    Kind("E109", "now required", "E110"),
    Kind("E110", "no longer required", "E109"),
    Kind("E111", "constraint tightened", "E112"),
    Kind("E112", "constraint loosened", "E111"),
    _self("E113", "constraint changed"),
    _self("E114", "order of fields changed"),
    _self("E115", "described differently"),
    _self("E201", "dedup changed"),
    _self("E202", "_id made differently"),
    Kind("E301", "rule added", "E302"),
    Kind("E302", "rule removed", "E301"),
    _self("E303", "rule changed"),
    Kind("E401", "index added", "E402"),
    Kind("E402", "index removed", "E401"),
    _self("E403", "index changed"),
    _self("E501", "validation changed"),
    Kind("E502", "closed to unnamed fields", "E503"),
    Kind("E503", "opened to unnamed fields", "E502"),
    _self("E601", "source read differently"),
    _self("E602", "changed, for loading alone"),
    _self("E603", "target changed"),
    _self("E604", "named differently"),
    _self("E605", "other part of the mapping changed"),
)
KINDS: Mapping[str, Kind] = {row.code: row for row in ROWS}


@dataclass(frozen=True)
class Change:
    """One change. `subject` is a path, `rule NAME`, `index NAME` or a key of the mapping; `key` says what of it; None is absent.

    For a field that was added, removed, renamed or retyped, `old` and `new` say so in words.
    """

    code: str
    subject: str
    key: str = ""
    old: Any = None
    new: Any = None

    @property
    def kind(self) -> Kind:
        """The row of the table."""
        return KINDS[self.code]

    @property
    def label(self) -> str:
        """Code and subject."""
        return f"{self.code} {self.subject}"

    def reverse(self) -> Change:
        """The change that undoes this one. That of a renamed field is about the old path; see `undoing` for other changes of the field."""
        subject = self.old if self.code == "E103" else self.subject
        return Change(self.kind.back, subject, self.key, self.new, self.old)

    def __str__(self) -> str:
        said = " → ".join(shown(value) for value in (self.old, self.new) if value is not None)
        return f"{self.code} {self.subject}: {self.kind.name}" + (f", {self.key}" if self.key else "") + (f": {said}" if said else "")


def undoing(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes that undo all of these, with each renamed field and array under its old path."""
    changes = tuple(changes)
    before = {one.subject: one.old for one in changes if one.code == "E103"}
    before |= {array_of(path): array_of(old) for path, old in before.items() if MARK in path}
    return tuple(replace(back, subject=before.get(back.subject, back.subject)) for back in (one.reverse() for one in changes))


def shown(value: Any) -> str:
    """A part of a mapping as it is written in one; it holds no cell's value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {shown(one)}' for name, one in value.items())}}}"
    return str(value)
