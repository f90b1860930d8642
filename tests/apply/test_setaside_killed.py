"""kill -9 while documents that were set aside come back: at each command, before the server has it and after it has carried it out.

At every moment each document is in the collection or set aside, never in both; begun again, it ends as if nobody had disturbed it.
"""

from pathlib import Path
from typing import Any

import pytest
from faults.killing import expire_locks, kill_at
from faults.proxy import Proxy
from jobs import command
from pymongo.database import Database

from engine.mongo.state import content_of

ROWS, ASIDE = 3000, 1500  # two transactions
MAPPING = """
mapping: rooms
source: {{path: rooms.csv}}
target: {{database: {database}, collection: rooms}}
limits: {{rejects: 100%, shrink: 100%}}
fields:
  _id: {{column: id, type: int}}
  number: {{column: number, type: {type}, minimum: {minimum}, required: true}}
"""
WIDE, NARROW = {"type": "int", "minimum": 0}, {"type": "int", "minimum": ASIDE}


class Rooms:
    """A loaded collection of which half is set aside."""

    def __init__(self, database: Database, folder: Path, uri: str) -> None:
        self.database, self.uri, self.file, self.source = database, uri, folder / "rooms.yaml", folder / "rooms.csv"
        self.source.write_text("id,number\n" + "".join(f"{row},{row}\n" for row in range(ROWS)))
        self.write(WIDE)
        self.do("run", "--source", self.source)
        self.fresh = content_of(database["rooms"])
        self.write(NARROW)
        self.do("apply", "--allow", "E111")
        (self.aside,) = (name for name in database.list_collection_names() if "__set_aside_" in name)

    def write(self, form: dict[str, Any]) -> None:
        self.file.write_text(MAPPING.format(database=self.database.name, **form), encoding="utf-8")

    def do(self, verb: str, *more: str | Path) -> None:
        ended = command(*verb.split(), "-m", self.file, *more)
        assert ended.code == 0, ended.err

    def each_in_one_place(self) -> None:
        live, aside = (sorted(one["_id"] for one in self.database[name].find({}, {"_id": 1})) for name in ("rooms", self.aside))
        assert sorted(live + aside) == [*range(ROWS)]


@pytest.fixture
def rooms(database: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rooms:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    return Rooms(database, tmp_path, mongo_uri)


def harmed(proxy: Proxy, how: str, place: tuple[str, str, int]) -> Any:
    verb, where, nth = place
    return proxy.harm(how, verb, target=where, nth=nth)


def killed(rooms: Rooms, proxy: Proxy, harm: Any, *words: str) -> None:
    kill_at(harm, proxy, rooms.uri, *words, "-m", rooms.file)
    rooms.each_in_one_place()
    expire_locks(rooms.database)


PLACES = [
    ("update", "_engine_runs", 2), ("aggregate", "__set_aside_", 1), ("find", "rooms", 1), ("aggregate", "__set_aside_", 3),
    ("insert", "rooms", 1), ("delete", "__set_aside_", 1), ("commitTransaction", "", 1), ("insert", "rooms", 2),
    ("delete", "__set_aside_", 2), ("commitTransaction", "", 2), ("drop", "__set_aside_", 1),
]  # fmt: skip
HOW = ("hold", "hold_reply")


@pytest.mark.faults
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_restore_that_was_killed_is_begun_again(rooms: Rooms, proxy: Proxy, place: tuple[str, str, int], how: str) -> None:
    rooms.database[rooms.aside].update_many({}, {"$inc": {"number": ASIDE}})  # somebody corrects them where they are
    killed(rooms, proxy, harmed(proxy, how, place), "set-aside", "restore", "--all")
    rooms.do("set-aside restore", "--all")
    assert rooms.database["rooms"].count_documents({}) == ROWS
    assert rooms.aside not in rooms.database.list_collection_names()
    rooms.do("verify")
    rooms.do("plan")


@pytest.mark.faults
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("place", [place for place in PLACES if place[0] not in ("aggregate", "find")], ids=str)
def test_an_apply_that_was_killed_brings_back_the_rest(rooms: Rooms, proxy: Proxy, place: tuple[str, str, int], how: str) -> None:
    rooms.write(WIDE)
    killed(rooms, proxy, harmed(proxy, how, place), "apply")
    rooms.do("apply")
    assert content_of(rooms.database["rooms"]) == rooms.fresh
    assert rooms.aside not in rooms.database.list_collection_names()
    rooms.do("verify")
    rooms.do("plan")
