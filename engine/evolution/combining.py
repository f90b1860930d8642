"""Documents of several shapes in one collection: one rewriting for all of them, and what of each has to change. Pure.

A rewriting changes only what holds an old value, so one after the other they bring documents of every shape to the new one. The older
shapes come first: what one of them retypes under a new name is not mistaken for a value of the newer shape. What is filled in where
a document has no value waits until those of all shapes are in their place. What is computed comes last, when what it is computed from has
the new shape in all documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from engine.errors import counted
from engine.evolution.changes import Change
from engine.evolution.diff import diff
from engine.evolution.judging import Evidence, JudgedChange, judge, mixes, rewriting_by_evidence
from engine.evolution.lineage import as_follow_ups
from engine.evolution.pairing import renames
from engine.evolution.rewriting import UNCLEAR, Rewriting
from engine.mapping.model import Mapping as Model
from engine.values.paths import MARK

TWO_MEANINGS = "documents of two shapes hold different fields there, and do not show which"
AMBIGUOUS = (TWO_MEANINGS, UNCLEAR)  # what applies to documents of both shapes


@dataclass(frozen=True)
class ShapeCount:
    """A shape that documents have: as the mapping of this run makes them; of which documents there are so many.

    `either`: those beside them that have a newer shape too, and count there.
    """

    run: str
    mapping: Model
    documents: int
    either: int = 0

    def __str__(self) -> str:
        either = f", and {self.either:,} that a newer one makes too" if self.either else ""
        return f"{counted(self.documents, 'document')} as the mapping of run {self.run} makes them{either}"

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {"run": self.run, "documents": self.documents, "either": self.either}


@dataclass(frozen=True)
class _Lead:
    """A shape, the new mapping as it follows it, how its documents become those, and old path → new path."""

    shape: Model
    goal: Model
    rewrite: Rewriting
    moved: Mapping[str, str]

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why its documents need the source, by path."""
        return self.rewrite.sources or {}


def _leads(shapes: Sequence[Model], new: Model, evidence: Evidence | None) -> list[_Lead]:
    """The newest first. A shape whose documents do not show that they have it needs the source too."""
    found: list[_Lead] = []
    for shape, goal in zip(shapes, as_follow_ups(shapes, new), strict=True):
        lead = _Lead(shape, goal, rewriting_by_evidence(shape, goal, evidence), renames(shape, goal))
        unclear = {path for newer in found for path in (*_mistaken(lead, newer, first=True), *_mistaken(newer, lead, first=False))}
        sources = {**dict.fromkeys(sorted(unclear), TWO_MEANINGS), **lead.reasons}
        found.append(replace(lead, rewrite=Rewriting(sources=sources, changed=lead.rewrite.changed)) if sources else lead)
    return found


def _mistaken(acting: _Lead, other: _Lead, *, first: bool) -> Iterator[str]:
    """Paths whose values in documents of the other shape would be taken for those of the acting one; `first`: before they are rewritten."""
    if acting.reasons or other.reasons:
        return
    made = {other.moved.get(field.path, ""): field for field in other.shape.fields if field.always_written and MARK not in field.path}
    there = {path for path, field in made.items() if not first or field.path == path}
    for path in sorted({field.path for field in acting.shape.fields} & {field.path for field in other.shape.fields}):
        target = acting.moved.get(path)
        same = target == other.moved.get(path)
        stays = target == path and path not in acting.rewrite.changed
        left = target is None and path not in acting.moved.values()
        if not (same or stays or left or target in there):
            yield path


def rewritings(shapes: Sequence[Model], new: Model, evidence: Evidence | None) -> list[Rewriting]:
    """That of each shape, the newest first."""
    return [lead.rewrite for lead in _leads(shapes, new, evidence)]


def rewriting_of_all(shapes: Sequence[Model], new: Model, evidence: Evidence | None) -> Rewriting:
    """The rewriting of documents of any of these shapes, the newest first. Of older ones that need the source there are no documents."""
    newest, *older = rewritings(shapes, new, evidence)
    every = [*(one for one in reversed(older) if not one.sources), newest]
    if newest.sources or len(every) == 1:
        return newest
    found = Rewriting(**{field.name: _joined([getattr(one, field.name) for one in every]) for field in fields(Rewriting)})
    return replace(found, making=_joined([found.moving, found.making]))


def union_of(shapes: Sequence[Model]) -> Model:
    """The newest of these mappings, with the fields, arrays and indexes of all of them."""
    newest, *older = shapes
    fields_there = {field.path: field for shape in (*reversed(older), newest) for field in shape.fields}
    arrays = {array.path: array for shape in (*reversed(older), newest) for array in shape.arrays}
    indexes = {index.name: index for shape in (*reversed(older), newest) for index in shape.indexes}
    return replace(newest, fields=(*fields_there.values(),), arrays=(*arrays.values(),), indexes=(*indexes.values(),)) if older else newest


def _joined(values: Sequence[Any]) -> Any:
    """Stages one after the other, each part once; of queries by path, what matches one of them."""
    if isinstance(values[0], frozenset):
        return frozenset().union(*values)
    if isinstance(values[0], tuple):
        every = [part for value in values for part in value]
        return tuple(part for number, part in enumerate(every) if part not in every[:number])
    found: dict[str, Any] = {}
    for path, query in ((path, query) for value in values for path, query in (value or {}).items()):
        found[path] = {"$or": [found[path], query]} if path in found and found[path] != query else query
    return found


def sources_of_older(shapes: Sequence[ShapeCount], new: Model, evidence: Evidence | None) -> dict[str, str]:
    """Why documents of some of these shapes, the newest first, need the source, and which, by path."""
    found: dict[str, str] = {}
    for shape, lead in _older(shapes, new, evidence):
        whose = f"{counted(shape.documents, 'document')} as run {shape.run} made them"
        for path, reason in lead.reasons.items():
            if reason in AMBIGUOUS:
                found[path] = reason
            elif shape.documents:
                found[path] = f"{reason} ({whose})"
    return found


def doubts_about_older(shapes: Sequence[ShapeCount], new: Model, evidence: Evidence | None) -> dict[str, str]:
    """By path, why documents that have both an older shape and a newer one may not have the value that a run would give them."""
    found: dict[str, str] = {}
    for shape, lead in _older(shapes, new, evidence):
        whose = f"up to {counted(shape.either, 'document')} may have it as run {shape.run} made it"
        found |= {path: f"{whose}: {reason}" for path, reason in lead.reasons.items() if shape.either and reason not in AMBIGUOUS}
    return found


def changes_of_older(
    shapes: Sequence[ShapeCount], new: Model, evidence: Evidence | None, known: Sequence[Change]
) -> tuple[JudgedChange, ...]:
    """What documents of the older of these shapes, the newest first, have to change besides the known changes."""
    found: list[JudgedChange] = []
    for shape, lead in _older(shapes, new, evidence):
        for change in judge(diff(shape.mapping, lead.goal), shape.mapping, lead.goal, evidence) if shape.documents else ():
            if mixes(change) and change.change not in (*known, *(other.change for other in found)):
                found.append(replace(change, run=shape.run))
    return tuple(found)


def _older(shapes: Sequence[ShapeCount], new: Model, evidence: Evidence | None) -> list[tuple[ShapeCount, _Lead]]:
    """The shapes but the newest that documents have, or may have."""
    leads = _leads([shape.mapping for shape in shapes], new, evidence) if shapes else []
    return [(shape, lead) for shape, lead in zip(shapes[1:], leads[1:], strict=True) if shape.documents or shape.either]
