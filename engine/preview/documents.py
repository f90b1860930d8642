"""The first rows of a source: their documents as Extended JSON, or why they are rejected. Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from datetime import UTC, datetime
from typing import Any

from engine.errors import counted
from engine.mapping.model import ID, MASK, Field, Mapping
from engine.plan import EvaluatedRow, Plan, compile_plan
from engine.sources import RowReader
from engine.sources.secondary import SecondarySource
from engine.values.paths import MARK, array_of, arrays_of


def preview(mapping: Mapping, source: RowReader, rows: int, tables: MappingOf[str, SecondarySource]) -> Iterator[str]:
    """Lines of text for the first `rows` rows. Private values are masked. Raises DataError as a run would."""
    plan = compile_plan(mapping, source.columns, now=datetime.now(UTC).replace(tzinfo=None), tables=tables)
    yield from (f"note: {note}" for note in plan.warnings)
    last = 0
    for batch in source.batches():
        first = batch.up_to(rows)
        lines = {record.row: f"rejected, {record.code}: {record.message}" for record in first.malformed}
        verdicts = plan.apply(first.frame)
        lines |= {row.number: document(plan, row) for row in verdicts.accepted.rows()}
        lines |= {row.number: _refused(plan, row) for row in verdicts.rejected.rows()}
        yield from (f"row {row}: {lines.get(row, 'filtered')}" for row in sorted({*first.row_numbers, *lines}))
        last = max(last, batch.last)
        if last >= rows:
            return
    yield f"note: the source has {counted(last, 'row')}"


def document(plan: Plan, row: EvaluatedRow) -> str:
    """A row's document as Extended JSON, private values masked."""
    return json.dumps(_level(plan.mapping, "", row.values), indent=2, ensure_ascii=False)


def _level(mapping: Mapping, array: str, row: MappingOf[str, Any]) -> Any:
    """The document, or an element of an array, from its values by path."""
    found: dict[str, Any] = {}
    arrays = {declaration.path: declaration for declaration in mapping.arrays}
    fields = {field.path: field for field in mapping.fields}
    for path in _places(mapping, array):
        value = row[path]
        empty = arrays[path].empty == "null" if path in arrays else fields[path].writes_null
        if value is None and not empty:
            continue
        if path == f"{array}{MARK}":
            return _shown(fields[path], value)
        node = found
        *parents, last = path.removeprefix(f"{array}{MARK}.").split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = _list(mapping, path, value) if path in arrays else _shown(fields[path], value)
    return found


def _places(mapping: Mapping, array: str) -> list[str]:
    """The fields and arrays of a level, in the order of the mapping."""
    hidden = {declaration.path for declaration in mapping.arrays if not declaration.embed}
    ways = ([*reversed([*arrays_of(field.path)]), field.path] for field in mapping.fields)
    here = (path for way in ways for path in way if array_of(path) == array and path not in hidden)
    return sorted(dict.fromkeys(here), key=lambda path: path != ID)


def _list(mapping: Mapping, array: str, elements: list[Any] | None) -> Any:
    values = any(field.path == f"{array}{MARK}" for field in mapping.fields)
    return (
        None if elements is None else [_level(mapping, array, {f"{array}{MARK}": element} if values else element) for element in elements]
    )


def _shown(field: Field, value: Any) -> Any:
    if value is None:
        return None
    return MASK if field.private else field.type.show(value)


def _refused(plan: Plan, row: EvaluatedRow) -> str:
    broken = [check for check in plan.checks if check.outcome == "reject" and row.breaks(check)]
    return "rejected, " + "; ".join(f"{check.code}: {check.path} {check.message}".replace(":  ", ": ") for check in broken)
