"""The first rows of a source and what becomes of them: documents as Extended JSON, rejects with their reasons. Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from datetime import UTC, datetime
from typing import Any

import polars as pl

from engine.mapping.model import ID, Field, Mapping
from engine.plan import Plan, compile_plan
from engine.sources import Rows
from engine.sources.batch import ROW
from engine.sources.secondary import Table
from engine.values.paths import MARK, array_of, arrays_of
from engine.values.types import Type

MASK = "(private)"


def preview(mapping: Mapping, source: Rows, rows: int, tables: MappingOf[str, Table]) -> Iterator[str]:
    """Lines of text for the first `rows` rows. Private values are masked. Raises DataError as a run would."""
    plan = compile_plan(mapping, source.columns, now=datetime.now(UTC).replace(tzinfo=None), tables=tables)
    yield from (f"note: {note}" for note in plan.warnings)
    for batch in source.batches():
        told = {record.row: f"rejected, {record.code}: {record.message}" for record in batch.malformed}
        told = {row: line for row, line in told.items() if row <= rows}
        first = batch.frame.filter(pl.col(ROW) <= rows)
        verdicts = plan.apply(first)
        told |= {
            row[ROW]: document(plan, row) for row in verdicts.accepted.iter_rows(named=True)
        }  # fmt: skip
        told |= {row[ROW]: _refused(plan, row) for row in verdicts.rejected.iter_rows(named=True)}
        yield from (f"row {row}: {told.get(row, 'filtered')}" for row in sorted({*first[ROW], *told}))
        return


def document(plan: Plan, row: dict[str, Any]) -> str:
    """A row's document as Extended JSON, private values masked."""
    return json.dumps(_level(plan.mapping, "", row), indent=2, ensure_ascii=False)


def _level(mapping: Mapping, array: str, row: dict[str, Any]) -> Any:
    """The document, or an element of an array, from its values by path."""
    found: dict[str, Any] = {}
    arrays = {one.path: one for one in mapping.arrays}
    fields = {one.path: one for one in mapping.fields}
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
    hidden = {one.path for one in mapping.arrays if not one.embed}
    ways = ([*reversed([*arrays_of(one.path)]), one.path] for one in mapping.fields)
    here = (path for way in ways for path in way if array_of(path) == array and path not in hidden)
    return sorted(dict.fromkeys(here), key=lambda path: path != ID)


def _list(mapping: Mapping, array: str, elements: list[Any] | None) -> Any:
    values = any(one.path == f"{array}{MARK}" for one in mapping.fields)
    return None if elements is None else [_level(mapping, array, {f"{array}{MARK}": one} if values else one) for one in elements]


def _shown(one: Field, value: Any) -> Any:
    return MASK if one.private and value is not None else stored(one.type, value)


def stored(kind: Type, value: Any) -> Any:
    """A value as it stands in the document."""
    if kind.geojson and value is not None:
        return {"type": kind.geojson, "coordinates": value}
    return {"$numberDecimal": value} if kind.bson_type == "decimal" and value is not None else plain(value)


def plain(value: Any) -> Any:
    """A value as JSON shows it: a date in ISO 8601, bytes in hexadecimal."""
    if isinstance(value, datetime):
        return {"$date": value.isoformat(timespec="milliseconds") + "Z"}
    return value.hex() if isinstance(value, bytes) else value


def _refused(plan: Plan, row: dict[str, Any]) -> str:
    broken = [check for check in plan.checks if check.outcome == "reject" and row[check.flag]]
    return "rejected, " + "; ".join(f"{check.code}: {check.path} {check.message}".replace(":  ", ": ") for check in broken)
