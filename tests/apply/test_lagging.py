"""Where no validator refuses them, others go on writing documents of earlier shapes: plan counts them, and apply brings them to its own."""

from collections.abc import Callable
from typing import Any

import pytest
from evolution.bench import Bench
from evolution.stopping import stopping

Raw = dict[str, Any]
OPEN = {"action": "warn", "additional": True}
UNENFORCED: list[Raw] = [{"action": "warn"}, OPEN, {"level": "off"}, {"level": "moderate"}]
NAMES = ("gender", "sex", "kind", "sort", "type")


def mapping(fields: Raw, validation: Raw) -> Raw:
    ident = {"_id": {"column": "id", "type": "int", "required": True}}
    return {"mapping": "m", "source": {"path": "in.csv"}, "validation": validation, "fields": ident | fields}


def renamed(times: int, validation: Raw, **more: Any) -> Raw:
    """The mapping after so many renames of one field."""
    was = {"was": NAMES[times - 1]} if times else {}
    age = {"column": "age", "type": "int", "required": True}
    return mapping({NAMES[times]: {"column": "gender", "required": True, **was}, "age": age | more}, validation)


@pytest.fixture
def loaded(bench: Bench) -> Callable[..., Any]:
    def load(raw: Raw, *later: Raw) -> Any:
        (bench.folder / "in.csv").write_text("id,gender,age\n" + "".join(f"{row},F,{row}\n" for row in range(20)), encoding="utf-8")
        bench.run(raw)
        for one in later:
            code, _, said = bench.verb("apply", one)
            assert code == 0, said
        return bench.database["c"]

    return load


def late(live: Any, name: str, first: int = 100, **more: Any) -> None:
    """Three documents of an application that knows this name only."""
    live.insert_many([{"_id": ident, name: "M", "age": 7, **more} for ident in range(first, first + 3)], bypass_document_validation=True)


@pytest.mark.parametrize("validation", UNENFORCED, ids=str)
def test_an_unchanged_mapping_counts_them_and_apply_brings_them_along(bench: Bench, loaded: Any, validation: Raw) -> None:
    old, new = renamed(0, validation), renamed(1, validation)
    live = loaded(old, new)
    assert bench.verb("plan", new)[0] == 0
    late(live, "gender")
    code, plan, said = bench.verb("plan", new)
    assert code == 10, said
    assert [shape["documents"] for shape in plan["shapes"]] == [20, 3]
    assert [(one["code"], one["old"], one["new"], one["affected"]) for one in plan["changes"]] == [("E103", "gender", "sex", 3)]
    assert (plan["losses"], plan["drift"]) == ([], [])
    assert bench.verb("apply", new)[0] == 0
    assert list(live.find({"_id": {"$gte": 100}}).sort("_id", 1)) == [{"_id": one, "sex": "M", "age": 7} for one in range(100, 103)]
    assert bench.verb("plan", new)[0] == 0


def test_those_that_hold_fields_of_their_own_count_too_and_keep_them(bench: Bench, loaded: Any) -> None:
    live = loaded(renamed(0, OPEN), renamed(1, OPEN))
    live.update_many({}, {"$set": {"note": "mine"}})
    late(live, "gender", note="theirs")
    assert bench.verb("apply", renamed(1, OPEN))[0] == 0
    assert live.count_documents({"sex": "M", "gender": {"$exists": False}, "note": "theirs"}) == 3
    assert bench.verb("plan", renamed(1, OPEN))[0] == 0


def test_one_apply_of_the_next_edit_brings_all_earlier_shapes_along(bench: Bench, loaded: Any) -> None:
    """By names that only the mappings between know, also where no document has the shape of one of these."""
    warn = UNENFORCED[0]
    live = loaded(*(renamed(times, warn) for times in range(3)))
    late(live, "gender")
    code, plan, _ = bench.verb("plan", renamed(3, warn))
    assert (code, plan["strangers"]["documents"]) == (10, 0)
    assert {(one["old"], one["new"]) for one in plan["changes"]} == {("kind", "sort"), ("gender", "sort")}
    assert bench.verb("apply", renamed(3, warn))[0] == 0
    assert live.count_documents({"sort": {"$exists": True}, "gender": {"$exists": False}}) == 23
    assert bench.verb("plan", renamed(3, warn))[0] == 0


