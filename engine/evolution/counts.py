"""What the server counted for a plan, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.errors import counted


@dataclass(frozen=True)
class Strangers:
    """Documents that neither the old mapping nor the new one accepts. `ids`: a few `_id`s, as JSON, where these may be seen.

    `command` finds the `_id`s of all, for mongosh.
    """

    documents: int = 0
    ids: tuple[str, ...] = ()
    command: str = ""

    def __str__(self) -> str:
        return counted(self.documents, "document")

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {"documents": self.documents, "ids": list(self.ids), "command": self.command}


@dataclass(frozen=True)
class Counts:
    """Of all `documents`: those `affected` by a change, and those `taken`, which hold something at its new path; by its label.

    `refused`: documents that a fresh run of the new mapping would not load: the `strangers`, and those that the old mapping accepts. Of
    these, `violators` are counted by the label of each change that is to blame, and `unblamed` are the rest. `stay`: none of the refused
    ones is set aside, and why. `unsure`: documents of which only the source tells, by path. `nulled`: values that a fresh run
    would leave out, by path of a field with `on_error: null`. `due`: documents that a TTL index will delete at once, by its name.
    `double`: by
    rename, in words, documents of `taken` that hold something else at the old path. `sample`: all these are estimates from so many
    documents; 0 where they were counted.
    """

    documents: int
    affected: Mapping[str, int] = field(default_factory=dict)
    taken: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0
    strangers: Strangers = Strangers()
    violators: Mapping[str, int] = field(default_factory=dict)
    unblamed: int = 0
    stay: str = ""
    unsure: Mapping[str, int] = field(default_factory=dict)
    nulled: Mapping[str, int] = field(default_factory=dict)
    due: Mapping[str, int] = field(default_factory=dict)
    double: Mapping[str, int] = field(default_factory=dict)
    sample: int = 0

    def estimating(self, documents: int) -> Counts:
        """What was counted in a sample, for a collection of so many documents."""
        factor = documents / self.documents if self.documents else 0

        def scaled(counts: Mapping[str, int]) -> dict[str, int]:
            return {name: round(count * factor) for name, count in counts.items()}

        return replace(
            self,
            documents=documents,
            affected=scaled(self.affected),
            taken=scaled(self.taken),
            refused=round(self.refused * factor),
            strangers=replace(self.strangers, documents=round(self.strangers.documents * factor)),
            violators=scaled(self.violators),
            unblamed=round(self.unblamed * factor),
            unsure=scaled(self.unsure),
            nulled=scaled(self.nulled),
            due=scaled(self.due),
            double=scaled(self.double),
            sample=self.documents,
        )
