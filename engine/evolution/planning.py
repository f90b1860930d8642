"""What `engine plan` finds, as data: the judged changes, what was counted on the server, drift, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.evolution.changes import shown
from engine.evolution.diff import diff
from engine.evolution.judging import STRICTER, Evidence, Judged, Needs, eased, judge, shared_column, sources
from engine.mapping.model import Mapping as Model

SET_ASIDE = "documents that the new mapping refuses would be set aside"
MENDED = "E501"  # what drifted is mended, though no mapping changed
NOTHING, CHANGES, DESTRUCTIVE = 0, 10, 11


@dataclass(frozen=True)
class Counts:
    """What the server counted: the documents `affected` by label of a change, `violators` that a fresh run would not load by subject.

    `leaving` are all violators together. `unsure`: documents of which only the source tells. `strangers` are not of the old mapping's
    shape. `nulled`: values that a fresh run would leave out, of fields with `on_error: null`.
    """

    documents: int
    affected: Mapping[str, int] = field(default_factory=dict)
    violators: Mapping[str, int] = field(default_factory=dict)
    leaving: int = 0
    unsure: Mapping[str, int] = field(default_factory=dict)
    nulled: Mapping[str, int] = field(default_factory=dict)
    strangers: int = 0


@dataclass(frozen=True)
class Plan:
    """`applied` names the run whose mapping is the old one, `unfinished` an apply that was. `counts` is None where no server was asked.

    `rejected`: rows that earlier runs rejected and that may fit now, by what they were rejected for.
    """

    judged: tuple[Judged, ...]
    sources: Mapping[str, str]
    renames: Mapping[str, str]
    applied: str = ""
    drift: tuple[str, ...] = ()
    counts: Counts | None = None
    unfinished: str = ""
    rejected: Mapping[str, int] = field(default_factory=dict)

    @property
    def needs(self) -> Needs:
        """The greatest need of all changes."""
        if self.blocked:
            return Needs.SOURCE
        return max((one.needs for one in self.judged), default=Needs.RULES if self.drift else Needs.NOTHING)

    @property
    def blocked(self) -> dict[str, str]:
        """Why only the source will do, by subject; empty where `engine apply` can do it all."""
        found = {one.change.subject: one.reason for one in self.judged if one.needs is Needs.SOURCE} | dict(self.sources)
        if self.counts:
            found |= {path: f"of {count:,} documents only the source tells the new value" for path, count in self.counts.unsure.items()}
            found |= {path: f"{count:,} values would be left out by a run" for path, count in self.counts.nulled.items()}
        return found

    @property
    def destructive(self) -> dict[str, str]:
        """Code → what would be lost."""
        found: dict[str, str] = {}
        for one in self.judged:
            if one.destructive:
                found[one.change.code] = "what removed fields hold would be lost"
            elif self.counts and self.counts.violators.get(one.change.subject) and one.change.code in STRICTER:
                found.setdefault(one.change.code, SET_ASIDE)
        if self.counts and self.counts.leaving and SET_ASIDE not in found.values():
            code = next((one.change.code for one in self.judged if one.needs is Needs.REWRITE), MENDED)
            found.setdefault(code, SET_ASIDE)
        return found

    @property
    def exit_code(self) -> int:
        """0 nothing to do, 10 changes, 11 destructive ones."""
        if self.destructive:
            return DESTRUCTIVE
        return CHANGES if self.needs or self.drift or self.unfinished else NOTHING

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {
            "applied": self.applied,
            "unfinished": self.unfinished,
            "exit_code": self.exit_code,
            "needs": self.needs.name.lower(),
            "changes": [self._change(one) for one in self.judged],
            "blocked": self.blocked,
            "destructive": self.destructive,
            "renames": dict(self.renames),
            "rejected_before": dict(self.rejected),
            "drift": list(self.drift),
            "documents": self.counts and self.counts.documents,
            "leaving": self.counts and self.counts.leaving,
            "strangers": self.counts and self.counts.strangers,
        }

    def _change(self, one: Judged) -> dict[str, Any]:
        change = one.change
        counted = {
            "affected": self.counts.affected.get(change.label, 0),
            "violators": self.counts.violators.get(change.subject, 0),
        } if self.counts else {}  # fmt: skip
        return {
            "code": change.code,
            "name": change.kind.name,
            "subject": change.subject,
            "key": change.key,
            "old": None if change.old is None else shown(change.old),
            "new": None if change.new is None else shown(change.new),
            "needs": one.needs.name.lower(),
            "reason": one.reason,
            "destructive": one.destructive,
            "readers": {"breaks": one.readers.breaks, "why": one.readers.why},
            "writers": {"breaks": one.writers.breaks, "why": one.writers.why},
            **counted,
        }


def compared(old: Model, new: Model, evidence: Evidence | None = None, **facts: Any) -> Plan:
    """The plan from one mapping to another; `facts` are what a server said."""
    changes = diff(old, new)
    judged = judge(changes, old, new, evidence)
    rejected = eased(changes, old, new, evidence) if evidence else {}
    return Plan(judged, sources(old, new, evidence), shared_column(judged, old, new), rejected=rejected, **facts)
