"""Measure plan and apply against one scan of the collection, and the point reads beside them; prints Markdown. How: README.md."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any, Self

from bench import CACHE, MAPPING, Place, described, generated, opened, say
from contenders import ENGINE_COMMAND
from measuring import load_average
from pymongo import MongoClient

from engine.apply.inspect import inspect_and_plan
from engine.apply.pacing import Pace
from engine.apply.queries import refused, requirements
from engine.apply.task import ApplyTask
from engine.documents.validators import profile_of
from engine.evolution.approvals import approvals
from engine.mapping.loader import load
from engine.mapping.model import Mapping as Model
from engine.mongo.runids import new_run_id

RENAMED = (
    "patient.age:                 {column: Age, type: int, ",
    "patient.note: {value: none}\n  patient.years: {column: Age, was: patient.age, type: long, ",
)
EDITS: dict[str, tuple[str, str]] = {
    "renamed, retyped and added": RENAMED,
    "narrowed enum": ("enum: [Urgent, Emergency, Elective]", "enum: [Urgent, Emergency]"),
    "unique index": ("indexes:\n", "indexes:\n  alone: {keys: {patient.name: 1, billing_amount: 1, facility.doctor: 1}, unique: true}\n"),
    "TTL index": ("indexes:\n", "indexes:\n  old: {keys: {stay.discharge_date: 1}, expireAfterSeconds: 315360000}\n"),
}
BACK = (RENAMED[0], "patient.age: {column: Age, was: patient.years, type: int, ")
READS = 200  # a second, at most
SCANS = 3
IDLE = 5.0  # seconds of reading beside nothing
LONG = 0.5  # seconds of a step, for which a rate is told


class Reader:
    """A process that reads one document after another by `_id`, as long as the context lasts, beside what is measured."""

    def __init__(self, place: Place) -> None:
        chosen = place.client["medicaldb"]["admissions"].aggregate([{"$sample": {"size": 5000}}, {"$project": {"_id": 1}}])
        context = get_context("spawn")  # of its own: a thread would wait for this interpreter, too, not for the server alone
        self._told, asked = context.Pipe()
        self._process = context.Process(
            target=read_all_the_time, args=(place.server.uri, [one["_id"] for one in chosen], asked), daemon=True
        )

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()

    def beside(self, work: Callable[[], object]) -> tuple[float, float]:
        """Seconds that the work takes, and milliseconds of the slowest hundredth of the reads meanwhile."""
        self._since_last_asked()
        took, read = timed(work), self._since_last_asked()
        return took, quantiles(read, n=100)[98] * 1000 if len(read) > 1 else float("nan")

    def _since_last_asked(self) -> list[float]:
        self._told.send(None)
        found: list[float] = self._told.recv()
        return found


def read_all_the_time(uri: str, ids: Sequence[object], asked: Connection) -> None:
    """Read, and whenever asked tell how many seconds each read took since it was asked before."""
    order, seconds = Random(13), list[float]()
    with MongoClient[dict[str, Any]](uri) as client:
        live = client["medicaldb"]["admissions"]
        while True:
            if asked.poll(1 / READS):
                asked.recv()
                asked.send(seconds)
                seconds = []
            one = order.choice(ids)
            seconds.append(timed(partial(live.find_one, {"_id": one})))


class Watch:
    """When each step of an apply began."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}

    def step(self, title: str) -> None:
        self.steps[title] = time.perf_counter()

    def documents(self, done: int, total: int) -> None:
        """Not needed."""

    @property
    def lasted(self) -> dict[str, float]:
        """Seconds of each step but the last, by title."""
        return {title: end - self.steps[title] for title, end in zip(self.steps, [*self.steps.values()][1:], strict=False)}


@dataclass(frozen=True)
class Table:
    """The rows, as ratios to the seconds of the two scans and to the idle milliseconds of a read."""

    reader: Reader
    reading: float
    judging: float
    idle: float

    def row(self, what: str, work: Callable[[], object]) -> str:
        took, slow = self.reader.beside(work)
        say(f"{what}: {took:.2f} s")
        ratios = f"{took / self.reading:.2f} × | {took / self.judging:.2f} ×"
        return f"| {what} | {took:.2f} | {ratios} | {slow:.2f} | {slow / self.idle:.2f} × |"


