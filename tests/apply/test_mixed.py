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


def stop_before_it_narrows(stays: Stays, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as stopping:
        stopping.setattr(Applying, "_close", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert stays.call("apply").code == 130


@pytest.mark.parametrize("way", [[], ["--undo"]])
def test_a_half_done_apply_of_both_shapes_goes_on_or_is_taken_back(stays: Stays, way: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    stays.edit("Room, type: int", "Room, type: long")
    stays.month("--allow", "mixed_shapes")
    both = validator_of(stays)
    stays.edit("room: {column", "place: {was: room, column")
    stop_before_it_narrows(stays, monkeypatch)
    ended = stays.call("apply", *way)
    assert ended.code == 0, ended.err
    if way:
        assert stays.live.count_documents({"room": {"$type": "number"}, "place": {"$exists": False}}) == 20
        assert validator_of(stays) == both
        assert stays.call("apply").code == 0
    assert stays.call("plan").code == 0
    together = stays.content()
    assert together == fresh(stays)


MONEY = "bill: {column: Bill, type: double, required: true}"
PRICE = "price: {was: cost, column: Bill, type: double, required: true}"
STEP_BY_STEP = {
    "retyped, then renamed": (MONEY.replace("double", "decimal"), MONEY, MONEY.replace("bill: {", "cost: {was: bill, ")),
    "renamed twice": (MONEY, MONEY.replace("bill: {", "cost: {was: bill, "), PRICE),
    "renamed twice, with the first name kept": (MONEY, MONEY.replace("bill: {", "cost: {was: bill, "), PRICE.replace("cost", "bill")),
    **{
        f"renamed and {said}, then renamed from {before}": (
            MONEY.replace("required: true", "empty: omit"),
            MONEY.replace("bill: {", "cost: {was: bill, ").replace("required: true", key),
            PRICE.replace("required: true", key).replace("cost", before),
        )
        for said, key in (("null where missing", "empty: 'null'"), ("with a default", "default: 0"))
        for before in ("cost", "bill")
    },
    "copied, then renamed": (
        MONEY.replace("required: true", "empty: omit"),
        MONEY.replace("bill: {", "cost: {was: bill, ").replace("required: true", "empty: omit"),
        f"{PRICE}\n  again: {{column: Bill, type: double, default: 0}}",
    ),
    "retyped and renamed, then renamed": (MONEY.replace("double", "decimal"), MONEY.replace("bill: {", "cost: {was: bill, "), PRICE),
    "renamed, then into a document": (
        MONEY,
        MONEY.replace("bill: {", "cost: {was: bill, "),
        PRICE.replace("price", "money.price"),
    ),
    "into a document, then into another": (
        MONEY,
        MONEY.replace("bill: {", "m.cost: {was: bill, "),
        PRICE.replace("price: {was: cost", "money.price: {was: m.cost"),
    ),
    "into a document, which then is the value": (
        MONEY,
        MONEY.replace("bill: {", "m.cost: {was: bill, "),
        PRICE.replace("price: {was: cost", "m: {was: m.cost"),
    ),
    "renamed and back": (MONEY, MONEY.replace("bill: {", "cost: {was: bill, "), MONEY),
    "renamed, then removed": (MONEY, MONEY.replace("bill: {", "cost: {was: bill, "), ""),
    "computed from what was renamed": (
        MONEY,
        MONEY.replace("bill: {", "cost: {was: bill, "),
        f"{PRICE}\n  twice: {{compute: price * 2, type: double}}",
    ),
    "retyped, then another field of the column": (
        MONEY.replace("double", "string"),
        MONEY,
        f"{MONEY}\n  again: {{column: Bill, type: double, required: true}}",
    ),
}


@pytest.mark.parametrize("case", STEP_BY_STEP)
def test_one_apply_brings_together_what_was_edited_step_by_step(stays: Stays, case: str) -> None:
    """The oldest documents go all the way, by names that only the mapping between knows."""
    oldest, middle, newest = STEP_BY_STEP[case]
    stays.mode = "replace"
    stays.edit(MONEY, oldest)
    assert stays.call("run", "--quiet").code == 0
    stays.mode = "append"
    stays.edit(oldest, middle)
    stays.month("--allow", "mixed_shapes")
    stays.edit(middle, newest)
    planned = stays.plan()
    assert not planned["refusals"]
    assert {loss["code"] for loss in planned["losses"]} == ({"E102"} if not newest else set())
    ended = stays.call("apply", *(f"--allow={loss['code']}" for loss in planned["losses"]))
    assert ended.code == 0, ended.err
    assert (stays.call("plan").code, stays.call("verify").code) == (0, 0)
    together = stays.content()
    assert together == fresh(stays)


def test_three_shapes_stay_and_come_together(stays: Stays) -> None:
    stays.edit(MONEY, MONEY.replace("bill: {", "cost: {was: bill, "))
    stays.month("--allow", "mixed_shapes")
    stays.edit("cost: {was: bill", "price: {was: cost")
    assert "mixed_shapes" in stays.month(code=3).err
    stays.month("--allow", "mixed_shapes")
    assert [shape["documents"] for shape in stays.plan()["shapes"]] == [10, 10, 10]
    stays.month()
    assert stays.live.update_many({}, {"$set": {"room": 7}}).modified_count == 40
    stays.live.update_many({}, [{"$set": {"room": {"$add": ["$nr", 100]}}}])
    planned = stays.plan()
    assert {(change["code"], change["old"], change["new"]) for change in planned["changes"]} == {
        ("E103", "cost", "price"),
        ("E103", "bill", "price"),
    }
    assert stays.call("apply").code == 0
    assert validator_of(stays).keys() != {"$or"}
    together = stays.content()
    assert together == fresh(stays)


def test_a_name_that_two_shapes_give_to_different_fields_needs_the_source(stays: Stays) -> None:
    """Documents with `bill` alone may be of either shape."""
    stays.edit(MONEY, "cost: {was: bill, column: Bill, type: double}\n  bill: {column: Room, type: double}")
    stays.month("--allow", "mixed_shapes")
    plan = stays.plan()
    assert "do not show whether it has moved" in plan["blocked"]["cost"]
    assert [(shape["documents"], shape["either"]) for shape in plan["shapes"]] == [(20, 0), (0, 10)]
    assert "0 documents as the mapping of run" in (shown := stays.call("plan").out)
    assert ", and 10 that a newer one makes too" in shown
    before = stays.content()
    assert stays.call("apply").code == 3
    assert stays.content() == before


@pytest.mark.parametrize("key", ["default: 0", "empty: 'null'"])
def test_a_path_that_is_taken_anew_needs_the_source_where_documents_of_a_shape_lack_what_moves(stays: Stays, key: str) -> None:
    """What is filled in where a value is missing comes last, and until then no document shows that it has moved."""
    (stays.folder / "0.csv").write_text(HEADER + "0,7,\n1,,2\n", encoding="utf-8")
    optional = FIELDS.replace(", required: true", "").replace("nr: {column: Nr, type: int", "nr: {column: Nr, type: int, required: true")
    stays.fields, stays.mode = optional, "replace"
    assert stays.call("run", "--quiet", "--source", str(stays.folder / "0.csv"), "--allow", "shrink_limit").code == 0
    stays.mode = "append"
    stays.fields = optional + "  more: {column: Nr, type: int}\n"
    stays.month("--allow", "mixed_shapes", rows=2)
    stays.fields = optional.replace("room: {column: Room", f"place: {{was: room, {key}, column: Room").replace(
        "bill: {column: Bill", "room: {was: bill, column: Bill"
    )
    before = stays.content()
    assert "do not show whether it has moved" in str(stays.plan()["blocked"])
    assert stays.call("apply").code == 3
    assert stays.content() == before


def test_a_shape_that_needs_the_source_is_no_hindrance_once_no_document_has_it(stays: Stays) -> None:
    stays.edit("bill: {column: Bill, type: double", "bill: {column: Nr, type: string")
    stays.month("--allow", "mixed_shapes")
    stays.edit("room: {column: Room", "place: {was: room, column: Room")
    assert stays.plan()["needs"] == "source"
    stays.live.delete_many({"bill": {"$type": "double"}})
    assert stays.plan()["needs"] == "rewrite"
    assert stays.call("apply").code == 0
    assert stays.call("plan").code == 0
    assert stays.live.count_documents({"place": {"$exists": True}, "room": {"$exists": False}}) == stays.live.count_documents({})


def test_what_documents_of_two_shapes_may_lack_is_said(stays: Stays) -> None:
    """They fit the newer mapping as they are, and only the source has the value that a fresh run would give them."""
    first = stays.database["_engine_runs"].find_one()["_id"]
    stays.edit("room: {column", "again: {column: Bill, type: string}\n  room: {column")
    stays.month("--allow", "mixed_shapes")
    plan = stays.plan()
    assert [(shape["documents"], shape["either"]) for shape in plan["shapes"]] == [(20, 0), (0, 10)]
    assert plan["doubts"]["again"].startswith(f"up to 10 documents may have it as run {first} made it: ")
    assert "not as a fresh run: again: up to 10 documents" in stays.call("plan").out
    assert stays.call("apply").code == 0
    assert stays.live.count_documents({"again": {"$exists": True}}) == 10
    assert not stays.plan()["doubts"]


def test_documents_of_every_shape_that_were_set_aside_come_back(stays: Stays) -> None:
    stays.edit(MONEY, MONEY.replace("bill: {", "cost: {was: bill, "))
    stays.month("--allow", "mixed_shapes")
    stays.edit("cost: {was: bill, column: Bill, type: double", "price: {was: cost, column: Bill, type: double, maximum: 5")
    ended = stays.call("apply", "--allow", "E111", "--json")
    assert (ended.code, ended.report["set_aside"]) == (0, 15), ended.err
    [aside] = [name for name in stays.database.list_collection_names() if "__set_aside_" in name]
    assert [stays.database[aside].count_documents({path: {"$exists": True}}) for path in ("bill", "cost")] == [5, 10]
    stays.edit(", maximum: 5", "")
    assert [kept["fitting"] for kept in stays.plan()["set_aside"]] == [15]
    assert stays.call("apply").code == 0
    together = stays.content()
    assert together == fresh(stays)


@pytest.mark.parametrize("way", [[], ["--undo"]])
def test_a_half_done_apply_of_what_was_renamed_twice_goes_on_or_is_taken_back(
    stays: Stays, way: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stays.edit(MONEY, MONEY.replace("bill: {", "cost: {was: bill, "))
    stays.month("--allow", "mixed_shapes")
    both = validator_of(stays)
    stays.edit("cost: {was: bill", "price: {was: cost")
    stop_before_it_narrows(stays, monkeypatch)
    assert stays.call("apply", *way).code == 0
    if way:
        assert stays.live.count_documents({"cost": {"$exists": True}}) == 20
        assert validator_of(stays) == both
        assert stays.call("apply").code == 0
    assert (stays.call("plan").code, stays.call("verify").code) == (0, 0)
    together = stays.content()
    assert together == fresh(stays)
