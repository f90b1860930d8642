"""What a run shows: live progress on a terminal, plain lines when piped, and the summary. The only room with the terminal library."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from shutil import which
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from engine.errors import Finding
from engine.run.report import Other, Report

STAGES = {"decide": "Deciding which duplicates stay", "check": "Checking the source", "load": "Loading", "index": "Building indexes"}
STAGES |= {"sources": "Reading the other sources", "verify": "Reading back", "publish": "Publishing"}
CHANGES = {"inserted": "inserted", "updated": "updated", "unchanged": "unchanged", "deleted": "deleted since the source lacks them"}
CHANGES |= {"before": "written by the run that this one resumed"}
PLAIN_SECONDS = 5.0
HISTORY = {"run": ("left", 0), "collection": ("left", 80), "mode": ("left", 140), "started": ("left", 120), "outcome": ("left", 0)}
HISTORY |= {"rows": ("right", 0), "documents": ("right", 80), "rejected": ("right", 0), "seconds": ("right", 100)}
"""What is told of a run: justified how, and on terminals of at least how many columns."""
PIPED_WIDTH = 200  # lines of a pipe are searched, not looked at


class Quiet:
    """Shows nothing."""

    def stage(self, name: str) -> None:
        """Nothing."""

    def rows(self, report: Report, done: float | None) -> None:
        """Nothing."""

    def warn(self, message: str) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Plain(Quiet):
    """One line per stage, and one every few seconds while rows are read: for pipes and logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._last, self._started = stream, time.monotonic(), time.monotonic()

    def stage(self, name: str) -> None:
        """Say which stage begins."""
        print(f"{STAGES[name]} …", file=self._stream, flush=True)

    def rows(self, report: Report, done: float | None) -> None:
        """Say how far the load is, not too often."""
        now = time.monotonic()
        if now - self._last >= PLAIN_SECONDS:
            self._last = now
            share = f", {done:.0%} of the file" if done is not None else ""
            print(f"  {_counts(report, now - self._started)}{share}", file=self._stream, flush=True)

    def warn(self, message: str) -> None:
        """Say it at once."""
        print(f"WARNING: {message}", file=self._stream, flush=True)


class Live(Quiet):
    """A progress line that is drawn anew in place."""

    def __init__(self, stream: TextIO) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=20), TaskProgressColumn(), TimeRemainingColumn())
        self._bar = Bar(*columns, TextColumn("{task.fields[counts]}"), console=Console(file=stream), transient=True)
        self._task = self._bar.add_task("Starting", total=None, counts="")
        self._started = time.monotonic()
        self._bar.start()

    def stage(self, name: str) -> None:
        """Name the stage that begins; how long it takes is not known."""
        self._bar.reset(self._task, total=None, description=STAGES[name])

    def rows(self, report: Report, done: float | None) -> None:
        """Redraw the counts."""
        total, completed = (1.0, done) if done is not None else (None, None)
        self._bar.update(self._task, total=total, completed=completed, counts=_counts(report, time.monotonic() - self._started))

    def warn(self, message: str) -> None:
        """Say it at once, above the line."""
        self._bar.console.print(Text.assemble(("WARNING: ", "bold red"), message), soft_wrap=True)

    def close(self) -> None:
        """Take the line away."""
        self._bar.stop()


def _counts(report: Report, seconds: float) -> str:
    counts = report.accounting
    rate = f"{counts.rows_read / seconds:,.0f} rows/s" if seconds > 0 else ""
    rejected = f", {counts.rejected:,} rejected" if counts.rejected else ""
    return f"{counts.rows_read:,} rows, {rate}{rejected}"


def summary(report: Report, stream: TextIO) -> None:
    """The result of a run: accounting, reasons, indexes, where to look next."""
    console = _console(stream)
    colour = "green" if report.outcome in ("published", "dry run") else "red"
    console.print(Text.assemble((report.outcome.upper(), f"bold {colour}"), f"  {report.source} → {report.target}"), soft_wrap=True)
    _print(console, _accounting(report), stream)
    if report.outcome in ("failed", "interrupted") and not report.accounting.balanced:
        console.print("stopped early: the rest of the rows read were under way")
    for other in report.others:
        console.print(Text(_other(other)), soft_wrap=True)
    for title, reasons in (("Rejected because", report.rejects), ("Warnings", report.warnings), ("Values left out", report.nulled)):
        if reasons:
            table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
            for name, justify in (("rows", "right"), ("code", "left"), ("field", "left"), ("rule", "left")):
                table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
            for reason, rows in reasons.most_common():
                table.add_row(f"{rows:,}", reason.code, reason.path, reason.message)
            _print(console, table, stream)
    for line in _facts(report):
        console.print(Text(line), soft_wrap=True)


