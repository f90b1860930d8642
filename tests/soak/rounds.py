"""Rounds of the soak: kill the loader or the server at a random moment, run again to the end, and check everything."""

from __future__ import annotations

import os
import random
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from faults.loading import Ended, Loading
from faults.servers import Mongod

from soak.modes import MODES, Expected, is_whole, numbers, write
from soak.others import WRITERS, Reader, Writer

PATIENCE = 900.0
FILLED_BY_UPSERT = ("update", "delete")  # modes that add nothing: another one fills the collection
OTHERS_INDEX, APPLICATION = "of_others", "application"


@dataclass
class Figures:
    """What happened in one mode: a line of the table."""

    rows: int
    loaders: int = 0
    servers: int = 0
    late: int = 0  # the run had ended before it was killed
    survived: int = 0  # runs that lived through the death of the server
    writes: int = 0
    repeated: int = 0
    reads: int = 0
    broken_off: int = 0
    lost: int = 0
    mixed: int = 0
    seconds: float = 0.0


@dataclass
class Soak:
    """One mode on one database of a server. Every check is an assertion; `figures` are counted on the way.

    `thorough`: `engine verify` compares after each round, not only after the last one.
    """

    folder: Path
    server: Mongod
    name: str
    rows: int
    seed: int = 1
    thorough: bool = True
    live: Expected = field(default_factory=dict)
    writers: list[Writer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mode, self.figures = MODES[self.name], Figures(self.rows)
        self.database = f"soak_{secrets.token_hex(4)}"
        self.identity = "number" if self.mode.key else "_id"
        self.source, self.version = self.folder / "stays.csv", 0
        self.chance = random.Random(self.seed)

    def run(self, loaders: int, servers: int) -> Figures:
        """So many rounds of each kind, in a random order."""
        started = time.monotonic()
        kinds = [self.kill_loader] * loaders + [self.kill_server] * servers
        self.chance.shuffle(kinds)
        with self.others():
            for left, kill in reversed([*enumerate(kinds)]):
                self.prepare()
                kill()
                self.finish(verify=self.thorough or not left)
        self.figures.seconds = time.monotonic() - started
        self.server.client.drop_database(self.database)
        return self.figures

    @contextmanager
    def others(self) -> Iterator[None]:
        """The first load, and then the writers and the reader at work."""
        self.fill()
        stays = self.server.client[self.database]["stays"]
        stays.create_index("writer", name=OTHERS_INDEX)
        if self.mode.key:  # numbers that the next file has, with an `_id` that an application gave
            new = numbers(1, self.rows)[-(self.rows // 100) :]
            stays.insert_many([{"_id": f"{APPLICATION} {number}", "number": number} for number in new])
        every = range(numbers(1, self.rows).stop)
        self.writers = [Writer(self.server.uri, self.database, n, every, self.identity, shared=self.mode.shared) for n in range(WRITERS)]
        self.reader = Reader(self.server.uri, self.database, self.identity, atomic=self.mode.atomic)
        try:
            yield
        finally:
            for actor in (*self.writers, self.reader):
                actor.close()
            counts = [writer.counts for writer in self.writers]
            self.figures.writes = sum(count["acknowledged"] for count in counts)
            self.figures.repeated = sum(count["repeated"] for count in counts)
            self.figures.reads, self.figures.broken_off = self.reader.counts["complete"], self.reader.counts["broken off"]

    def fill(self) -> None:
        """Load the version as it is, undisturbed; its time is what the moments are taken from."""
        file = write(self.source, self.version, self.rows)
        mode = "upsert" if self.mode.mode in FILLED_BY_UPSERT else ""
        ended = self.start(mode).end(patience=PATIENCE)
        self.assert_done(ended)
        self.live |= file
        self.usual = ended.seconds

    def prepare(self) -> None:
        """Something for the next run to do, whatever the mode."""
        self.pause()
        if self.mode.mode == "delete":
            self.fill()
        if self.mode.mode == "append":
            self.server.client[self.database]["stays"].delete_many({"version": {"$exists": True}})
            self.live = {}
            self.forget()
        self.resume()
        self.version += 1
        self.file = write(self.source, self.version, self.rows)

    def kill_loader(self) -> None:
        """At a random moment."""
        self.figures.loaders += 1
        loading = self.start()
        time.sleep(self.moment())
        self.figures.late += loading.kill().code != -9

    def kill_server(self) -> None:
        """At a random moment; it is started again at once, and the run may survive it."""
        self.figures.servers += 1
        loading = self.start()
        time.sleep(self.moment())
        self.figures.late += loading.process.poll() is not None
        self.server.kill()
        self.server.start()
        self.figures.survived += loading.end(patience=PATIENCE).code == 0

    def moment(self) -> float:
        """Seconds after the start of a run; the first third is spent on importing libraries and reading the file."""
        return self.chance.uniform(0.3, 1) * self.usual

    def finish(self, *, verify: bool) -> None:
        """Run it again to its end while the others go on; then, while they pause, compare everything."""
        self.assert_done(self.start().end(patience=PATIENCE))
        self.live = self.mode.after(self.live, self.file)
        self.pause()
        if self.mode.shared and verify:  # what the others wrote since is no difference, once a run has seen it
            self.assert_done(self.start().end(patience=PATIENCE))
        if verify:
            self.assert_verified()
        self.assert_content()
        self.assert_nothing_lost()
        self.resume()

    def assert_done(self, ended: Ended) -> None:
        assert ended.code == 0, ended.err
        counts = ended.report["accounting"]
        assert counts["rows_read"] == self.rows
        assert counts["rows_read"] == sum(rows for end, rows in counts.items() if end != "rows_read"), counts

    def assert_verified(self) -> None:
        ended = self.start(verb="verify").end(patience=PATIENCE)
        assert ended.code == 0, ended.err

    def assert_content(self) -> None:
        """The engine's documents are those of one clean run, the others' are all there, and nothing else is."""
        database = self.server.client[self.database]
        found: Expected = {}
        for one in database["stays"].find({"version": {"$exists": True}}):
            number = one[self.identity]
            assert is_whole(one, number), one["_id"]
            found[number] = int(one["version"][1:])
        assert found == self.live
        own = sum(place == "stays" for writer in self.writers for place, _ in writer.known)
        given = database["stays"].count_documents({"_id": {"$regex": f"^{APPLICATION}"}})
        extra = database["stays"].count_documents({"version": {"$exists": False}})
        assert extra == own, (extra, own)
        assert given == (self.rows // 100 if self.mode.key else 0)
        assert OTHERS_INDEX in database["stays"].index_information()
        assert not [name for name in database.list_collection_names() if "staging" in name]

    def assert_nothing_lost(self) -> None:
        self.forget()
        lost = [line for writer in self.writers for line in writer.lost()]
        self.figures.lost += len(lost)
        self.figures.mixed += len(self.reader.wrong)
        assert not lost, lost[:5]
        assert not self.reader.wrong, self.reader.wrong[:5]

    def forget(self) -> None:
        """Marks in documents that are meant to be gone."""
        for writer in self.writers:
            writer.forget(self.live)

    def pause(self) -> None:
        for writer in self.writers:
            writer.pause()

    def resume(self) -> None:
        for writer in self.writers:
            writer.resume()

    def start(self, mode: str = "", verb: str = "run") -> Loading:
        mapping = self.mode.mapping(self.folder, self.database, mode)
        environment = os.environ | {"MONGODB_URI": self.server.uri, "ENGINE_HOME": str(self.folder / "home")}
        more = ["--source", str(self.source), "--json"] if verb == "run" else []
        return Loading([sys.executable, "-m", "engine", verb, "-m", str(mapping), *more], environment)
