"""Documents of several shapes in one collection: one rewriting for all of them, and what of each has to change. Pure.

A rewriting changes only what holds an old value, so one after the other they bring documents of every shape to the new one. The older
shapes come first: what one of them retypes under a new name is not mistaken for a value of the newer shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from engine.errors import counted
from engine.evolution.changes import Change
from engine.evolution.diff import diff
from engine.evolution.judging import Evidence, JudgedChange, judge, mixes, rewriting_by_evidence
from engine.evolution.pairing import renames
from engine.evolution.rewriting import Rewriting
from engine.mapping.model import Mapping as Model

TWO_MEANINGS = "documents of two shapes hold different fields there, and do not show which"


@dataclass(frozen=True)
class ShapeCount:
    """A shape that documents have: as the mapping of this run makes them; of which documents there are so many."""

    run: str
    mapping: Model
    documents: int


def rewriting_of_all(shapes: Sequence[Model], new: Model, evidence: Evidence | None) -> Rewriting:
    """The rewriting of documents of any of these shapes, the newest first."""
    every = [rewriting_by_evidence(shape, new, evidence) for shape in reversed(shapes)]
    if len(every) == 1:
        return every[0]
    sources = {path: reason for one in every for path, reason in (one.sources or {}).items()}
    sources |= {path: TWO_MEANINGS for shape in shapes[1:] for path in _ambiguous(shape, shapes[0], new)}
    if sources:
        return Rewriting(sources=sources, changed=frozenset().union(*(one.changed for one in every)))
    return Rewriting(**{field.name: _joined([getattr(one, field.name) for one in every]) for field in fields(Rewriting)})


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


def _ambiguous(older: Model, newest: Model, new: Model) -> Iterator[str]:
    """Paths that both shapes have, and that do not become the same."""
    before, after = renames(older, new), renames(newest, new)
    both = {field.path for field in older.fields} & {field.path for field in newest.fields}
    yield from (path for path in sorted(both) if before.get(path) != after.get(path))


def sources_of_older(shapes: Sequence[ShapeCount], new: Model, evidence: Evidence | None) -> dict[str, str]:
    """Why documents of some of these shapes, the newest first, need the source, and which, by path."""
    found = {path: TWO_MEANINGS for shape in shapes[1:] if shape.documents for path in _ambiguous(shape.mapping, shapes[0].mapping, new)}
    for shape in shapes[1:]:
        rewrite = rewriting_by_evidence(shape.mapping, new, evidence)
        whose = f"{counted(shape.documents, 'document')} as run {shape.run} made them"
        found |= {path: f"{reason} ({whose})" for path, reason in (rewrite.sources or {}).items() if shape.documents}
    return found


def changes_of_older(
    shapes: Sequence[ShapeCount], new: Model, evidence: Evidence | None, known: Sequence[Change]
) -> tuple[JudgedChange, ...]:
    """What documents of these shapes have to change besides the known changes; of shapes that no document has, nothing."""
    found: list[JudgedChange] = []
    for shape in shapes:
        for change in judge(diff(shape.mapping, new), shape.mapping, new, evidence) if shape.documents else ():
            if mixes(change) and change.change not in (*known, *(other.change for other in found)):
                found.append(replace(change, run=shape.run))
    return tuple(found)
