"""The first rows of a source and what becomes of them: documents as Extended JSON, rejects with their reasons. Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import polars as pl

from engine.model import Mapping
from engine.plan import Plan, compile_plan
from engine.sources.batch import ROW
from engine.sources.csv import CsvFile

MASK = "(private)"


def preview(mapping: Mapping, source: CsvFile, rows: int) -> Iterator[str]:
    """Lines of text for the first `rows` rows. Private values are masked. Raises DataError as a run would."""
    plan = compile_plan(mapping, source.columns, now=datetime.now(UTC).replace(tzinfo=None))
    yield from (f"note: {note}" for note in plan.warnings)
    for batch in source.batches():
        told = {record.row: f"rejected, {record.code}: {record.message}" for record in batch.malformed}
        verdicts = plan.apply(batch.frame.filter(pl.col(ROW) <= rows))
        told |= {
            row[ROW]: document(plan, row) for row in verdicts.accepted.iter_rows(named=True)
        }  # fmt: skip
        told |= {row[ROW]: _refused(plan, row) for row in verdicts.rejected.iter_rows(named=True)}
        yield from (
            f"row {row}: {told[row]}" if row in told else f"row {row}: filtered"
            for row in range(1, min(rows, _last(batch.frame, told)) + 1)
        )
        return


def _last(frame: pl.DataFrame, told: dict[int, str]) -> int:
    return max([*frame[ROW].tail(1), *told], default=0)


def document(plan: Plan, row: dict[str, Any]) -> str:
    """A row's document as Extended JSON, private values masked."""
    found: dict[str, Any] = {}
    for one in plan.mapping.fields:
        value = row[one.path]
        if value is None and not one.writes_null:
            continue
        node = found
        *parents, last = one.path.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = MASK if one.private and value is not None else plain(value)
    return json.dumps(found, indent=2, ensure_ascii=False)


def plain(value: Any) -> Any:
    """A value as JSON shows it: a date in ISO 8601, bytes in hexadecimal."""
    if isinstance(value, datetime):
        return {"$date": value.isoformat(timespec="milliseconds") + "Z"}
    return value.hex() if isinstance(value, bytes) else value


def _refused(plan: Plan, row: dict[str, Any]) -> str:
    broken = [check for check in plan.checks if check.outcome == "reject" and row[check.flag]]
    return "rejected, " + "; ".join(f"{check.code}: {check.path} {check.message}".replace(":  ", ": ") for check in broken)
