"""kill -9 of `engine apply` at each of its steps, before the server has the command and after it has carried it out; then apply again.

The state it ends in is that of an apply which nobody disturbed.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pymongo
import pytest
from faults.killing import expire_locks, kill_at
from faults.proxy import Proxy
from jobs import command
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.results import UpdateResult

from engine.mongo.holders import OPEN
from engine.mongo.state import content_of, state_of

ROWS = 4500  # three batches
OLD = """
mapping: rooms
source: {{path: rooms.csv}}
target: {{database: {database}, collection: rooms}}
fields:
  _id: {{column: id, type: int}}
  number: {{column: number, type: int, required: true}}
  floor: {{column: floor, type: int}}
  note: note
indexes:
  by_number: {{keys: {{number: 1}}, unique: true}}
  by_floor: {{keys: {{floor: 1}}}}
"""
NEW = """
mapping: rooms
source: {{path: rooms.csv}}
target: {{database: {database}, collection: rooms}}
fields:
  _id: {{column: id, type: int}}
  door: {{column: number, type: long, required: true, was: number}}
  level: {{column: floor, type: int, was: floor}}
  twice: {{compute: door + door}}
indexes:
  by_number: {{keys: {{door: 1}}, unique: true}}
  by_level: {{keys: {{level: 1}}}}
"""
PLACES = [
    ("collMod", 1), ("dropIndexes", 1), ("update", 1), ("update", 2), ("createIndexes", 1),
    ("dropIndexes", 2), ("update", 4), ("update", 5), ("collMod", 2),
]  # fmt: skip


class Rooms:
    """A loaded collection, and the two mappings."""

    def __init__(self, database: Database, folder: Path, uri: str) -> None:
        self.database, self.folder, self.uri = database, folder, uri
        self.old, self.new = folder / "old.yaml", folder / "new.yaml"
        self.new.write_text(NEW.format(database=database.name), encoding="utf-8")
        source = folder / "rooms.csv"
        source.write_text("id,number,floor,note\n" + "".join(f"{row},{row % 7 * 10_000 + row},{row % 5},n{row}\n" for row in range(ROWS)))
        self.load(OLD)

    def load(self, text: str) -> None:
        self.old.write_text(text.format(database=self.database.name), encoding="utf-8")
        ended = command("run", "-m", self.old, "--source", self.folder / "rooms.csv", "--quiet")
        assert ended.code == 0, ended.err

    @property
    def state(self) -> Any:
        live = self.database["rooms"]
        return state_of(live, content_of(live))

    def apply(self) -> None:
        ended = command("apply", "-m", self.new, "--allow", "E102", "--quiet")
        assert ended.code == 0, ended.err

    def write(self) -> UpdateResult:
        """What an application changes in the first document, whatever its shape is; a minute is too long."""
        with pymongo.timeout(60):
            return self.database["rooms"].update_one({"_id": 0}, {"$unset": {"note": ""}})


@pytest.fixture
def rooms(database: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rooms:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    return Rooms(database, tmp_path, mongo_uri)


CASES = [("hold", *place) for place in PLACES] + [("hold_reply", *place) for place in PLACES if place[0] != "dropIndexes" and place[1] != 1]


def killed(rooms: Rooms, proxy: Proxy, how: str, verb: str, nth: int, *, expired: bool = True) -> None:
    """An apply that is ended at a command, before the server has it or after it has carried it out."""
    harm = proxy.harm(how, verb, nth=nth, target="rooms", exact=True)
    kill_at(harm, proxy, rooms.uri, "apply", "-m", rooms.new, "--allow", "E102", "--quiet")
    if expired:
        expire_locks(rooms.database)


@pytest.mark.faults
@pytest.mark.parametrize(("how", "verb", "nth"), CASES)
def test_killed_anywhere_it_ends_in_the_same_state(rooms: Rooms, proxy: Proxy, verb: str, nth: int, how: str) -> None:
    killed(rooms, proxy, how, verb, nth)
    for document in rooms.database["rooms"].find():
        shape = list(document)
        assert shape in (["_id", "number", "floor", "note"], ["_id", "door", "level", "twice", "note"], ["_id", "door", "level", "twice"])
    rooms.apply()
    found = rooms.state
    assert command("plan", "-m", rooms.new).code == 0
    again = command("run", "-m", rooms.new, "--source", rooms.folder / "rooms.csv", "--quiet")
    assert again.code == 0, again.err
    assert rooms.state == found


@pytest.mark.faults
def test_killed_in_a_transaction_the_next_apply_goes_on_at_once_and_so_do_applications(
    rooms: Rooms, proxy: Proxy, mongo_client: MongoClient
) -> None:
    """The server would keep the transaction, and with it these documents, for an hour; the lock has not expired."""
    mongo_client.admin.command("setParameter", transactionLifetimeLimitSeconds=3600)
    rooms.load(OLD.replace("floor, type: int", "floor"))  # a text, so what its numbers replace is kept
    killed(rooms, proxy, "hold_reply", "update", 1, expired=False)
    assert [*mongo_client.admin.aggregate([{"$currentOp": {"idleSessions": True}}, {"$match": OPEN}])]
    with ThreadPoolExecutor(1) as application:
        written = application.submit(rooms.write)
        rooms.apply()
        assert written.result().matched_count == 1
    assert rooms.database["rooms"].count_documents({"door": {"$exists": True}}) == ROWS
    assert command("plan", "-m", rooms.new).code == 0


BEFORE_TRIM = [case for case in CASES if case[1:] not in (("update", 4), ("update", 5), ("collMod", 2))]


@pytest.mark.faults
@pytest.mark.parametrize(("how", "verb", "nth"), BEFORE_TRIM)
def test_killed_before_values_are_dropped_it_can_be_taken_back(rooms: Rooms, proxy: Proxy, verb: str, nth: int, how: str) -> None:
    before = rooms.state
    killed(rooms, proxy, how, verb, nth)
    ended = command("apply", "-m", rooms.new, "--undo")
    assert (ended.code, rooms.state) == (0, before), ended.err
    assert (command("plan", "-m", rooms.old).code, command("verify", "-m", rooms.old).code) == (0, 0)


@pytest.mark.faults
@pytest.mark.parametrize("way", ["old", "third"])
def test_killed_in_the_middle_another_mapping_takes_over(rooms: Rooms, proxy: Proxy, way: str) -> None:
    before = rooms.state
    killed(rooms, proxy, "hold_reply", "update", 2)
    third = rooms.folder / "third.yaml"
    third.write_text(rooms.old.read_text().replace("floor: {column: floor, type: int}", "storey: {column: floor, type: int, was: floor}"
                     ).replace("{floor: 1}", "{storey: 1}"), encoding="utf-8")  # fmt: skip
    file = rooms.old if way == "old" else third
    ended = command("apply", "-m", file)
    assert ended.code == 0, ended.err
    assert command("plan", "-m", file).code == 0
    if way == "old":
        assert rooms.state == before
    else:
        assert list(rooms.database["rooms"].find_one()) == ["_id", "number", "storey", "note"]
