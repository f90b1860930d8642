"""What each change means: what it needs, whether data can be lost, and whether readers and writers of the old shape go on. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from engine.evolution.changes import Change
from engine.evolution.pairing import Pair, pairs
from engine.evolution.rewriting import Rewriting, rewriting
from engine.mapping.model import ID, Field
from engine.mapping.model import Mapping as Model
from engine.values.paths import arrays_of

NUMERIC = frozenset({"int", "long", "double", "decimal"})
STRICTER = frozenset({"E101", "E104", "E106", "E107", "E108", "E109", "E111", "E113", "E301", "E303"})
"""Changes after which documents may be there that a fresh run would not load."""
EASING = frozenset({"E102", "E104", "E106", "E108", "E110", "E112", "E113", "E302", "E303"})
"""Changes after which rows may be accepted that were rejected before."""


class Needs(IntEnum):
    """What a change asks for; the greatest of a plan's decides."""

    NOTHING = 0
    RULES = 1
    INDEXES = 2
    REWRITE = 3
    SOURCE = 4

    @property
    def words(self) -> str:
        """For people."""
        return ("nothing", "the validator (collMod)", "indexes", "a rewrite on the server", "the source again")[self]


@dataclass(frozen=True)
class Evidence:
    """What the ledger knows of the runs that made the collection. `rejects` and `nulled` count rows by path (`rule NAME` for rules)."""

    rejects: Mapping[str, int] = field(default_factory=Counter)
    nulled: Mapping[str, int] = field(default_factory=Counter)
    filtered: int = 0


@dataclass(frozen=True)
class Verdict:
    """Do those who know only the old shape go on? `why` is a clause."""

    breaks: bool
    why: str


@dataclass(frozen=True)
class Judged:
    """A change with its judgement. `reason`: why it needs the source."""

    change: Change
    needs: Needs
    readers: Verdict
    writers: Verdict
    destructive: bool = False
    reason: str = ""


def judge(changes: Collection[Change], old: Model, new: Model, evidence: Evidence | None = None) -> tuple[Judged, ...]:
    """Every change's judgement, in their order. Without evidence it is assumed that the earlier runs refused nothing."""
    found = {**{pair.old.path: pair for pair in pairs(old, new) if pair.old and not pair.new},
             **{pair.new.path: pair for pair in pairs(old, new) if pair.new}}  # fmt: skip
    rewrite = planned(old, new, evidence)
    made = {change.subject for change in changes if change.code in VALUES}
    blamed = [change.code in VALUES or change.subject not in made for change in changes]
    told = zip(changes, blamed, strict=True)
    return tuple(_judged(change, found.get(change.subject), rewrite, new, evidence, blamed=flag) for change, flag in told)


def planned(old: Model, new: Model, evidence: Evidence | None, carried: tuple[Field, ...] = ()) -> Rewriting:
    """The rewriting, given what the ledger knows."""
    nothing_nulled = {one.path for one in old.fields if evidence is None or not evidence.nulled.get(one.path)}
    return rewriting(old, new, nothing_nulled, carried)


def _judged(change: Change, pair: Pair | None, rewrite: Rewriting, new: Model, evidence: Evidence | None, *, blamed: bool) -> Judged:
    """`blamed`: it is because of this change that a field's value needs the source, if it does."""
    needs, reason = _needs(change, pair, rewrite, evidence, blamed=blamed)
    readers = READERS.get(change.code, _unseen)(change, pair)
    return Judged(change, needs, readers, _writers(change, pair, new), change.code == "E102", reason)


def eased(changes: Collection[Change], old: Model, new: Model, evidence: Evidence) -> dict[str, int]:
    """Rows that earlier runs rejected and that may fit now, by what they were rejected for: an old path, or `rule NAME`."""
    before = {pair.new.path: pair.old.path for pair in pairs(old, new) if pair.old and pair.new}
    changed = planned(old, new, evidence).changed
    paths = {before.get(path, path) for path in (*changed, *(one.subject for one in changes if one.code in EASING))}
    rules = {f"rule {one.name}" for one in old.rules if one.check.paths & paths}
    return {subject: rows for subject, rows in evidence.rejects.items() if subject in paths | rules}


# what it needs

NEEDS = {
    "E102": Needs.REWRITE, "E103": Needs.REWRITE, "E107": Needs.REWRITE, "E114": Needs.REWRITE,
    "E401": Needs.INDEXES, "E402": Needs.INDEXES, "E403": Needs.INDEXES,
    "E601": Needs.SOURCE, "E602": Needs.NOTHING, "E603": Needs.SOURCE, "E605": Needs.SOURCE,
}  # fmt: skip
VALUES = {"E101", "E104", "E105", "E106"}
REASONS = {"E601": "other rows or cells would be read", "E603": "it is another collection", "E605": "other documents would be made"}


