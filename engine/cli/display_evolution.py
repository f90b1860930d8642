"""What `engine plan` and `engine apply` show: a plan that reads like a diff, the progress of an apply, and the commands of a dry run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from bson import json_util
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn
from rich.text import Text

from engine.evolution.judging import Judged, Needs
from engine.evolution.planning import Plan

SIGNS = {"E101": ("+", "green"), "E301": ("+", "green"), "E401": ("+", "green"),
         "E102": ("-", "red"), "E302": ("-", "red"), "E402": ("-", "red")}  # fmt: skip
CHANGED = ("~", "yellow")
WAYS = {
    Needs.NOTHING: "Nothing to do: the collection is as the mapping says.",
    Needs.RULES: "`engine apply` does it: it changes the validator.",
    Needs.INDEXES: "`engine apply` does it: it changes the validator and indexes.",
    Needs.REWRITE: "`engine apply` does it: it rewrites documents on the server.",
    Needs.SOURCE: "Only the source can tell: `engine run` loads the collection anew.",
}


def show_plan(found: Plan, title: str, data: Iterable[str], stream: TextIO) -> None:
    """The plan, one paragraph a change; colours on a terminal only."""
    console = Console(file=stream, highlight=False, markup=False, width=None if stream.isatty() else 200)
    told = [Text(), *_changes(found), *_end(found)] if found.judged or found.drift or found.unfinished else []
    for line in (Text(title, "bold"), *_head(found), *told, Text(), Text(_count(found) + WAYS[found.needs], "bold"), *map(Text, data)):
        console.print(line, soft_wrap=True)


def _head(found: Plan) -> Iterator[Text]:
    if found.applied:
        documents = f": {found.counts.documents:,} documents" if found.counts else ""
        yield Text(f"compared with what {found.applied} left{documents}")
    if found.unfinished:
        yield Text(f"apply {found.unfinished} was not finished: `engine apply` goes on with it", "red")
    for line in found.drift:
        yield Text(f"drift: {line}", "red")
    if found.counts and found.counts.strangers:
        yield Text(f"drift: {found.counts.strangers:,} documents are not of the shape that was applied", "red")


def _changes(found: Plan) -> Iterator[Text]:
    for one in found.judged:
        sign, colour = SIGNS.get(one.change.code, CHANGED)
        yield Text(f"{sign} {one.change}", colour)
        yield from (Text(f"      {line}") for line in _facts(one, found))


def _facts(one: Judged, found: Plan) -> Iterator[str]:
    reason = f": {one.reason}" if one.reason else ""
    yield f"needs    {one.needs.words}{reason}"
    if one.readers.breaks:
        yield f"readers  break: {one.readers.why}"
    if one.writers.breaks:
        yield f"writers  break: {one.writers.why}"
    if one.needs > Needs.NOTHING and not (one.readers.breaks or one.writers.breaks):
        yield f"readers  and writers go on: {one.readers.why}"
    if counts := found.counts:
        if one.needs < Needs.SOURCE and (affected := counts.affected.get(one.change.label)):
            yield f"touches  {affected:,} documents"
        if violators := counts.violators.get(one.change.subject):
            yield f"refuses  {violators:,} documents that are there"


def _end(found: Plan) -> Iterator[Text]:
    for old, new in found.renames.items():
        yield Text(f"is {new} a new name of {old}? then say so at the field, and nothing is lost: was: {old}", "cyan")
    for subject, rows in found.rejected.items():
        yield Text(f"{rows:,} rows were rejected for {subject}, and may fit now: `engine rejects retry` loads them after it", "cyan")
    told = {one.change.subject for one in found.judged if one.reason}
    for subject, why in found.blocked.items():
        if subject not in told:
            yield Text(f"{subject} needs the source: {why}")
    for code, lost in found.destructive.items():
        yield Text(f"destructive: {lost}; apply does it with --allow {code}", "red")


def _count(found: Plan) -> str:
    changes = len(found.judged)
    return f"{changes} change{'s' if changes != 1 else ''}. " if changes else ""


def show_steps(steps: Iterable[tuple[Any, tuple[dict[str, Any], ...]]], stream: TextIO) -> None:
    """The commands of a dry run, as canonical Extended JSON, each under its step's title."""
    for number, (step, commands) in enumerate(steps, start=1):
        print(f"// {number}. {step.title}", file=stream)
        for command in commands:
            print(json_util.dumps(command, json_options=json_util.CANONICAL_JSON_OPTIONS, ensure_ascii=False), file=stream)


def show_applied(done: Any, stream: TextIO) -> None:
    """What an apply did."""
    if not done.run_id:
        print(f"nothing to do: the collection is as {done.before} left it, and the mapping says the same", file=stream)
        return
    console = Console(file=stream, highlight=False, markup=False, width=None if stream.isatty() else 200)
    aside = f", {done.set_aside:,} set aside" if done.set_aside else ""
    console.print(Text.assemble(("APPLIED", "bold green"), f"  {done.rewritten:,} rewrites of documents{aside}"), soft_wrap=True)
    if done.resumed:
        print(f"went on where {done.resumed} stopped", file=stream)
    print(f"steps: {', '.join(step['name'] for step in done.steps)}", file=stream)
    print(f"{done.documents:,} documents are live, checksum {done.checksum}", file=stream)
    print(f"run {done.run_id}", file=stream)


class _Lines:
    """A line a step, for pipes and logs."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def step(self, title: str) -> None:
        if self._stream:
            print(f"{title} …", file=self._stream, flush=True)

    def documents(self, _done: int, _total: int) -> None:
        """Too many for lines."""


class _Bar:
    """A progress line that is drawn anew in place."""

    def __init__(self, bar: Progress) -> None:
        self._bar, self._task = bar, bar.add_task("starting", total=None, counts="")

    def step(self, title: str) -> None:
        self._bar.reset(self._task, total=None, description=title, counts="")

    def documents(self, done: int, total: int) -> None:
        self._bar.update(self._task, total=total, completed=done, counts=f"{done:,} documents")


@contextmanager
def progress(stream: TextIO, *, quiet: bool) -> Iterator[Any]:
    """Shows an apply while it works."""
    if quiet or not stream.isatty():
        yield _Lines(None if quiet else stream)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=20), TaskProgressColumn())
    with Progress(*columns, TextColumn("{task.fields[counts]}"), console=Console(file=stream), transient=True) as bar:
        yield _Bar(bar)
