"""What each change means: what it needs, whether data can be lost, and whether readers and writers of the old shape keep working. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine.evolution.changes import Change
from engine.evolution.judgements import ChangeContext, Compatibility, Needs
from engine.evolution.pairing import Pair, pairs
from engine.evolution.rewriting import Rewriting, rewriting
from engine.mapping.model import Field
from engine.mapping.model import Mapping as Model
from engine.mapping.names import called_alike
from engine.values.columns import ColumnKind
from engine.values.paths import arrays_of


@dataclass(frozen=True)
class Evidence:
    """What the ledger knows of the runs that made the collection. `rejects` and `nulled` count rows by path (`rule NAME` for rules)."""

    rejects: Mapping[str, int] = field(default_factory=Counter)
    nulled: Mapping[str, int] = field(default_factory=Counter)
    filtered: int = 0


@dataclass(frozen=True)
class JudgedChange:
    """A change with its judgement. `reason`: why it needs the source. `run`: whose documents it is about, where others are there too."""

    change: Change
    needs: Needs
    readers: Compatibility
    writers: Compatibility
    destructive: bool = False
    reason: str = ""
    run: str = ""


def judge(changes: Collection[Change], old: Model, new: Model, evidence: Evidence | None = None) -> tuple[JudgedChange, ...]:
    """The judgement of every change, in their order. Without evidence it is assumed that earlier runs rejected nothing."""
    found = {**{pair.old.path: pair for pair in pairs(old, new) if pair.old and not pair.new},
             **{pair.new.path: pair for pair in pairs(old, new) if pair.new}}  # fmt: skip
    rewrite, filtered = rewriting_by_evidence(old, new, evidence), evidence.filtered if evidence else 0
    made = {change.subject for change in changes if change.kind.makes_values}
    judged = []
    for change in changes:
        pair = found.get(change.subject, Pair(None, None))
        reason = _source_reason(change, rewrite.sources or {}, made)
        ruled = tuple(next((rule for rule in mapping.rules if f"rule {rule.name}" == change.subject), None) for mapping in (old, new))
        context = ChangeContext(
            change,
            pair.old,
            pair.new,
            (ruled[0], ruled[1]),
            reason,
            filtered,
            not new.validation.additional,
            change.kind.easing,
            new.validation.refuses,
        )
        judged.append(_judged(change, context))
    return tuple(judged)


def mixes(change: JudgedChange) -> bool:
    """Whether documents from before and after the change differ in more than their values."""
    kind = change.change.kind
    return not kind.same_shape and (change.needs in (Needs.REWRITE, Needs.SOURCE) or (kind.narrows and change.needs > Needs.NOTHING))


def rewriting_by_evidence(old: Model, new: Model, evidence: Evidence | None) -> Rewriting:
    """The rewriting, given what the ledger knows."""
    nothing_nulled = {field.path for field in old.fields if evidence is None or not evidence.nulled.get(field.path)}
    return rewriting(old, new, nothing_nulled)


def _judged(change: Change, context: ChangeContext) -> JudgedChange:
    kind = change.kind
    needs, reason = kind.needs(context)
    return JudgedChange(change, needs, kind.readers(context), kind.writers(context), kind.removes, reason)


def _source_reason(change: Change, sources: Mapping[str, str], made: Collection[str]) -> str:
    """Why its subject, or an array that it lies in, needs the source; of the changes of a field, one that makes its value is to blame."""
    blameless = change.kind.of_field and change.subject in made and not change.kind.makes_values
    return "" if blameless else next((sources[path] for path in (change.subject, *arrays_of(change.subject)) if path in sources), "")


def rejects_that_may_fit(changes: Collection[Change], old: Model, new: Model, rewrite: Rewriting, evidence: Evidence) -> dict[str, int]:
    """Rows that earlier runs rejected and that may fit now, by what they were rejected for: an old path, or `rule NAME`."""
    before = {pair.new.path: pair.old.path for pair in pairs(old, new) if pair.old and pair.new}
    paths = {before.get(path, path) for path in (*rewrite.changed, *(change.subject for change in changes if change.kind.easing))}
    rules = {f"rule {rule.name}" for rule in old.rules if rule.check.paths & paths}
    return {subject: rows for subject, rows in evidence.rejects.items() if subject in paths | rules}


def possible_renames(old: Model, new: Model) -> dict[str, str]:
    """Removed path → added path, of pairs that look like a renamed field: the plan asks, and never assumes it."""
    found, alike = pairs(called_alike(old, new), new), {}
    added = [pair.new for pair in found if pair.new and not pair.old]
    for removed in (pair.old for pair in found if pair.old and not pair.new):
        near = [field.path for field in added if field.column is not None and field.column == removed.column]
        near += [field.path for field in added if (field.type, _name(field)) == (removed.type, _name(removed))]
        if near:
            alike[removed.path] = near[0]
    return alike


def possible_names(old: Model, new: Model) -> dict[str, str]:
    """Path → the names to write, of fields that read another column than before: it may be the same one under a new name."""
    known = called_alike(old, new)
    read = [(pair.new, pair.old.column, pair.new.column) for pair in pairs(known, new) if pair.old and pair.new]
    return {
        field.path: f"[{', '.join((after.written, *known.source.names_of(before.written)))}]"
        for field, before, after in read
        if before and after and before != after and before.kind is after.kind is ColumnKind.CELL and before.source == after.source == ""
    }


def same_columns(names: Mapping[str, str]) -> list[str]:
    """What to do where these columns are the same as before, in clauses."""
    return [f"if {path} comes from the same column under a new name, write column: {written} there" for path, written in names.items()]


def _name(field: Field) -> str:
    return field.path.rpartition(".")[2]
