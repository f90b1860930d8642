"""A change between two mappings, as data: its kind, what it is about, from and to.

One class serves all kinds, so that printing and storing are written once; what differs between kinds is a row of `kinds`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.evolution.kinds import KINDS, ChangeKind


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

    def __str__(self) -> str:
        show = as_json if self.subject.startswith("step ") else shown
        values = " → ".join(show(value) for value in (self.old, self.new) if value is not None)
        return f"{self.code} {self.subject}: {self.kind.name}" + (f", {self.key}" if self.key else "") + (f": {values}" if values else "")


def as_json(value: Any) -> str:
    """A step as JSON, in which the spaces of texts can be seen."""
    return json.dumps(value, ensure_ascii=False)


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
