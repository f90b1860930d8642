"""What `engine plan` finds, as data: the judged changes, what was counted on the server, drift, and the exit code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.errors import Finding, counted, finding
from engine.evolution.asides import KeptAside
from engine.evolution.changes import shown
from engine.evolution.combining import ShapeCount, changes_of_older, doubts_about_older, sources_of_older
from engine.evolution.counts import Counts
from engine.evolution.diff import diff
from engine.evolution.expiring import Expiry, expiries
from engine.evolution.judgements import Needs
from engine.evolution.judging import (
    Evidence,
    JudgedChange,
    judge,
    possible_names,
    possible_renames,
    rejects_that_may_fit,
    rewriting_by_evidence,
    same_columns,
)
from engine.evolution.losses import Loss, losses
from engine.evolution.unfinished import Unfinished, Way
from engine.mapping.model import Index, Target
from engine.mapping.model import Mapping as Model

UNCHANGEABLE = "documents of a time series collection cannot be changed; load them into another target.collection"
RELOAD = "load the collection again with engine run"
RELOAD_ALL = "load all files again: engine run with target.mode: {mode}, and with every file in source.path"
KEEP_BOTH = "engine run --allow mixed_shapes keeps both"
ELSEWHERE = "name another target.collection and load it with engine run"
NOTHING, CHANGES, DESTRUCTIVE, BREAKING = 0, 10, 11, 12
URGENCY = (NOTHING, CHANGES, BREAKING, DESTRUCTIVE)


@dataclass(frozen=True)
class EvolutionPlan:
    """`applied` is the run whose mapping is the old one, `unfinished` an unfinished apply. `counts` is None where no server was asked.

    `drift`: what has changed since; `others`: what others changed of what the mapping does not name, which stays.
    `column_names`: by path, how the mapping would say that the field's column has only another name now. `unchangeable`: documents cannot
    be rewritten there. `rejected`: rows that earlier runs rejected and that may fit now, by what they were rejected for.
    `hindrances`: what the server was found to refuse. `asides`: what earlier applies have set aside, and how much of it fits again.
    `expiring`: TTL indexes that will delete documents as nothing did before. `ways`: what to do where the source is needed.
    `unloaded`: no run has made the collection yet. `shapes`: where documents have several, all of them, the newest first;
    `changes` are then those of each. `doubts`: by path, why documents that fit two of them may not have the value of a fresh run.
    """

    changes: tuple[JudgedChange, ...]
    sources: Mapping[str, str]
    renames: Mapping[str, str]
    column_names: Mapping[str, str] = field(default_factory=dict)
    applied: str = ""
    drift: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    counts: Counts | None = None
    unfinished: Unfinished | None = None
    unloaded: bool = False
    rejected: Mapping[str, int] = field(default_factory=dict)
    unchangeable: bool = False
    hindrances: tuple[Finding, ...] = ()
    asides: tuple[KeptAside, ...] = ()
    expiring: tuple[Expiry, ...] = ()
    ways: tuple[str, ...] = (RELOAD,)
    shapes: tuple[ShapeCount, ...] = ()
    doubts: Mapping[str, str] = field(default_factory=dict)

    @property
    def to_do(self) -> bool:
        """Whether an apply would do anything."""
        return bool(self.changes or self.drift or self.unfinished or self.shapes)

    @property
    def continues(self) -> bool:
        """Whether these are the changes that an unfinished apply has begun to make."""
        return self.unfinished is not None and self.unfinished.way is Way.CONTINUE

    @property
    def needs(self) -> Needs:
        """The greatest need of all changes."""
        if self.blocked or self.unloaded:
            return Needs.SOURCE
        return max((change.needs for change in self.changes), default=Needs.RULES if self.drift or self.shapes else Needs.NOTHING)

    @property
    def blocked(self) -> dict[str, str]:
        """Why the source is needed, by subject; empty where `engine apply` can make all changes."""
        found = {change.change.subject: change.reason for change in self.changes if change.needs is Needs.SOURCE} | dict(self.sources)
        if self.counts:
            found |= {
                path: f"the new value of {counted(count, 'document')} can only come from the source"
                for path, count in self.counts.unsure.items()
            }
            found |= {path: f"a run would leave out {counted(count, 'value')}" for path, count in self.counts.nulled.items()}
        if self.unchangeable:
            found |= dict.fromkeys((change.change.subject for change in self.changes if change.needs is Needs.REWRITE), UNCHANGEABLE)
            if self.counts and self.counts.refused:
                found["documents"] = UNCHANGEABLE
        return found

    @property
    def stricter(self) -> dict[str, str]:
        """Path or rule → code of the change because of which documents may be refused."""
        return {change.change.subject: change.change.code for change in self.changes if change.change.kind.stricter}

    @property
    def double(self) -> frozenset[tuple[str, str]]:
        """Old and new path of renames, where documents hold something at both."""
        changes = [judged.change for judged in self.changes]
        return frozenset((change.old, change.subject) for change in changes if self.counts and self.counts.double.get(str(change)))

    @property
    def losses(self) -> tuple[Loss, ...]:
        """All that needs `--allow`; what an unfinished apply does was allowed when it began."""
        return () if self.continues else losses(self.changes, self.counts, self.expiring)

    @property
    def allowed_before(self) -> tuple[Loss, ...]:
        """What an unfinished apply of the same mapping would lose when it is continued: not what is lost already."""
        found = losses(self.changes, self.counts, self.expiring) if self.continues else ()
        gone = {change.change.label for change in self.changes if self.is_made(change) and not change.change.kind.stricter}
        return tuple(loss for loss in found if f"{loss.code} {loss.subject}" not in gone)

    def is_made(self, change: JudgedChange) -> bool:
        """Whether the unfinished apply that goes on has made this change."""
        return self.unfinished is not None and change.change.label in self.unfinished.made

    @property
    def left(self) -> int:
        """How many changes are still to be made."""
        return sum(change.needs > Needs.NOTHING and not self.is_made(change) for change in self.changes)

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """All for which apply would refuse, whatever is allowed."""
        blocked = {} if self.continues else self.blocked
        return (*(self._needs_source(subject, why) for subject, why in blocked.items()), *self.hindrances)

    def _needs_source(self, subject: str, why: str) -> Finding:
        same = same_columns({path: names for path, names in self.column_names.items() if path == subject})
        return finding("needs_source", f"{subject}: {why}", hint="; or ".join((*same, *self.ways)))

    @property
    def exit_code(self) -> int:
        """0 nothing to do, 10 changes, 11 destructive ones."""
        if self.losses or self.allowed_before:
            return DESTRUCTIVE
        return CHANGES if self.needs or self.drift or self.unfinished else NOTHING

    @property
    def breaking(self) -> bool:
        """Whether readers or writers that know only the old shape do not go on."""
        return any(change.readers.breaks or change.writers.breaks for change in self.changes)

    def gate(self, fail_on: str) -> int:
        """The exit code where only what is destructive, or also what is breaking, shall fail."""
        if self.losses or self.allowed_before:
            return DESTRUCTIVE
        return BREAKING if fail_on == "breaking" and self.breaking else NOTHING

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {
            "applied": self.applied,
            "unfinished": self.unfinished and self.unfinished.as_json(refused=bool(self.refusals)),
            "unloaded": self.unloaded,
            "exit_code": self.exit_code,
            "breaking": self.breaking,
            "needs": self.needs.name.lower(),
            "changes": [self._change(change) for change in self.changes],
            "blocked": self.blocked,
            "losses": [loss.as_json() for loss in self.losses],
            "allowed_before": [loss.as_json() for loss in self.allowed_before],
            "refusals": [{"code": found.code, "message": found.message, "hint": found.hint} for found in self.refusals],
            "renames": dict(self.renames),
            "column_names": dict(self.column_names),
            "rejected_before": dict(self.rejected),
            "drift": list(self.drift),
            "others": list(self.others),
            "documents": self.counts and self.counts.documents,
            "estimated_from": self.counts and self.counts.sample,
            "shapes": [shape.as_json() for shape in self.shapes],
            "doubts": dict(self.doubts),
            "leaving": self.counts and (0 if self.counts.stay else self.counts.refused),
            "staying": self.counts and (self.counts.refused if self.counts.stay else 0),
            "strangers": self.counts and self.counts.strangers.as_json(),
            "set_aside": [kept.as_json() for kept in self.asides],
        }

    def _change(self, made_change: JudgedChange) -> dict[str, Any]:
        change = made_change.change
        counted = {
            "affected": self.counts.affected.get(change.label, 0),
            "taken": self.counts.taken.get(change.label, 0),
            "double": self.counts.double.get(str(change), 0),
            "violators": self.counts.violators.get(change.label, 0),
        } if self.counts else {}  # fmt: skip
        return {
            "code": change.code,
            "name": change.kind.name,
            "subject": change.subject,
            "key": change.key,
            "old": None if change.old is None else shown(change.old),
            "new": None if change.new is None else shown(change.new),
            "run": made_change.run,
            "needs": made_change.needs.name.lower(),
            "reason": made_change.reason,
            "destructive": made_change.destructive,
            "readers": {"breaks": made_change.readers.breaks, "why": made_change.readers.reason},
            "writers": {"breaks": made_change.writers.breaks, "why": made_change.writers.reason},
            **counted,
            **({"made": self.is_made(made_change)} if self.continues else {}),
        }


def reload(target: Target, *, anew: bool = False, renames: bool = True) -> str:
    """How documents get their new values from the source. In the modes that add to a collection, only by another one.

    `anew`: what is there can only be replaced as a whole. `renames`: the server can rename a collection, which that needs.
    """
    if target.timeseries:
        return ELSEWHERE
    if target.mode == "replace" or (target.mode == "sync" and not (anew and renames)):
        return RELOAD
    return RELOAD_ALL.format(mode="replace" if renames else "sync")


def ways(target: Target, *, anew: bool = False, renames: bool = True, unfinished: bool = False) -> tuple[str, ...]:
    """What can be done where the source is needed; as `reload`, and in the modes that add to a collection, documents may stay.

    Not where an apply is `unfinished`: such modes add nothing then.
    """
    mixed = not unfinished and target.mode not in ("replace", "sync") and not target.amends
    return (reload(target, anew=anew, renames=renames), *([KEEP_BOTH] if mixed else []))


def compared(
    old: Model,
    new: Model,
    evidence: Evidence | None = None,
    indexes: Iterable[Index] | None = None,
    shapes: Sequence[ShapeCount] = (),
    **facts: Any,
) -> EvolutionPlan:
    """The plan from one mapping to another; `facts` come from a server, and so do the `indexes` and `shapes` that are there."""
    changes, rewrite = diff(old, new), rewriting_by_evidence(old, new, evidence)
    judged = (*judge(changes, old, new, evidence), *changes_of_older(shapes, new, evidence, changes))
    rejected = rejects_that_may_fit(changes, old, new, rewrite, evidence) if evidence else {}
    return EvolutionPlan(
        judged,
        dict(rewrite.sources or {}) | sources_of_older(shapes, new, evidence),
        possible_renames(old, new),
        possible_names(old, new),
        rejected=rejected,
        unchangeable=new.target.timeseries is not None,
        expiring=expiries(changes, old.indexes if indexes is None else indexes, old, new, rewrite),
        shapes=tuple(shapes),
        doubts=doubts_about_older(shapes, new, evidence),
        **{"ways": ways(new.target)} | facts,
    )
