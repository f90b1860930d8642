"""What is shown of runs: the summary of one, the history of many, the rejects files that they left."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from shutil import which
from typing import TextIO

from rich.table import Table
from rich.text import Text

from engine.cli.console import console_on, print_lines, print_table
from engine.errors import Finding, counted
from engine.mongo.records import Kind, Outcome, RunRecord
from engine.run.corrections import Summary
from engine.run.report import Report, SecondaryAccount

CHANGES = {"inserted": "inserted", "updated": "updated", "unchanged": "unchanged", "deleted": "deleted", "unmatched": "match no live one"}
CHANGES |= {"ignored": "left as they are, though they differ (on_match: ignore)"}
CHANGES |= {"before": "written by the run that this one resumes"}
HISTORY = {"run": ("left", 0), "collection": ("left", 80), "mode": ("left", 140), "started": ("left", 120), "outcome": ("left", 0)}
HISTORY |= {"rows": ("right", 0), "documents": ("right", 80), "rejected": ("right", 0), "seconds": ("right", 100)}
HISTORY |= {"by": ("left", 150), "reason": ("left", 180)}
"""The columns of `engine runs`: their alignment, and the least terminal width (in characters) that shows them."""


def summary(report: Report, stream: TextIO) -> None:
    """Show the result of a run: accounting, reasons, indexes, where to look next."""
    console = console_on(stream)
    colour = "green" if report.outcome in (Outcome.PUBLISHED, Outcome.DRY_RUN) else "red"
    print_lines([Text.assemble((report.outcome.upper(), f"bold {colour}"), f"  {report.source} → {report.target}")], stream)
    print_table(console, _accounting(report), stream)
    if report.outcome in (Outcome.FAILED, Outcome.INTERRUPTED) and not report.accounting.balanced:
        console.print("stopped early: the other rows that were read were still in progress")
    print_lines(map(_other, report.secondary), stream)
    for title, reasons in (("Rejected because", report.rejects), ("Warnings", report.warnings), ("Values left out", report.nulled)):
        if reasons:
            table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
            for name, justify in (("rows", "right"), ("code", "left"), ("field", "left"), ("rule", "left")):
                table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
            for reason, rows in reasons.most_common():
                table.add_row(f"{rows:,}", reason.code, reason.path, reason.message)
            print_table(console, table, stream)
    print_lines(_facts(report), stream)


def _accounting(report: Report) -> Table:
    counts = report.accounting
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right", style="bold")
    table.add_column()
    table.add_row(f"{counts.rows_read:,}", "rows read")
    table.add_row(f"{counts.documents:,}", "documents")
    if counts.grouped:
        table.add_row(f"{counts.grouped:,}", "grouped into the document of an earlier row")
    table.add_row(f"{counts.duplicates:,}", "duplicates dropped")
    table.add_row(f"{counts.rejected:,}", "rejected")
    table.add_row(f"{counts.filtered:,}", "filtered out")
    return table


def _other(account: SecondaryAccount) -> str:
    """The accounting of a secondary source in one line."""
    ends = {"looked up": account.looked_up, "embedded": account.embedded, "left out": account.left_out}
    ends |= {"without a document": account.orphans, "malformed": account.malformed}
    return f"{account.source}: {counted(account.rows_read, 'row')} read, " + (
        ", ".join(f"{rows:,} {end}" for end, rows in ends.items() if rows) or "none used"
    )


def _facts(report: Report) -> Iterable[str]:
    yield from (f"note: {note}" for note in report.notes)
    if report.indexes:
        yield f"indexes: {', '.join(report.indexes)}"
    if report.checksum:
        yield f"read back and equal: {report.live_documents:,} documents are live, checksum {report.checksum}"
    if any(report.changes.values()):
        yield "of the documents: " + ", ".join(f"{count:,} {CHANGES[name]}" for name, count in report.changes.items() if count)
    stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in report.stages.items())
    yield f"{report.seconds:.2f} s ({stages}), {report.rows_per_second:,} rows/s, {report.peak_memory_mb:,.0f} MB at most"
    if report.rejects_file:
        yield f"rejected rows: {report.rejects_file}"
    yield f"run {report.run_id}"
    if report.outcome is Outcome.PUBLISHED and "(embedded)" in report.target:
        yield f"look at it: {_typed()} db up, then mongosh with the address it prints"


def _typed() -> str:
    """This command as the user can type it."""
    if which("engine"):
        return "engine"
    return f"{sys.executable} -m engine" if Path(sys.argv[0]).name == "__main__.py" else sys.argv[0]


def findings(found: Iterable[Finding], stream: TextIO) -> None:
    """One finding a line, as `file:line:column code message — hint`."""
    for finding in found:
        print(finding, file=stream)


def history(runs: Sequence[RunRecord], stream: TextIO) -> None:
    """One line per run, with as many columns as fit the terminal; times are UTC."""
    console, table = console_on(stream), Table(box=None, pad_edge=False)
    shown = {name: justify for name, (justify, least) in HISTORY.items() if console.width >= least}
    for name, justify in shown.items():
        table.add_column(name, justify=justify, overflow="fold", no_wrap=justify == "right" or name in ("run", "started"))  # type: ignore[arg-type]
    for record in runs:
        table.add_row(*(cell for name, cell in zip(HISTORY, _told(record), strict=True) if name in shown))
    print_table(console, table, stream)
    print_lines((line for record in runs for line in _asides(record)), stream)


def _asides(record: RunRecord) -> Iterator[str]:
    """What it set aside, and what became of what others did."""
    if record.aside:
        yield f"{record.run_id} set {counted(record.aside.documents, 'document')} aside in {record.aside.collection}: {record.aside.why}"
    for left in record.left:
        fate = "dropped" if record.kind is Kind.DROP else "brought back"
        yield f"{record.run_id} {fate} {counted(left.documents, 'document')} that {left.run} had set aside"


def _told(record: RunRecord) -> tuple[str, ...]:
    """The cells of a run, in the order of `HISTORY`."""
    counts = record.accounting
    numbers = [f"{count:,}" for count in (counts.rows_read, counts.documents, counts.rejected)] if counts else ["", "", ""]
    mode = f"retry of {record.retry_of}" if record.retry_of else record.mode
    started = f"{record.started_at:%Y-%m-%d %H:%M:%S}" if record.started_at else ""
    seconds = f"{record.seconds:.1f}" if record.seconds is not None else ""
    by = f"{record.by.user}@{record.by.host}" if record.by else ""
    return record.run_id, record.collection, mode, started, _outcome(record), *numbers, seconds, by, record.by.reason if record.by else ""


def _outcome(record: RunRecord) -> str:
    if record.outcome is not Outcome.RUNNING:
        return record.outcome
    seen = f", seen {record.heartbeat:%H:%M:%S}" if record.heartbeat else ""
    return f"running, stage {record.stage or '?'}{seen}"


def rejects_files(found: Iterable[Summary], settled: dict[str, list[list[int]]] | None, stream: TextIO) -> None:
    """One line per rejects file. `settled`: by run, the ranges of row numbers that retries have settled since."""
    table = Table(box=None, pad_edge=False)
    names = ["file", "rows", *(["open"] if settled is not None else []), "because"]
    for name in names:
        table.add_column(name, justify="right" if name in ("rows", "open") else "left", overflow="fold")
    for summary in found:
        done = (settled or {}).get(summary.run, [])
        still = sum(1 for row in summary.numbers if not any(first <= row <= last for first, last in done))
        because = ", ".join(f"{code} {count:,}" for code, count in summary.codes.most_common())
        table.add_row(str(summary.file), f"{summary.rows:,}", *([f"{still:,}"] if settled is not None else []), because)
    print_table(console_on(stream), table, stream)
