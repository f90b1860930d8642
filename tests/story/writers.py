"""Three applications that write while the mapping changes: the shape of before, the new shape, and fields that no mapping names."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from bson import Binary, decode
from pymongo.collection import Collection
from pymongo.errors import WriteError

Documents = Mapping[Any, bytes]  # BSON by _id
PAUSE = 0.05  # seconds between two writes of one application
PATIENCE = 30  # seconds that the first write of an application may take


@dataclass
class Acknowledged:
    """What the server has acknowledged since the last load, by `_id`.

    `own`: the documents that applications have inserted, each with the loaded document of which it is a copy. `doctors` and `notes`: what
    they have set last in loaded documents.
    """

    own: dict[Any, Any] = field(default_factory=dict)
    doctors: dict[Any, str] = field(default_factory=dict)
    notes: dict[Any, str] = field(default_factory=dict)


@dataclass
class Application(ABC):
    """Changes its own `share` of the loaded documents. `served` counts the writes that were acknowledged."""

    live: Collection[dict[str, Any]]
    known: Acknowledged
    share: list[Any]
    served: int = 0

    @abstractmethod
    def write(self, turn: int) -> bool:
        """Whether the server has written it."""

    def change(self, path: str, turn: int, noted: dict[Any, str]) -> bool:
        """Set a text that nothing else has."""
        ident, text = self.share[turn % len(self.share)], f"written {uuid4()}"
        if found := self.live.update_one({"_id": ident}, {"$set": {path: text}}).matched_count == 1:
            noted[ident] = text
        return found


@dataclass
class Shaped(Application):
    """Inserts documents as a run of its mapping makes them, and by turns changes the name of a doctor."""

    made: Documents = field(default_factory=dict)
    doctor: str = ""  # path

    def write(self, turn: int) -> bool:
        return self._insert(turn) if turn % 2 else self.change(self.doctor, turn // 2, self.known.doctors)

    def _insert(self, turn: int) -> bool:
        origin, ident = [*self.made][turn * 37 % len(self.made)], Binary.from_uuid(uuid4())
        self.live.insert_one(decode(self.made[origin]) | {"_id": ident})
        self.known.own[ident] = origin
        return True


@dataclass
class Noting(Application):
    """Sets a field that no mapping names, which only an open collection takes."""

    def write(self, turn: int) -> bool:
        return self.change("note", turn, self.known.notes)


@contextmanager
def writing(*applications: Application) -> Iterator[None]:
    """They write until the end, each in a thread of its own. The first one is served before it goes on, and each of them by the end."""
    stop, failures = Event(), list[BaseException]()
    threads = [Thread(target=_work, args=(one, stop, failures)) for one in applications]
    for thread in threads:
        thread.start()
    try:
        _wait(lambda: bool(failures or applications[0].served))
        yield
        _wait(lambda: bool(failures or all(one.served for one in applications)))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []


def _work(application: Application, stop: Event, failures: list[BaseException]) -> None:
    try:
        for turn in count():
            if stop.wait(PAUSE):
                return
            with suppress(WriteError):  # the validator does not take it, any more or yet
                application.served += application.write(turn)
    except Exception as error:  # noqa: BLE001 - the test reports it
        failures.append(error)


def _wait(done: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, "an application was not served"
        time.sleep(PAUSE)
