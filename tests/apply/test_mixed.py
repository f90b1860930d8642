"""Collections that files are added to, with documents of several shapes: what is kept of it, and how they come together again."""

from pathlib import Path
from typing import Any

import pytest
from jobs import Ended, command
from pymongo.database import Database
from pymongo.errors import WriteError

from engine.apply.applying import Applying
from engine.mongo.inplace import InPlace

MAPPING = """
mapping: stays
source: {{path: {source}}}
target: {{database: {database}, collection: stays, mode: {mode}}}
id: {{hash: [Nr]}}
dedup: {{on: [Nr]}}
fields:
{fields}
limits: {{rejects: 100%}}
"""
FIELDS = """
  nr: {column: Nr, type: int, required: true}
  room: {column: Room, type: int, required: true}
  bill: {column: Bill, type: double, required: true}
"""
HEADER = "Nr,Room,Bill\n"


class Stays:
    """A mapping that is edited, monthly files of rows (number, room, bill), and their collection."""

    def __init__(self, database: Database[Any], folder: Path) -> None:
        self.database, self.folder = database, folder
        self.mode, self.fields, self.months = "append", FIELDS, 0

    @property
    def live(self) -> Any:
        return self.database.stays

    def edit(self, old: str, new: str) -> None:
        assert old in self.fields
        self.fields = self.fields.replace(old, new)

    def call(self, verb: str, *more: str) -> Ended:
        file, source = self.folder / "stays.yaml", f"'{self.folder}/*.csv'"
        values = {"source": source, "database": self.database.name, "mode": self.mode, "fields": self.fields.strip("\n")}
        file.write_text(MAPPING.format(**values), encoding="utf-8")
        return command(*verb.split(), "-m", file, *more)

    def month(self, *more: str, rows: int = 10, code: int = 0) -> Ended:
        """Load a new file."""
        first = self.months * rows
        file = self.folder / f"{self.months}.csv"
        file.write_text(HEADER + "".join(f"{nr},{100 + nr},{nr}.5\n" for nr in range(first, first + rows)), encoding="utf-8")
        ended = self.call("run", "--source", str(file), *more)
        assert ended.code == code, ended.out + ended.err
        self.months += ended.code == 0
        return ended

    def plan(self) -> dict[str, Any]:
        ended = self.call("plan", "--json")
        assert ended.code in (0, 10, 11), ended.err
        return ended.report

    def content(self) -> list[Any]:
        return [list(one.items()) for one in self.live.find().sort("nr", 1)]


