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
        self.fields, self.rest, self.aside_by = FIELDS, "", ""
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


def test_what_is_not_in_the_collection_is_told_everywhere(stays: Stays) -> None:
    stays.run()
    stays.edit(NARROW)
    run = stays.apply("--allow", "E111")["run_id"]
    where = f"10 documents set aside by run {run} in {stays.asides[0]} (E111 kind 10)"
    assert where in stays.do("plan").out
    assert f"not in the collection: {where}" in stays.do("verify").out
    assert f"{run} set 10 documents aside in {stays.asides[0]}: E111 kind 10" in stays.do("runs").out
    loaded = stays.do("run", "--source", str(stays.source), "--json").report
    assert f"10 documents set aside by run {run}: they are older than what this run loads (engine set-aside)" in loaded["notes"]
    assert f"older than run {loaded['run_id']}, which loaded everything again" in stays.do("verify").out
    again = stays.do("run", "--source", str(stays.source), "--json").report
    assert not [note for note in again["notes"] if "set aside" in note]
    assert stays.asides


# the verbs


@pytest.fixture
def narrowed(stays: Stays) -> Stays:
    """Ten of thirty documents are set aside."""
    stays.run()
    stays.edit(NARROW)
    stays.aside_by = stays.apply("--allow", "E111")["run_id"]
    return stays


def test_list_says_what_fits_the_given_mapping(narrowed: Stays) -> None:
    (kept,) = narrowed.do("set-aside list", "--json").report
    assert (kept["run"], kept["documents"], kept["fitting"], kept["why"]) == (narrowed.aside_by, 10, 0, "E111 kind 10")
    narrowed.edit(NARROW[::-1])
    (kept,) = narrowed.do("set-aside list", "--json").report
    assert (kept["fitting"], kept["collection"]) == (10, narrowed.asides[0])
    told = narrowed.do("set-aside list").out
    assert (narrowed.aside_by in told, "E111 kind 10" in told, narrowed.asides[0] in told) == (True, True, True)


def test_show_says_which_documents_and_what_is_refused(narrowed: Stays) -> None:
    narrowed.edit(("required: true}\n  bill.sum", "required: true, maxLength: 7}\n  bill.sum"))
    found = narrowed.do("set-aside show", narrowed.aside_by, "--rows", "2", "--json").report
    refused = {(one["subject"], one["keyword"]): one["documents"] for one in found["refused"]}
    assert (refused, found["ids"], found["fitting"]) == ({("kind", "enum"): 10, ("kind", "maxLength"): 10}, [2, 5], 0)
    told = narrowed.do("set-aside show", narrowed.aside_by).out
    assert ("refused for kind, enum: 10 documents" in told, "Canary" in told) == (True, False)


def test_private_ids_are_not_shown(narrowed: Stays) -> None:
    narrowed.edit(("_id: {column: id, type: int}", "_id: {column: id, type: int, private: true}"))
    found = narrowed.do("set-aside show", narrowed.aside_by, "--json").report
    assert (found["ids"], found["private_ids"]) == ([], True)
    assert "_ids are private" in narrowed.do("set-aside show", narrowed.aside_by).out


def test_restore_brings_back_what_the_applied_mapping_takes(narrowed: Stays) -> None:
    """Here because somebody corrected some of the documents where they are."""
    assert narrowed.do("set-aside restore", "--all").out.startswith("nothing was brought back")
    aside = narrowed.database[narrowed.asides[0]]
    aside.update_many({"_id": {"$lt": 15}}, {"$set": {"kind": "planned"}})
    assert "engine set-aside restore" in narrowed.do("plan").out
    done = narrowed.do("set-aside restore", narrowed.aside_by, "--limit", "2", "--json", "--reason", "why").report
    assert (done["back"], done["documents"], aside.count_documents({})) == (2, 22, 8)
    done = narrowed.do("set-aside restore", "--all", "--json").report
    assert (done["back"], done["documents"], aside.count_documents({})) == (3, 25, 5)
    assert narrowed.do("verify").code == 0
    assert narrowed.do("plan").code == 0
    record = narrowed.record(done["run_id"])
    assert (record["kind"], record["left"]) == ("restore", [{"run": narrowed.aside_by, "documents": 3}])
    (kept,) = narrowed.do("set-aside list", "--json").report
    assert (kept["documents"], kept["missing"]) == (5, 0)


def test_what_is_live_again_is_not_overwritten(narrowed: Stays) -> None:
    mine = {"_id": 2, "name": "mine", "kind": "urgent"}
    narrowed.live.insert_one(mine)
    narrowed.edit(NARROW[::-1])
    assert "(1 stay there: their _id is live again)" in narrowed.do("plan").out
    done = narrowed.apply()
    assert (done["restored"], done["not_restored"]) == (9, {"their _id is live again": 1})
    assert narrowed.live.find_one({"_id": 2}) == mine
    assert [one["_id"] for one in narrowed.database[narrowed.asides[0]].find()] == [2]