def _needs(change: Change, pair: Pair | None, rewrite: Rewriting, evidence: Evidence | None, *, blamed: bool) -> tuple[Needs, str]:
    code, sources = change.code, rewrite.sources or {}
    if blamed and code[:2] == "E1" and code not in ("E102", "E115") and (reason := _reason(sources, change.subject)):
        return Needs.SOURCE, reason
    if code in ("E201", "E202"):
        reason = sources.get(ID if code == "E202" else "dedup", "")
        return (Needs.SOURCE, reason) if reason else (Needs.NOTHING, "")
    if code[:2] == "E3" and (reason := sources.get(change.subject, "")):
        return Needs.SOURCE, reason
    if filtering(change) and evidence and evidence.filtered:
        return Needs.SOURCE, f"{evidence.filtered:,} filtered rows were kept nowhere"
    if code in VALUES:
        return Needs.REWRITE, ""
    if code == "E107" and pair and pair.old and pair.new and pair.old.writes_null == pair.new.writes_null:
        return Needs.RULES, ""
    if code in ("E115", "E604") and change.key != "description" and change.subject != "name":
        return Needs.NOTHING, ""
    return NEEDS.get(code, Needs.RULES), REASONS.get(code, "")


def _reason(found: Mapping[str, str], subject: str) -> str:
    """Why it needs the source: itself, or an array that it lies in."""
    return next((found[path] for path in (subject, *arrays_of(subject)) if path in found), "")


def filtering(change: Change) -> bool:
    """Whether the change is about a rule that lets rows go without a trace."""
    return change.code in ("E302", "E303") and "filter" in str(change.old)


# who goes on


def _goes_on(why: str) -> Callable[[Change, Pair | None], Verdict]:
    return lambda _change, _pair: Verdict(breaks=False, why=why)


def _breaks(why: str) -> Callable[[Change, Pair | None], Verdict]:
    return lambda _change, _pair: Verdict(breaks=True, why=why)


def _retyped(change: Change, _pair: Pair | None) -> Verdict:
    if {change.old, change.new} <= NUMERIC:
        return Verdict(breaks=False, why="numbers of all types compare as numbers; a typed driver may ask for the old type")
    return Verdict(breaks=True, why=f"queries with values of type {change.old} find nothing any more")


def _missing(_change: Change, pair: Pair | None) -> Verdict:
    if pair and pair.old and pair.new and pair.old.writes_null != pair.new.writes_null:
        return Verdict(breaks=True, why="$exists and $type answer differently where there is no value")
    return Verdict(breaks=False, why="documents look as before")


_unseen = _goes_on("documents look as before")
READERS: Mapping[str, Callable[[Change, Pair | None], Verdict]] = {
    "E101": _goes_on("one more field"),
    "E102": _breaks("queries on it find nothing any more"),
    "E103": _breaks("queries on the old path find nothing any more"),
    "E104": _retyped,
    "E105": _goes_on("the same shape with other values"),
    "E106": _goes_on("a value where there was none"),
    "E107": _missing,
    "E108": _goes_on("the same shape"),
    "E110": _breaks("it can be missing now"),
    "E112": _goes_on("values may come that could not be there before"),
    "E113": _goes_on("values may come that could not be there before"),
    "E114": _goes_on("queries do not look at the order of fields"),
    "E201": _goes_on("the same shape, other documents"),
    "E202": _breaks("a kept _id finds nothing any more"),
    "E402": _goes_on("the same answers, perhaps slower"),
    "E503": _goes_on("documents may hold more fields"),
    "E603": _breaks("the documents are elsewhere"),
}


def _writers(change: Change, pair: Pair | None, new: Model) -> Verdict:
    """Those who write documents of the old shape past the engine."""
    closed = not new.validation.additional
    old, after = (pair.old, pair.new) if pair else (None, None)
    if change.code in ("E102", "E103") and closed:
        return Verdict(breaks=True, why="documents with the old path are refused")
    if change.code in ("E104", "E109", "E111", "E113", "E301", "E502"):
        return Verdict(breaks=True, why="documents that passed before may be refused")
    if change.code == "E303" and change.key in ("check", "on_fail"):
        return Verdict(breaks=True, why="documents that passed before may be refused")
    if change.code in ("E401", "E403") and isinstance(change.new, dict) and change.new.get("unique"):
        return Verdict(breaks=True, why="a second document with the same key is refused")
    if after and after.always_written and not (old and old.always_written) and change.code != "E103":
        return Verdict(breaks=True, why="documents without it are refused")
    if change.code == "E107" and old and after and old.writes_null and not after.writes_null:
        return Verdict(breaks=True, why="null is refused")
    return Verdict(breaks=False, why="documents of the old shape are still taken")


def sources(old: Model, new: Model, evidence: Evidence | None) -> dict[str, str]:
    """All that only the source can say, by path, with the reason: what the changes themselves need, and what is computed from it."""
    return dict(planned(old, new, evidence).sources or {})


def shared_column(judged: Collection[Judged], old: Model, new: Model) -> dict[str, Any]:
    """Removed path → added path, of fields that look like one that was renamed: asked, never assumed."""
    gone = {one.change.subject: old.field(one.change.subject) for one in judged if one.change.code == "E102"}
    come = {one.change.subject: new.field(one.change.subject) for one in judged if one.change.code == "E101"}
    alike = {}
    for path, one in gone.items():
        near = [other.path for other in come.values() if other.column is not None and other.column == one.column]
        near += [other.path for other in come.values() if (other.type, _name(other)) == (one.type, _name(one))]
        if near:
            alike[path] = near[0]
    return alike


def _name(one: Field) -> str:
    return one.path.rpartition(".")[2]
