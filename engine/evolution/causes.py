"""Which change is to blame for other values: a field's own, else one of what it is computed from. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from engine.evolution.changes import Change
from engine.mapping.model import Field
from engine.mapping.model import Mapping as Model
from engine.values.paths import MARK, arrays_of


def cause(paths: Iterable[str], changes: Iterable[Change], new: Model) -> Change | None:
    """The nearest change that gives one of these paths, or what its value is made from, another value; None where none does."""
    made = {change.subject: change for change in changes if change.kind.makes_values or change.kind.renames}
    fields, todo, seen = {field.path: field for field in new.fields}, [*sorted(paths)], set[str]()
    while todo:
        path = todo.pop(0)
        if found := next((made[place] for place in (path, *arrays_of(path)) if place in made), None):
            return found
        seen.add(path)
        inside = [field for field in new.fields if field.path.startswith(f"{path}{MARK}")]
        near = [read for field in (*filter(None, [fields.get(path)]), *inside) for read in _reads(field)]
        todo += [*(field.path for field in inside if field.path not in seen), *(read for read in near if read not in seen)]
    return None


def _reads(field: Field) -> list[str]:
    arrays = [node.array for expression in field.expressions for node in expression.aggregates]
    return sorted({*field.reads, *arrays})
