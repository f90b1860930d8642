"""The others at the database: writers whose every write is acknowledged and remembered, and a reader of the whole collection."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Container
from functools import partial
from threading import Event, Thread
from typing import Any

from pymongo import MongoClient, WriteConcern
from pymongo.errors import OperationFailure, PyMongoError, WriteError
from pymongo.results import UpdateResult

from soak.modes import is_whole

WRITERS = 2
SAFE = WriteConcern(w="majority", j=True)
OWN = 200  # documents that a writer changes again and again, and then makes new ones
GONE = {26, 43, 175, 237, 11600, 11602}  # the collection or the cursor went away under a reader


class Actor(ABC):
    """A thread that does one thing again and again, until it is told to stop; meanwhile it can be made to pause."""

    def __init__(self, uri: str, database: str) -> None:
        self.client: MongoClient[dict[str, Any]] = MongoClient(uri)
        self.database = self.client[database].with_options(write_concern=SAFE)
        self.counts = Counter[str]()
        self.failure: BaseException | None = None
        self._stop, self._paused, self._go = Event(), Event(), Event()
        self._go.set()
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            while not self._stop.is_set():
                if not self._go.is_set():
                    self._paused.set()
                    self._go.wait()
                    self._paused.clear()
                self.act()
        except BaseException as error:  # noqa: BLE001 -- shown by `close`, in the main thread
            self.failure = error
        self._paused.set()

    @abstractmethod
    def act(self) -> None:
        """Do it once."""

    def pause(self) -> None:
        """Returns when what was under way is done."""
        self._go.clear()
        assert self._paused.wait(120), "the server does not answer"

    def resume(self) -> None:
        """Go on."""
        self._paused.clear()
        self._go.set()

    def close(self) -> None:
        """Raises what made it fail."""
        self._stop.set()
        self._go.set()
        self._thread.join(120)
        self.client.close()
        if self.failure:
            raise self.failure


class Writer(Actor):
    """Inserts and updates documents of its own; where the collection is shared, also in it, and a field in documents of the engine.

    `known` is what must be there: by collection and `_id`, the value acknowledged last.
    """

    def __init__(self, uri: str, database: str, number: int, rows: range, identity: str, *, shared: bool) -> None:
        self.name, self.number, self.rows, self.identity = f"w{number}", number, rows, identity
        self.places = ("bystanders", "stays") if shared else ("bystanders",)
        self.known: dict[tuple[str, Any], int] = {}
        self.fields: dict[int, int] = {}
        self._chance, self._turn = random.Random(number), 0
        super().__init__(uri, database)

    def act(self) -> None:
        """One write of each kind."""
        self._turn += 1
        serial = self._turn // 2 if self._turn % 2 else self._chance.randrange(min(self._turn, OWN))
        for place in self.places:
            mine = -1 - WRITERS * serial - self.number
            wanted = {"$set": {"writer": self.name, "value": self._turn}, "$setOnInsert": {"number": mine}}
            self._again(partial(self.database[place].update_one, {"_id": mine}, wanted, upsert=True))
            self.known[place, mine] = self._turn
        if "stays" in self.places:
            self._mark(self._chance.choice(self.rows))
        time.sleep(0.002)

    def _mark(self, number: int) -> None:
        """A field in a document of the engine, if it is there."""
        mark = {"$set": {f"marks.{self.name}": self._turn}}
        found = self._again(partial(self.database["stays"].update_one, {self.identity: number}, mark))
        if found.matched_count:
            self.fields[number] = self._turn

    def _again(self, step: Callable[[], UpdateResult]) -> UpdateResult:
        """Until the server has acknowledged it; a second time makes no difference. Raises WriteError where the server refuses it."""
        deadline = time.monotonic() + 120
        while True:
            try:
                result = step()
            except PyMongoError as error:
                self.counts["repeated"] += 1
                if isinstance(error, WriteError) or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                self.counts["acknowledged"] += 1
                return result

    def lost(self) -> list[str]:
        """What was acknowledged and is not there as it was written."""
        found = []
        for place in self.places:
            stored = {one["_id"]: one.get("value") for one in self.database[place].find({"writer": self.name}, {"value": 1})}
            wanted = {mine: value for (where, mine), value in self.known.items() if where == place}
            found += _differing(place, wanted, stored)
        marks = self.database["stays"].find({f"marks.{self.name}": {"$exists": True}}, {self.identity: 1, "marks": 1})
        return found + _differing("mark", self.fields, {one[self.identity]: one["marks"][self.name] for one in marks})

    def forget(self, live: Container[int]) -> None:
        """Marks in documents that were deleted since, as they should be."""
        self.fields = {number: value for number, value in self.fields.items() if number in live}


def _differing(what: str, wanted: dict[Any, int], stored: dict[Any, Any]) -> list[str]:
    return [f"{what} {one}: wrote {value}, found {stored.get(one)}" for one, value in wanted.items() if stored.get(one) != value]


class Reader(Actor):
    """Reads the whole collection again and again. `wrong` is what no reader may see."""

    def __init__(self, uri: str, database: str, identity: str, *, atomic: bool) -> None:
        self.identity, self.atomic = identity, atomic
        self.wrong: list[str] = []
        super().__init__(uri, database)

    def act(self) -> None:
        """One complete read, unless it is broken off."""
        versions = Counter[str]()
        try:
            for one in self.database["stays"].find({"version": {"$exists": True}}):
                versions[one["version"]] += 1
                if not is_whole(one, one[self.identity]):
                    self.wrong.append(f"{one['_id']} is not whole")
        except OperationFailure as error:
            if error.code not in GONE:
                raise
            self.counts["broken off"] += 1
        except PyMongoError:
            self.counts["broken off"] += 1
            time.sleep(0.1)
        else:
            self.counts["complete"] += 1
            if self.atomic and len(versions) != 1:
                self.wrong.append(f"a complete read saw {dict(versions)}")
        time.sleep(0.05)