def test_the_last_three_mappings_are_looked_for(bench: Bench, loaded: Any) -> None:
    warn = UNENFORCED[0]
    live = loaded(*(renamed(times, warn) for times in range(5)))
    late(live, NAMES[0])
    assert bench.verb("plan", renamed(4, warn))[0] == 0
    late(live, NAMES[1], 200)
    assert [one["documents"] for one in bench.verb("plan", renamed(4, warn))[1]["shapes"]] == [20, 3]


def test_where_the_server_refuses_them_nothing_is_asked(bench: Bench, loaded: Any) -> None:
    live = loaded(renamed(0, {}), renamed(1, {}))
    late(live, "gender")
    code, plan, _ = bench.verb("plan", renamed(1, {}))
    assert (code, plan["shapes"]) == (0, [])


def test_what_the_rewriting_cannot_mend_does_not_come_again_and_again(bench: Bench, loaded: Any) -> None:
    warn = UNENFORCED[0]
    old = mapping({"age": {"column": "age", "type": "string"}}, warn)
    new = mapping({"age": {"column": "age", "type": "int"}}, warn)
    live = loaded(old, new)
    live.insert_many([{"_id": 100, "age": "many"}, {"_id": 101, "age": "12"}])
    assert [one["documents"] for one in bench.verb("plan", new)[1]["shapes"]] == [20, 1]
    assert bench.verb("apply", new)[0] == 0
    assert [one["age"] for one in live.find({"_id": {"$gte": 100}}).sort("_id", 1)] == ["many", 12]
    code, plan, _ = bench.verb("plan", new)
    assert (code, plan["shapes"]) == (0, [])


def test_a_removed_field_that_they_write_is_a_loss_again(bench: Bench, loaded: Any) -> None:
    level = {"level": "off"}
    extra = {"extra": {"column": "gender", "required": True}}
    age = {"column": "age", "type": "string", "required": True}
    old = mapping({"age": age} | extra, level)
    new = mapping({"age": age | {"type": "int"}}, level)
    loaded(old)
    assert bench.verb("apply", new, "--allow", "E102")[0] == 0
    live = bench.database["c"]
    live.insert_many([{"_id": 100, "age": "7", "extra": "e"}, {"_id": 101, "age": 7, "extra": "another's"}])
    code, plan, _ = bench.verb("plan", new)
    assert (code, [(one["code"], one["subject"], one["documents"]) for one in plan["losses"]]) == (11, [("E102", "extra", 2)])
    assert bench.verb("apply", new)[0] == 3
    assert bench.verb("apply", new, "--allow", "E102:extra:2")[0] == 0
    assert live.count_documents({"age": {"$type": "int"}, "extra": {"$exists": False}}) == 22


@pytest.mark.parametrize("way", ["continued", "undone", "taken over"])
def test_a_half_done_apply_of_them(bench: Bench, loaded: Any, way: str) -> None:
    warn = UNENFORCED[0]
    old, new, other = (renamed(times, warn) for times in range(3))
    live = loaded(old, new)
    late(live, "gender")
    with stopping("tighten", "before"):
        assert bench.verb("apply", new)[0] == 130
    late(live, "gender", 200)
    if way == "undone":
        assert bench.verb("apply", new, "--undo")[0] == 0
    last, name = (other, "kind") if way == "taken over" else (new, "sex")
    code, _, said = bench.verb("apply", last)
    assert code == 0, said
    assert live.count_documents({name: {"$exists": True}, "gender": {"$exists": False}}) == 26
    assert bench.verb("plan", last)[0] == 0


def test_the_shape_of_an_apply_that_was_taken_back_is_an_earlier_one(bench: Bench, loaded: Any) -> None:
    warn = UNENFORCED[0]
    old, new = renamed(0, warn), renamed(1, warn)
    live = loaded(old)
    with stopping("tighten", "before"):
        assert bench.verb("apply", new)[0] == 130
    assert bench.verb("apply", old, "--undo")[0] == 0
    assert bench.verb("plan", old)[0] == 0
    late(live, "sex")
    assert [one["documents"] for one in bench.verb("plan", old)[1]["shapes"]] == [20, 3]
    tighter = renamed(0, warn, maximum=99)
    assert bench.verb("apply", tighter)[0] == 0
    assert live.count_documents({"gender": {"$exists": True}, "sex": {"$exists": False}}) == 23
    assert bench.verb("plan", tighter)[0] == 0