def _accounting(report: Report) -> Table:
    counts = report.accounting
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right", style="bold")
    table.add_column()
    table.add_row(f"{counts.rows_read:,}", "rows read")
    table.add_row(f"{counts.documents:,}", "documents")
    if counts.grouped:
        table.add_row(f"{counts.grouped:,}", "further rows of a group, in its document")
    table.add_row(f"{counts.duplicates:,}", "duplicates dropped")
    table.add_row(f"{counts.rejected:,}", "rejected")
    table.add_row(f"{counts.filtered:,}", "filtered out")
    return table


def _other(one: Other) -> str:
    """The accounting of another source in one line."""
    ends = {"looked up": one.looked_up, "embedded": one.embedded, "left out": one.left_out}
    ends |= {"without a document": one.orphans, "malformed": one.malformed}
    return f"{one.source}: {one.rows_read:,} rows read, " + (
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
    if report.outcome == "published" and "(embedded)" in report.target:
        yield f"look at it: {_typed()} db up, then mongosh with the address it prints"


def _typed() -> str:
    """This command as it can be typed."""
    if which("engine"):
        return "engine"
    return f"{sys.executable} -m engine" if Path(sys.argv[0]).name == "__main__.py" else sys.argv[0]


def findings(found: Iterable[Finding], stream: TextIO) -> None:
    """One finding a line, as `file:line:column code message — hint`."""
    for finding in found:
        print(finding, file=stream)


def history(runs: Iterable[dict[str, Any]], stream: TextIO) -> None:
    """One line a run, with as many columns as the terminal has room for; times are UTC."""
    console, table = _console(stream), Table(box=None, pad_edge=False)
    shown = {name: justify for name, (justify, least) in HISTORY.items() if console.width >= least}
    for name, justify in shown.items():
        table.add_column(name, justify=justify, overflow="fold", no_wrap=justify == "right" or name in ("run", "started"))  # type: ignore[arg-type]
    for one in runs:
        counts = one.get("accounting", {})
        numbers = [f"{counts[name]:,}" if name in counts else "" for name in ("rows_read", "documents", "rejected")]
        outcome = (
            f"running, stage {one.get('stage', '?')}, seen {one['heartbeat']:%H:%M:%S}" if one["outcome"] == "running" else one["outcome"]
        )
        mode = f"retry of {one['retry_of']}" if "retry_of" in one else one.get("mode", "")
        seconds = f"{one['seconds']:.1f}" if "seconds" in one else ""
        cells = (one["_id"], one.get("collection", ""), mode, f"{one['started_at']:%Y-%m-%d %H:%M:%S}", outcome, *numbers, seconds)
        table.add_row(*(cell for name, cell in zip(HISTORY, cells, strict=True) if name in shown))
    _print(console, table, stream)


def rejects_files(found: Iterable[Any], settled: dict[str, list[list[int]]] | None, stream: TextIO) -> None:
    """One line a file; `settled`: by run, the ranges of rows that were loaded since."""
    table = Table(box=None, pad_edge=False)
    names = ["file", "rows", *(["open"] if settled is not None else []), "because"]
    for name in names:
        table.add_column(name, justify="right" if name in ("rows", "open") else "left", overflow="fold")
    for one in found:
        done = (settled or {}).get(one.run, [])
        still = sum(1 for row in one.numbers if not any(first <= row <= last for first, last in done))
        because = ", ".join(f"{code} {count:,}" for code, count in one.codes.most_common())
        table.add_row(str(one.file), f"{one.rows:,}", *([f"{still:,}"] if settled is not None else []), because)
    _print(_console(stream), table, stream)


def _print(console: Console, table: Table, stream: TextIO) -> None:
    """A table; in a pipe without the blanks that fill its lines."""
    if stream.isatty():
        console.print(table)
        return
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().splitlines():
        print(line.rstrip(), file=stream)


def _console(stream: TextIO) -> Console:
    return Console(file=stream, highlight=False, markup=False, width=None if stream.isatty() else PIPED_WIDTH)
