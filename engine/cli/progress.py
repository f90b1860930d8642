"""What a run or an apply shows while it works: a line that is redrawn on a terminal, plain lines when piped, or nothing.

`Progress` receives the events of runs (`RunProgress`) and applies (`ApplyProgress`) and puts them into words; a `Display` shows them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TextIO

from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from engine.cli.console import console_on
from engine.errors import counted
from engine.run.report import Report

STAGES = {"decide": "Deciding which duplicates to keep", "check": "Checking the source", "load": "Loading", "index": "Building indexes"}
STAGES |= {"sources": "Reading the secondary sources", "verify": "Reading back", "publish": "Publishing"}
PLAIN_SECONDS = 5.0


class Display:
    """Shows nothing."""

    def begin(self, title: str) -> None:
        """A stage or step begins."""

    def advance(self, counts: str, done: float | None, whole: str) -> None:
        """So much is done: in words, and as the share of the `whole` where that is known."""

    def warn(self, message: str) -> None:
        """To be seen at once."""


class Lines(Display):
    """One line per stage, and one every few seconds while it lasts: for pipes and logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._last = stream, time.monotonic()

    def begin(self, title: str) -> None:
        """Say which stage begins."""
        print(f"{title} …", file=self._stream, flush=True)

    def advance(self, counts: str, done: float | None, whole: str) -> None:
        """Show how far it is, once every few seconds."""
        now = time.monotonic()
        if now - self._last >= PLAIN_SECONDS:
            self._last = now
            share = f", {done:.0%} of the {whole}" if done is not None else ""
            print(f"  {counts}{share}", file=self._stream, flush=True)

    def warn(self, message: str) -> None:
        """Show the warning at once."""
        print(f"WARNING: {message}", file=self._stream, flush=True)


class Line(Display):
    """A progress line that is redrawn in place."""

    def __init__(self, bar: Bar) -> None:
        self._bar, self._task = bar, bar.add_task("Starting", total=None, counts="")

    def begin(self, title: str) -> None:
        """Show which stage begins; its duration is unknown."""
        self._bar.reset(self._task, total=None, description=title, counts="")

    def advance(self, counts: str, done: float | None, whole: str) -> None:  # noqa: ARG002 -- a bar shows what it is the share of
        """Redraw the counts."""
        total, completed = (1.0, done) if done is not None else (None, None)
        self._bar.update(self._task, total=total, completed=completed, counts=counts)

    def warn(self, message: str) -> None:
        """Show the warning at once, above the progress line."""
        self._bar.console.print(Text.assemble(("WARNING: ", "bold red"), message), soft_wrap=True)


class Progress:
    """Receives from runs and applies what happens."""

    def __init__(self, display: Display) -> None:
        self._display, self._started = display, time.monotonic()

    def stage(self, name: str) -> None:
        """A stage of a run."""
        self._display.begin(STAGES[name])

    def rows(self, report: Report, done: float | None) -> None:
        """Rows of a run, and the share of the file."""
        self._display.advance(_counts(report, time.monotonic() - self._started), done, "file")

    def warn(self, message: str) -> None:
        """Something looks wrong while there is still time to stop."""
        self._display.warn(message)

    def step(self, title: str) -> None:
        """A step of an apply."""
        self._started = time.monotonic()
        self._display.begin(title)

    def documents(self, done: int, total: int) -> None:
        """Documents of that step."""
        seconds = time.monotonic() - self._started
        self._display.advance(paced(done, total, seconds), done / total if total else None, "collection")


@contextmanager
def progress_on(stream: TextIO, *, quiet: bool) -> Iterator[Progress]:
    """Shows what happens as long as the context lasts; a line that was drawn is taken away after."""
    if quiet or not stream.isatty():
        yield Progress(Display() if quiet else Lines(stream))
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=20), TaskProgressColumn(), TimeRemainingColumn())
    with Bar(*columns, TextColumn("{task.fields[counts]}"), console=console_on(stream), transient=True) as bar:
        yield Progress(Line(bar))


def paced(done: int, total: int, seconds: float) -> str:
    """How many documents, how many a second, and how long the rest will take at that rate."""
    rate = done / seconds if seconds > 0 else 0
    if rate < 1:
        return counted(done, "document")
    left = f", {timedelta(seconds=round((total - done) / rate))} left" if total > done else ""
    return f"{counted(done, 'document')}, {rate:,.0f} documents/s{left}"


def _counts(report: Report, seconds: float) -> str:
    counts = report.accounting
    rate = f"{counts.rows_read / seconds:,.0f} rows/s" if seconds > 0 else ""
    rejected = f", {counts.rejected:,} rejected" if counts.rejected else ""
    return f"{counted(counts.rows_read, 'row')}, {rate}{rejected}"