def edited(place: Place, name: str, old: str, new: str) -> Model:
    """The mapping with one edit, without its tests."""
    text = MAPPING.read_text(encoding="utf-8").partition("\ntests:")[0]
    assert old in text
    file = place.folder / f"{name.replace(' ', '-')}.yaml"
    file.write_text(f"{text.replace(old, new)}\n", encoding="utf-8")
    return load(file)


def scans(place: Place) -> tuple[float, float]:
    """Seconds of an aggregation that reads all documents, and of one that matches all with the mapping's validator."""
    live, old = place.client["medicaldb"]["admissions"], load(MAPPING)
    reads = [{"$group": {"_id": None, "bytes": {"$sum": {"$bsonSize": "$$ROOT"}}}}]
    judges = [{"$match": refused(requirements(old, profile_of(old)))}, {"$count": "n"}]
    seconds = [median(timed(lambda: list(live.aggregate(one))) for _ in range(SCANS)) for one in (reads, judges)]  # noqa: B023
    return seconds[0], seconds[1]


def measured(place: Place, rows: int) -> Iterator[str]:
    """The rows of the table, in one run."""
    place.do([*ENGINE_COMMAND, "run", "--mapping", str(MAPPING), "--source", str(generated(place, rows))])
    documents = place.client["medicaldb"]["admissions"].estimated_document_count()
    reading, judging = scans(place)
    yield f"| one scan that reads all of {documents:,} documents | {reading:.2f} | 1.00 × | {reading / judging:.2f} × | – | |"
    yield f"| one scan that matches all with the validator | {judging:.2f} | {judging / reading:.2f} × | 1.00 × | – | |"
    with Reader(place) as reader:
        _, idle = reader.beside(lambda: time.sleep(IDLE))
        yield f"| nothing, beside the reads | | | | {idle:.2f} | 1.00 × |"
        table = Table(reader, reading, judging, idle)
        for name, edit in EDITS.items():
            mapping = edited(place, name, *edit)
            for estimate in (False, True):
                asked = partial(inspect_and_plan, place.client, mapping, profile_of(mapping), estimate=estimate)
                yield table.row(f"plan{' --estimate' if estimate else ''}: {name}", asked)
        yield from applied(place, table, edited(place, "renamed", *RENAMED), Pace())
        yield from applied(place, table, edited(place, "back", *BACK), Pace(latency=2 * idle / 1000))


def applied(place: Place, table: Table, mapping: Model, pace: Pace) -> Iterator[str]:
    """One apply, and how long its longest steps take."""
    watch = Watch()
    task = ApplyTask(place.client, profile_of(mapping), mapping, approvals(("E102",)), new_run_id(), pace=pace)
    how = f" --throttle {pace.latency * 1000:.1f}ms" if pace.latency else ""
    yield table.row(f"apply{how}: {mapping.file.stem}", partial(task.carry_out, watch))
    documents = place.client["medicaldb"]["admissions"].estimated_document_count()
    for title, seconds in watch.lasted.items():
        fast = f", {documents / seconds:,.0f} documents/s" if seconds >= LONG else ""
        yield f"| – {title}{fast} | {seconds:.2f} | {seconds / table.reading:.2f} × | {seconds / table.judging:.2f} × | | |"


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=2_000_000, metavar="N", help="rows to load (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for generated files and the server (default: .engine/benchmarks)")
    chosen = parser.parse_args(argv)
    with opened(chosen.cache.resolve()) as place:
        os.environ.update(place.environment)
        print("\n".join(described(place)), end="\n\n")
        print("| what | s | × reading scan | × judging scan | p99 of a point read, ms | × idle |\n|---|---:|---:|---:|---:|---:|")
        for line in measured(place, chosen.documents):
            print(line, flush=True)
        print(f"\nLoad average at the end: {load_average():.1f}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