def test_what_a_unique_index_refuses_stays(narrowed: Stays) -> None:
    narrowed.live.insert_one({"_id": 99, "name": "Canary-5", "kind": "urgent"})
    narrowed.edit(NARROW[::-1])
    narrowed.rest = "indexes: {by_name: {keys: {name: 1}, unique: true}}"
    done = narrowed.apply()
    assert (done["restored"], done["not_restored"]) == (9, {"a unique index refuses them": 1})
    assert [one["_id"] for one in narrowed.database[narrowed.asides[0]].find()] == [5]
    again = narrowed.do("set-aside restore", narrowed.aside_by)
    assert (again.code, "RESTORED  0 documents" in again.out) == (0, True), again.err


def test_dropping_takes_a_word_with_the_count(narrowed: Stays) -> None:
    for wrong in ((), ("--allow", f"set_aside:{narrowed.aside_by}:9"), ("--allow", "set_aside:other")):
        ended = narrowed.do("set-aside drop", narrowed.aside_by, *wrong)
        assert (ended.code, f"--allow set_aside:{narrowed.aside_by}:10" in ended.err) == (3, True), ended.err
    assert narrowed.do("set-aside drop", narrowed.aside_by, "--allow", "E111").code == 2
    assert narrowed.database[narrowed.asides[0]].count_documents({}) == 10
    ended = narrowed.do("set-aside drop", narrowed.aside_by, "--allow", f"set_aside:{narrowed.aside_by}:10", "--reason", "why")
    assert (ended.code, narrowed.asides) == (0, []), ended.err
    record = narrowed.database["_engine_runs"].find_one({"kind": "drop"})
    assert record
    assert (record["left"], record["outcome"]) == ([{"run": narrowed.aside_by, "documents": 10}], "published")
    assert narrowed.do("set-aside list").out == "nothing of stays is set aside\n"
    assert narrowed.do("verify").code == 0
    assert narrowed.do("plan").code == 0


def test_a_collection_that_others_dropped_is_told(narrowed: Stays) -> None:
    narrowed.database.drop_collection(narrowed.asides[0])
    assert "10 more are gone from there: something else removed them" in narrowed.do("plan").out
    ended = narrowed.do("set-aside restore", narrowed.aside_by)
    assert (ended.code, "set_aside_missing" in ended.err) == (3, True), ended.err
    narrowed.edit(NARROW[::-1])
    assert narrowed.apply()["restored"] == 0
    assert narrowed.do("set-aside drop", narrowed.aside_by, "--allow", f"set_aside:{narrowed.aside_by}:0").code == 0
    assert narrowed.plan()["set_aside"] == []


def test_a_mapping_that_nobody_can_read_any_more_is_told(narrowed: Stays) -> None:
    first = narrowed.record(narrowed.aside_by)["from"]
    narrowed.database["_engine_runs"].update_one({"_id": first}, {"$set": {"applied": "{}"}})
    narrowed.edit(NARROW[::-1])
    assert f"the mapping that run {first} recorded for stays cannot be read" in narrowed.do("plan").out
    assert narrowed.apply()["restored"] == 0
    ended = narrowed.do("set-aside restore", narrowed.aside_by)
    assert (ended.code, "set_aside_problem" in ended.err) == (3, True), ended.err
    assert narrowed.do("set-aside show", narrowed.aside_by, "--json").report["documents"] == 10


def test_a_run_without_anything_set_aside(narrowed: Stays) -> None:
    for verb in ("show", "restore", "drop"):
        ended = narrowed.do(f"set-aside {verb}", "other")
        assert (ended.code, "set_aside_unknown" in ended.err) == (3, True), ended.err
    assert narrowed.do("set-aside restore").code == 2


def test_what_is_older_than_a_load_of_everything_comes_back_only_where_it_is_named(narrowed: Stays) -> None:
    narrowed.run()
    narrowed.edit(NARROW[::-1])
    (kept,) = narrowed.plan()["set_aside"]
    assert (kept["fitting"], kept["superseded"] != "") == (10, True)
    assert narrowed.apply()["restored"] == 0
    assert narrowed.do("set-aside restore", "--all").out.startswith("nothing was brought back")
    assert narrowed.do("set-aside restore", narrowed.aside_by, "--json").report["back"] == 10


def test_by_way_of_the_mappings_in_between(stays: Stays) -> None:
    """Renamed twice since, so that the first mapping alone does not tell."""
    stays.run()
    stays.edit(NARROW)
    stays.apply("--allow", "E111")
    stays.edit(("  bill.sum: {column: sum, ", "  bill.due: {was: bill.sum, column: sum, "))
    stays.apply()
    stays.edit(("  bill.due: {was: bill.sum, ", "  bill.total: {was: bill.due, "), NARROW[::-1])
    assert stays.apply()["restored"] == 10
    found = stays.documents()
    stays.run()
    assert stays.documents() == found
