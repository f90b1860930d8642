"""What `engine history` shows: one line per apply or load with its changes below it, and all that is recorded of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.table import Table
from rich.text import Text

from engine.cli.console import console_on, print_lines, print_table
from engine.errors import counted
from engine.mongo.records import Kind, RunRecord

COLUMNS = {"run": 0, "collection": 100, "what": 0, "started": 80, "outcome": 0, "changes": 60, "counts": 120, "by": 140, "reason": 160}
"""The columns of the list, and the least terminal width (in characters) that shows them."""


def show_history(found: Sequence[RunRecord], stream: TextIO) -> None:
    """One line per record, the newest first, with as many columns as fit the terminal; then its changes. Times are UTC."""
    console, table = console_on(stream), Table(box=None, pad_edge=False)
    names = [name for name, least in COLUMNS.items() if console.width >= least]
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=name in ("run", "started"))
    for record in found:
        cells = dict(zip(COLUMNS, _cells(record), strict=True))
        table.add_row(*(Text(cells[name]) for name in names))
    print_table(console, table, stream)
    print_lines((f"{record.run_id} {change}" for record in found for change in _changes(record)), stream)


def _cells(record: RunRecord) -> tuple[str, ...]:
    """In the order of `COLUMNS`."""
    changes = f"{len(_changes(record)):,}" if record.kind is Kind.APPLY else ""
    what = str(record.kind) if record.kind == record.mode else f"{record.kind}, {record.mode}" if record.mode else str(record.kind)
    by = f"{record.by.user}@{record.by.host}" if record.by else ""
    reason = record.by.reason if record.by else ""
    return record.run_id, record.collection, what, _when(record), record.outcome, changes, ", ".join(_counts(record)), by, reason


def _changes(record: RunRecord) -> Sequence[str]:
    """Of the mapping; a load has counts of documents under this name."""
    return tuple(record.details.get("changes", ())) if record.kind is Kind.APPLY else ()


def _when(record: RunRecord) -> str:
    return f"{record.started_at:%Y-%m-%d %H:%M:%S}" if record.started_at else ""


def _counts(record: RunRecord) -> Iterator[str]:
    if accounting := record.accounting:
        yield counted(accounting.documents, "document")
        if accounting.rejected:
            yield f"{accounting.rejected:,} rejected"
    if rewritten := record.details.get("rewritten"):
        yield f"{rewritten:,} rewritten"
    if record.aside:
        yield f"{record.aside.documents:,} set aside"
    if record.left:
        yield f"{sum(left.documents for left in record.left):,} no longer set aside"


def shown(record: RunRecord) -> Iterator[str]:
    """All that is recorded of one, but its mapping and state: those are printed by `history mapping` and `verify`."""
    by, live = record.by, record.live
    facts = {
        "run": record.run_id,
        "of": f"{record.database}.{record.collection}",
        "what": f"{record.kind}, mode {record.mode}",
        "outcome": record.outcome,
        "started": _when(record),
        "ended": f"{record.finished_at:%Y-%m-%d %H:%M:%S}" if record.finished_at else "",
        "by": f"{by.user}@{by.host}" if by else "",
        "account": by.account if by else "",
        "command": " ".join(by.command) if by else "",
        "commit": f"{by.commit}{' and uncommitted changes' if by.uncommitted else ''}" if by and by.commit else "",
        "reason": by.reason if by else "",
        "engine": record.engine,
        "mapping": f"{record.mapping}, meaning {record.meaning_sha256}",
        "after": record.previous,
        "continues": record.resumed,
        "retry of": record.retry_of,
        "allowed": ", ".join(record.allow),
        "counts": ", ".join(_counts(record)),
        "live": f"{counted(live.count, 'document')}, checksum {live.checksum}" if live else "",
        "aside": f"{record.aside.collection} ({record.aside.why})" if record.aside else "",
    }
    yield from (f"{name:<10}{value}" for name, value in facts.items() if value)
    yield from (f"change    {change}" for change in _changes(record))
    yield from (f"step      {step['at']} {step['name']}: {step['title']}" for step in record.steps)
    yield from (f"{'returned' if record.kind == 'restore' else 'left':<10}{left.documents:,} of run {left.run}" for left in record.left)