@pytest.fixture
def stays(database: Database[Any], mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stays:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    found = Stays(database, tmp_path / "work")
    found.month()
    return found


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_the_validator_accepts_every_shape_that_is_there_and_no_other(stays: Stays, mode: str) -> None:
    stays.mode = mode
    stays.edit("type: double", "type: decimal")
    assert "mixed_shapes" in stays.month(code=3).err
    stays.month("--allow", "mixed_shapes")
    stays.month()
    for nr in (1, 11, 21):  # an application that knows nothing of the shapes
        assert stays.live.update_one({"nr": nr}, {"$set": {"room": 7}}).modified_count == 1
    with pytest.raises(WriteError):
        stays.live.update_one({"nr": 1}, {"$set": {"bill": "much"}})
    with pytest.raises(WriteError):
        stays.live.update_one({"nr": 11}, {"$set": {"surplus": 1}})
    stays.edit("  room: {column: Room, type: int, required: true}\n", "")
    stays.month("--allow", "mixed_shapes")
    assert stays.live.update_many({}, {"$inc": {"nr": 1000}}).modified_count == 40


def validator_of(stays: Stays) -> dict[str, Any]:
    return next(iter(stays.database.list_collections(filter={"name": "stays"})))["options"]["validator"]


@pytest.mark.parametrize("mode", ["sync", "replace"])
def test_a_run_that_brings_all_in_line_leaves_one_shape(stays: Stays, mode: str) -> None:
    stays.edit("type: double", "type: decimal")
    stays.month("--allow", "mixed_shapes")
    assert validator_of(stays).keys() == {"$or"}
    stays.mode = mode
    assert stays.call("run", "--quiet").code == 0
    assert validator_of(stays).keys() != {"$or"}
    assert {type(one["bill"]).__name__ for one in stays.live.find()} == {"Decimal128"}
    stays.mode = "append"
    stays.month()
    assert stays.plan()["exit_code"] == 0


def test_going_back_is_a_mixture_as_well_and_repeats_no_shape(stays: Stays) -> None:
    stays.edit("type: double", "type: decimal")
    stays.month("--allow", "mixed_shapes")
    both = validator_of(stays)
    stays.edit("type: decimal", "type: double")
    assert "mixed_shapes" in stays.month(code=3).err
    stays.month("--allow", "mixed_shapes")
    records = list(stays.database["_engine_runs"].find({}, {"beside": 1}).sort("fence", 1))
    assert [len(record.get("beside", [])) for record in records] == [0, 1, 1]
    assert records[2]["beside"] == [records[1]["_id"]]
    assert len(str(validator_of(stays))) == len(str(both))


def test_a_mixed_load_that_did_not_end_is_known_too(stays: Stays, monkeypatch: pytest.MonkeyPatch) -> None:
    stays.edit("type: double", "type: decimal")
    with monkeypatch.context() as stopping:
        stopping.setattr(InPlace, "publish", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        stays.month("--allow", "mixed_shapes", code=130)
    assert stays.live.count_documents({"bill": {"$type": "decimal"}}) == 10
    stays.fields, stays.months = FIELDS, 2
    stays.month()
    assert stays.live.update_many({}, {"$set": {"room": 7}}).modified_count == 30
    assert [len(record.get("beside", [])) for record in stays.database["_engine_runs"].find().sort("fence", 1)] == [0, 1, 1]


def test_rejected_rows_are_loaded_again_beside_both_shapes(stays: Stays) -> None:
    stays.edit("type: double", "type: decimal")
    (stays.folder / "1.csv").write_text(HEADER + "50,x,5\n51,1,5\n", encoding="utf-8")
    assert stays.call("run", "--source", str(stays.folder / "1.csv"), "--allow", "mixed_shapes").code == 0
    rejects = next((stays.folder.parent / "home" / "rejects").glob("*.csv"))
    rejects.write_text(rejects.read_text(encoding="utf-8").replace(",x,", ",2,"), encoding="utf-8")
    before = validator_of(stays)
    ended = stays.call(f"rejects retry {rejects}")
    assert ended.code == 0, ended.err
    assert (stays.live.count_documents({"nr": 50}), validator_of(stays)) == (1, before)
    stays.months = 6
    stays.month()
    assert validator_of(stays) == before


def fresh(stays: Stays) -> list[Any]:
    """What a run of all files by the mapping as it is now would leave."""
    before, stays.mode = stays.content(), "replace"
    assert stays.call("run", "--quiet").code == 0
    found = stays.content()
    stays.live.drop()
    assert len(before) == len(found)
    return found


def test_plan_tells_the_shapes_and_apply_brings_them_together(stays: Stays) -> None:
    first = stays.database["_engine_runs"].find_one()["_id"]
    stays.edit("Room, type: int", "Room, type: long")
    stays.month("--allow", "mixed_shapes", rows=10)
    plan = stays.plan()
    assert plan["exit_code"] == 10
    assert [shape["documents"] for shape in plan["shapes"]] == [10, 10]
    assert plan["shapes"][1]["run"] == first
    assert [(change["code"], change["subject"], change["run"]) for change in plan["changes"]] == [("E104", "room", first)]
    shown = stays.call("plan").out
    assert f"shapes: 10 documents as the mapping of run {first} makes them" in shown
    ended = stays.call("apply", "--json")
    assert ended.code == 0, ended.err
    assert stays.plan()["exit_code"] == 0
    assert stays.call("verify").code == 0
    assert validator_of(stays).keys() != {"$or"}
    together = stays.content()
    assert together == fresh(stays)


EDITS = {
    "renamed": ("room: {column: Room", "place: {was: room, column: Room"),
    "renamed into a document": ("room: {column: Room", "ward.room: {was: room, column: Room"),
    "retyped": ("type: long", "type: decimal"),
    "removed": ("  room: {column: Room, type: long, required: true}\n", ""),
    "added": ("  nr:", "  country: {value: UK}\n  nr:"),
    "another removed": ("  bill: {column: Bill, type: double, required: true}\n", ""),
    "back": ("type: long", "type: int"),
}


@pytest.mark.parametrize("mode", ["append", "upsert"])
@pytest.mark.parametrize("edit", EDITS)
def test_a_later_edit_finds_documents_of_both_shapes(stays: Stays, edit: str, mode: str) -> None:
    stays.mode = mode
    stays.edit("Room, type: int", "Room, type: long")
    stays.month("--allow", "mixed_shapes")
    stays.live.update_one({"nr": 3}, {"$set": {"nr": 3}})  # an application goes on
    stays.edit(*EDITS[edit])
    planned = stays.plan()
    assert not planned["refusals"]
    ended = stays.call("apply", *(f"--allow={loss['code']}" for loss in planned["losses"]))
    assert ended.code == 0, ended.err
    assert stays.call("plan").code == 0
    assert stays.call("verify").code == 0
    together, mode_before = stays.content(), stays.mode
    expected = fresh(stays)
    stays.mode = mode_before
    assert together == expected


def test_what_only_the_source_tells_is_said_of_the_documents_that_need_it(stays: Stays) -> None:
    first = stays.database["_engine_runs"].find_one()["_id"]
    stays.edit("type: double", "type: decimal")
    stays.month("--allow", "mixed_shapes")
    stays.edit("type: decimal", "type: string")
    plan = stays.plan()
    assert plan["needs"] == "source"
    assert f"10 documents as run {first} made them" in str(plan["blocked"]) or plan["blocked"]["bill"]
    refused = stays.call("apply")
    assert (refused.code, "mixed_shapes keeps both" in refused.err) == (3, True)


def test_a_shape_that_no_document_has_any_more_is_dropped_from_the_validator(stays: Stays) -> None:
    stays.edit("type: double", "type: decimal")
    stays.month("--allow", "mixed_shapes")
    stays.live.delete_many({"bill": {"$type": "double"}})
    plan = stays.plan()
    assert [shape["documents"] for shape in plan["shapes"]] == [10, 0]
    assert stays.call("apply").code == 0
    assert validator_of(stays).keys() != {"$or"}
    assert stays.call("plan").code == 0


@pytest.mark.parametrize("way", [[], ["--undo"]])
def test_a_half_done_apply_of_both_shapes_goes_on_or_is_taken_back(stays: Stays, way: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    stays.edit("Room, type: int", "Room, type: long")
    stays.month("--allow", "mixed_shapes")
    both = validator_of(stays)
    stays.edit("room: {column", "place: {was: room, column")
    with monkeypatch.context() as stopping:
        stopping.setattr(Applying, "_close", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert stays.call("apply").code == 130
    ended = stays.call("apply", *way)
    assert ended.code == 0, ended.err
    if way:
        assert stays.live.count_documents({"room": {"$type": "number"}, "place": {"$exists": False}}) == 20
        assert validator_of(stays) == both
        assert stays.call("apply").code == 0
    assert stays.call("plan").code == 0
    together = stays.content()
    assert together == fresh(stays)
