"""Documents that an apply sets aside: what is recorded of them, and how they are listed, come back and go."""

from pathlib import Path
from typing import Any

import pytest
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from jobs import Ended, command
from pymongo.database import Database

from engine.mapping.loader import load
from engine.mongo.asides import aside_name, name_too_long
from engine.mongo.runids import new_run_id

MAPPING = """
mapping: stays
source: {{path: in.csv}}
target: {{database: {database}, collection: {collection}}}
limits: {{rejects: 100%, shrink: 100%}}
fields:
{fields}
{rest}
"""
FIELDS = """
  _id: {column: id, type: int}
  name: {column: name, private: true}
  kind: {column: kind, enum: [urgent, planned, elective], required: true}
  bill.sum: {column: sum, type: decimal, minimum: 0}
"""
KINDS = ["urgent", "planned", "elective"]
NARROW = ("[urgent, planned, elective]", "[urgent, planned]")


class Stays:
    """A mapping that is edited, and its collection."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder, self.collection = database, folder, "stays"
        self.fields, self.rest = FIELDS, ""
        self.source = folder / "in.csv"
        lines = [f"{number},Canary-{number},{KINDS[number % 3]},{number}.50" for number in range(30)]
        self.source.write_text("\n".join(["id,name,kind,sum", *lines]) + "\n", encoding="utf-8")

    @property
    def live(self) -> Any:
        return self.database[self.collection]

    @property
    def asides(self) -> list[str]:
        return sorted(name for name in self.database.list_collection_names() if "__set_aside_" in name)

    @property
    def file(self) -> Path:
        file = self.folder / f"{len(list(self.folder.iterdir()))}.yaml"
        text = MAPPING.format(database=self.database.name, collection=self.collection, fields=self.fields.strip("\n"), rest=self.rest)
        file.write_text(text, encoding="utf-8")
        return file

    def edit(self, *pairs: tuple[str, str]) -> None:
        for old, new in pairs:
            assert old in self.fields, old
            self.fields = self.fields.replace(old, new)

    def run(self) -> None:
        ended = command("run", "-m", self.file, "--source", self.source, "--quiet")
        assert ended.code == 0, ended.err

    def apply(self, *more: str) -> dict[str, Any]:
        ended = command("apply", "-m", self.file, "--json", *more)
        assert ended.code == 0, ended.err
        return ended.report

    def plan(self) -> dict[str, Any]:
        return command("plan", "-m", self.file, "--json").report

    def do(self, verb: str, *more: str) -> Ended:
        return command(*verb.split(), "-m", self.file, *more)

    def documents(self) -> list[bytes]:
        raw = self.database.get_collection(self.collection, codec_options=CodecOptions(RawBSONDocument))
        return sorted(one.raw for one in raw.find())

    def record(self, run: str) -> dict[str, Any]:
        found = self.database["_engine_runs"].find_one({"_id": run})
        assert found
        return found


@pytest.fixture
def stays(database: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stays:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    return Stays(database, tmp_path / "work")


# what is recorded


def test_the_ledger_says_where_how_many_and_why(stays: Stays) -> None:
    stays.run()
    stays.edit(NARROW, ("minimum: 0", "minimum: 10"))
    done = stays.apply("--allow", "E111")
    name = f"stays__set_aside_{done['run_id']}"
    assert (done["set_aside"], done["set_aside_in"], stays.asides) == (17, name, [name])
    causes = [{"code": "E111", "subject": "kind", "documents": 10}, {"code": "E111", "subject": "bill.sum", "documents": 10}]
    found = stays.record(done["run_id"])["aside"]
    assert (found["collection"], found["documents"]) == (name, 17)
    assert sorted(found["causes"], key=str) == sorted(causes, key=str)  # three documents break both


def test_what_no_field_is_to_blame_for_is_named_too(stays: Stays) -> None:
    stays.run()
    stays.database.command("collMod", "stays", validationLevel="off")
    stays.live.insert_one({"_id": 99, "kind": "urgent", "more": "Canary"})
    done = stays.apply("--allow", "E701")
    assert stays.record(done["run_id"])["aside"]["causes"] == [{"code": "E701", "subject": "validation", "documents": 1}]


def test_a_name_that_is_too_long_is_found_before_anything_changes(stays: Stays) -> None:
    stays.collection = _name(stays, 255 - 34)  # one byte more than set-aside collections leave
    stays.run()
    stays.edit(NARROW)
    before = stays.live.options()
    ended = stays.do("apply", "--allow", "E111")
    assert (ended.code, "name_too_long" in ended.err) == (4, True), ended.err
    assert stays.live.options() == before
    assert stays.plan()["refusals"][0]["code"] == "name_too_long"


def test_the_longest_name_that_the_server_takes(stays: Stays) -> None:
    stays.collection = _name(stays, 255 - 35)
    target = load(stays.file).target
    assert name_too_long(target) is None
    stays.database[aside_name(target, new_run_id())].insert_one({})


def _name(stays: Stays, size: int) -> str:
    """A collection whose full name has so many bytes."""
    left = size - len(stays.database.name) - 1
    return "é" * 50 + "s" * (left - 100)


# they come back


def test_rolling_back_brings_them_back_as_a_fresh_run_has_them(stays: Stays) -> None:
    stays.run()
    fresh = stays.documents()
    stays.edit(NARROW, ("bill.sum: {column: sum, ", "bill.total: {column: sum, was: bill.sum, "))
    narrowed = stays.apply("--allow", "E111")
    assert stays.plan()["set_aside"][0]["documents"] == 10
    stays.edit(NARROW[::-1], ("bill.total: {column: sum, was: bill.sum, ", "bill.sum: {column: sum, "))
    (kept,) = stays.plan()["set_aside"]
    assert (kept["run"], kept["fitting"], kept["superseded"]) == (narrowed["run_id"], 10, "")
    done = stays.apply()
    assert (done["restored"], done["documents"], stays.asides) == (10, 30, [])
    assert stays.documents() == fresh
    assert stays.record(done["run_id"])["left"] == [{"run": narrowed["run_id"], "documents": 10}]
    assert stays.plan()["set_aside"] == []
    assert stays.do("verify").code == 0
