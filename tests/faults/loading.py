"""The loader as a process of its own, the file it loads, and the ledger law by which every test here ends."""

import csv
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bson.raw_bson import RawBSONDocument
from jobs import own
from pymongo import MongoClient
from pymongo.collection import Collection

from faults.killing import expire_locks

ROOT = Path(__file__).parents[2]
MAPPING = Path(__file__).with_name("stays.yaml")
PATIENCE = 120.0
HASTY = (
    "from engine.mongo import connection, retries; connection.SELECTION_MS = 2000; retries.PATIENCE = 10; retries.ANSWER = 4; "
    "from engine.cli.command import main; main()"
)
ROWS, PADDING = 3000, 4000  # six blocks of the reader, so six inserts or more
DONE, DATA, TARGET, LOCKED, INTERRUPTED = 0, 3, 4, 5, 130


@dataclass(frozen=True)
class Source:
    """A file, and where each of its rows must end: the numbers that become documents, the rows rejected, how many are repeated."""

    file: Path
    rows: int
    documents: frozenset[int]
    rejected: frozenset[int]
    duplicates: int


def make_source(file: Path, rows: int = ROWS, *, seed: int = 1, padding: int = PADDING) -> Source:
    """Rows of random text that do not compress; every 500th has no age, every 700th is that before it again."""
    chance = random.Random(seed)
    documents, rejected, duplicates, last = set[int](), set[int](), 0, None
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Number", "Name", "Age", "Note"])
        for row in range(1, rows + 1):
            cells = [row, f"Patient {row}", chance.randrange(100), chance.randbytes(padding // 2).hex()]
            if row % 500 == 0:
                cells[2] = "unknown"
                rejected.add(row)
            elif row % 700 == 0:
                cells = last
                duplicates += 1
            else:
                documents.add(row)
            writer.writerow(cells)
            last = cells
    return Source(file, rows, frozenset(documents), frozenset(rejected), duplicates)


@dataclass(frozen=True)
class Content:
    """What a collection holds: how many documents, and a hash over all their bytes."""

    count: int
    digest: str


def content(collection: Collection[Any]) -> Content:
    """Independent of the engine's checksum, on purpose."""
    plain = collection.with_options(codec_options=collection.codec_options.with_options(document_class=RawBSONDocument))
    stored = sorted(bytes(one.raw) for one in plain.find())
    return Content(len(stored), hashlib.sha256(b"".join(stored)).hexdigest())


@dataclass(frozen=True)
class Ended:
    """How a loader ended: its exit code (negative: the signal), its report and what it said."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def report(self) -> dict[str, Any]:
        return json.loads(self.out)

    @property
    def findings(self) -> list[str]:
        return [one["code"] for one in self.report["errors"]]


class Loading:
    """A loader at work."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def end(self, send: int | None = None, patience: float = PATIENCE) -> Ended:
        """Wait for its end, after a signal if one is given. Where that takes over `patience` seconds, it is killed and the test fails."""
        if send is not None:
            self.started = time.monotonic()
            self.process.send_signal(send)
        try:
            out, err = self.process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"the loader did not end within {patience:.0f} s; it said: {err[-2000:]}") from None
        return Ended(self.process.returncode, out, err, time.monotonic() - self.started)

    def kill(self) -> Ended:
        return self.end(signal.SIGKILL)

    def close(self) -> None:
        """Whatever the test left of it."""
        self.process.kill()
        self.process.communicate()


@dataclass
class Job:
    """One load into one collection of one server. `uri` may lead through a proxy; `client` looks at the server itself.

    `hasty` shortens the engine's patience with a server that is away.
    """

    folder: Path
    client: MongoClient[dict[str, Any]]
    uri: str
    source: Source
    clean: Content
    mapping: Path = MAPPING
    environment: dict[str, str] = field(default_factory=dict)
    hasty: bool = False
    database: str = field(default_factory=lambda: f"faults_{os.urandom(4).hex()}")

    def __post_init__(self) -> None:
        self.live = self.client[self.database]["stays"]
        self.home = self.folder / "home"
        self.loadings: list[Loading] = []

    def start(self, *arguments: str) -> Loading:
        environment = os.environ | {"MONGODB_URI": self.uri, "ENGINE_HOME": str(self.home), "DATABASE": self.database} | self.environment
        program = ["-c", HASTY] if self.hasty else ["-m", "engine"]
        command = [sys.executable, *program, "run", "-m", str(self.mapping), "--source", str(self.source.file), "--json"]
        self.loadings.append(Loading([*command, *arguments], environment))
        return self.loadings[-1]

    def run(self, *arguments: str) -> Ended:
        return self.start(*arguments).end()

    def seed(self) -> None:
        """Something live to lose."""
        self.live.insert_many([{"_id": number, "number": -1 - number, "old": True} for number in range(100)])
        own(self.live)
        self.before = content(self.live)

    def finish(self) -> None:
        """Run once more, to the end. The lock of a loader that is gone is free."""
        self.assert_whole(self.run())

    def expire(self) -> None:
        """The time passes after which a silent holder loses its lock."""
        expire_locks(self.client[self.database])

    def assert_whole(self, ended: Ended) -> None:
        """The law of a run that is done: every row is in exactly one place, and the database holds what a clean run gives, recorded so."""
        assert ended.code == 0, ended.err
        report, source = ended.report, self.source
        numbers = [document["number"] for document in self.live.find({}, {"number": 1})]
        assert len(numbers) == len(source.documents)
        assert set(numbers) == source.documents
        assert rejected_rows(report) == sorted(source.rejected)
        counts = [len(source.documents), 0, source.duplicates, len(source.rejected), 0]
        assert report["accounting"] == dict(
            zip(("rows_read", "documents", "grouped", "duplicates", "rejected", "filtered"), [source.rows, *counts], strict=True)
        )
        assert sum(counts) == source.rows
        assert content(self.live) == self.clean
        recorded = self.client[self.database]["_engine_runs"].find_one({"_id": report["run_id"]})
        assert (recorded["outcome"], recorded["checksum"], recorded["accounting"]) == (
            "published",
            report["checksum"],
            report["accounting"],
        )
        self.assert_tidy()

    def assert_untouched(self, ended: Ended) -> None:
        """The law of a run that is not done: it says so, and the live collection is what it was."""
        assert ended.code != 0, ended.out
        assert content(self.live) == self.before

    def assert_tidy(self) -> None:
        """Nothing is left but the live collection and what the engine keeps for itself."""
        left = [name for name in self.client[self.database].list_collection_names() if not name.startswith("_engine")]
        assert left == ["stays"]

    def assert_old_or_new(self) -> None:
        """Readers have the old collection or the new one."""
        assert content(self.live) in (self.before, self.clean)


def rejected_rows(report: dict[str, Any]) -> list[int]:
    """The numbers of the rows in the rejects file."""
    if not report["rejects_file"]:
        return []
    with Path(report["rejects_file"]).open(encoding="utf-8", newline="") as stream:
        return sorted(int(row["_row"]) for row in csv.DictReader(stream))


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """What is done here does not take longer."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds
