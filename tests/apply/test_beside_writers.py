"""Applies while another client writes all the time, in the old shape or fields of its own: nothing is lost, and the apply ends."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from threading import Event, Thread
from typing import Any

import pytest
from bson import encode
from evolution.bench import Bench
from pymongo.errors import WriteError
from writers.shapes import FIRST, GENDERS, Shape, cells

from engine.apply.applying import Applying

ROWS = 2500  # two batches


def values(row: int) -> dict[str, Any]:
    return {
        "name": f"n{row}",
        "gender": GENDERS[row % 3],
        "age": row % 80,
        "room": row,
        "extra": "e",
        "tail": "t",
        "day": "2020-01-01",
        "sku": ["a", "b"],
        "qty": [row, 2],
    }


@pytest.fixture
def loaded(bench: Bench) -> Callable[[Shape], Any]:
    def load(shape: Shape) -> Any:
        with (bench.folder / "in.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([["id", *cells(values(0))], *([row, *cells(values(row)).values()] for row in range(ROWS))])
        bench.run(shape.raw)
        return bench.database["c"]

    return load


@contextmanager
def writing(write: Callable[[int], Any]) -> Iterator[list[int]]:
    """Another client calls this with one number after the other. Yields those that were acknowledged; some are before it goes on."""
    stop, begun, acknowledged = Event(), Event(), list[int]()

    def work() -> None:
        for number in count():
            if stop.wait(0.002):
                return
            try:
                write(number)
            except WriteError:
                continue  # the validator does not take it any more
            else:
                acknowledged.append(number)
                begun.set()

    thread = Thread(target=work)
    thread.start()
    try:
        assert begun.wait(30)
        yield acknowledged
    finally:
        stop.set()
        thread.join()


def changed(shape: Shape, key: str, **attributes: Any) -> Shape:
    return replace(shape, fields=tuple(replace(one, **attributes) if one.key == key else one for one in shape.fields))


def without(shape: Shape, key: str) -> Shape:
    return replace(shape, fields=tuple(one for one in shape.fields if one.key != key))


@pytest.mark.parametrize("open_as", [{"additional": True}, {"action": "warn"}], ids=str)
def test_fields_that_the_mapping_does_not_name_stay_in_open_collections(bench: Bench, loaded: Any, open_as: dict[str, Any]) -> None:
    old = replace(FIRST, **open_as)
    live = loaded(old)
    with writing(lambda number: live.update_one({"_id": number * 7 % ROWS}, {"$set": {"note": "mine", "p.note": number}})) as acknowledged:
        code, _, said = bench.verb("apply", changed(old, "gender", path="p.sex", was="p.gender").raw)
    assert code == 0, said
    written = {number * 7 % ROWS for number in acknowledged}
    found = {one["_id"]: one for one in live.find()}
    assert len(found) == ROWS
    assert [one for one in written if found[one].get("note") != "mine" or "note" not in found[one]["p"]] == []
    assert all(one["p"]["sex"] == values(ident)["gender"] and "gender" not in one["p"] for ident, one in found.items())


@pytest.mark.parametrize("more", [{}, {"kind": "int"}], ids=["", "retyped"])
def test_writers_of_the_old_shape_are_served_until_the_end(bench: Bench, loaded: Any, more: dict[str, Any]) -> None:
    live = loaded(FIRST)
    new = changed(without(changed(FIRST, "gender", path="p.sex", was="p.gender"), "extra"), "room", **more)
    with writing(lambda number: live.insert_one(FIRST.document(ROWS + number, values(number)))) as acknowledged:
        code, _, said = bench.verb("apply", new.raw, "--allow", "E102")
    assert code == 0, said
    assert list(live.find({"_id": {"$gte": ROWS}}).sort("_id", 1)) == [
        new.document(ROWS + number, values(number)) for number in acknowledged
    ]
    assert bench.verb("plan", new.raw)[0] == 0


APART = replace(FIRST, fields=(FIRST.fields[1], FIRST.fields[0], *FIRST.fields[2:]))  # p.gender, name, p.age: `p` has the place of gender


@pytest.mark.parametrize(
    ("old", "new"),
    [(FIRST, replace(FIRST, fields=FIRST.fields[::-1])), (APART, without(APART, "gender"))],
    ids=["reversed", "first is gone"],
)
def test_fields_get_the_new_order_in_what_others_write_too(
    bench: Bench, loaded: Any, monkeypatch: pytest.MonkeyPatch, old: Shape, new: Shape
) -> None:
    """No validator asks for an order, so what is written after the last look for old documents keeps its own."""
    live, check, counts = loaded(old), Applying._check, list[int]()
    with writing(lambda number: live.insert_one(old.document(ROWS + number, values(number)))) as acknowledged:
        monkeypatch.setattr(Applying, "_check", lambda self, step: (counts.append(len(acknowledged)), check(self, step)))
        _, plan, _ = bench.verb("plan", new.raw)
        code, _, said = bench.verb("apply", new.raw, "--allow", "E102")
    assert code == 0, said
    assert "E114" in {one["code"] for one in plan["changes"]}
    assert counts[-1] > counts[0]
    early = {row: row for row in range(ROWS)} | {ROWS + number: number for number in acknowledged[: counts[-1]]}
    found = {one["_id"]: encode(one) for one in live.find()}
    assert [ident for ident, row in early.items() if found[ident] != encode(new.document(ident, values(row)))] == []


def test_only_what_the_new_mapping_refuses_is_set_aside(bench: Bench, loaded: Any) -> None:
    live = loaded(FIRST)
    new = changed(without(FIRST, "extra"), "gender", path="p.sex", was="p.gender", enum=GENDERS[:2])
    with writing(lambda number: live.insert_one(FIRST.document(ROWS + number, values(number)))) as acknowledged:
        code, report, said = bench.verb("apply", new.raw, "--allow", "E102", "--allow", "E111")
    assert code == 0, said
    fitting = [number for number in acknowledged if values(number)["gender"] in GENDERS[:2]]
    assert list(live.find({"_id": {"$gte": ROWS}}).sort("_id", 1)) == [new.document(ROWS + number, values(number)) for number in fitting]
    aside = list(bench.database[report["set_aside_in"]].find().sort("_id", 1))
    gone = [row for row in range(ROWS) if row % 3 == 2] + [ROWS + number for number in acknowledged if number % 3 == 2]
    assert aside == [FIRST.document(ident, values(ident if ident < ROWS else ident - ROWS)) for ident in gone]


def test_what_may_not_be_set_aside_stops_it_before_anything_is_dropped(bench: Bench, loaded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the same command goes on, once the documents are corrected."""
    live = loaded(FIRST)
    live.update_many({"p.gender": "X"}, {"$set": {"p.gender": "F"}})
    check = Applying._check

    def beginning(self: Applying, step: Any) -> None:
        live.replace_one({"_id": 1}, FIRST.document(1, values(1) | {"gender": "X"}))
        check(self, step)

    new = changed(without(FIRST, "extra"), "gender", path="p.sex", was="p.gender", enum=GENDERS[:2])
    with monkeypatch.context() as patched:
        patched.setattr(Applying, "_check", beginning)
        code, _, said = bench.verb("apply", new.raw, "--allow", "E102")
    assert code == 3
    assert "1 document that the new mapping refuses" in said
    assert "E111 p.sex" in said
    assert live.count_documents({"q.extra": "e"}) == ROWS
    assert bench.verb("apply", new.raw, "--allow", "E102")[0] == 3
    live.update_one({"_id": 1}, {"$set": {"p.gender": "F"}})
    code, _, said = bench.verb("apply", new.raw, "--allow", "E102")
    assert code == 0, said
    assert live.count_documents({"q.extra": {"$exists": True}}) == 0
    assert live.count_documents({"p.sex": {"$in": ["F", "M"]}}) == ROWS


@pytest.fixture
def busy(loaded: Any) -> Iterator[Any]:
    """The collection, while another client writes the last documents of a batch all the time; none of its writes is lost."""
    live, last = loaded(FIRST), dict[int, str]()

    def write(number: int) -> None:
        ident, value = 980 + number % 20, f"t{number}"
        if live.update_one({"_id": ident}, {"$set": {"tail": value}}).matched_count:
            last[ident] = value

    with writing(write):
        yield live
    found = [
        one for name in live.database.list_collection_names(filter={"name": {"$regex": "^c($|__)"}}) for one in live.database[name].find()
    ]
    assert {one["_id"]: one["tail"] for one in found if one["_id"] in last} == last


def test_keeping_values_for_an_undo_does_not_wait_for_writers_to_pause(bench: Bench, busy: Any) -> None:
    """A transaction is aborted by the server where others write one of its documents."""
    code, _, said = bench.verb("apply", changed(FIRST, "room", kind="int").raw)
    assert code == 0, said
    assert [one["room"] for one in busy.find().sort("_id", 1)] == [*range(ROWS)]


def test_setting_aside_does_not_wait_for_writers_to_pause(bench: Bench, busy: Any) -> None:
    code, _, said = bench.verb("apply", changed(FIRST, "gender", enum=GENDERS[:2]).raw, "--allow", "E111")
    assert code == 0, said
    assert [one["_id"] for one in busy.find().sort("_id", 1)] == [row for row in range(ROWS) if row % 3 != 2]


def test_steps_of_the_users_own_do_not_wait_for_writers_to_pause(bench: Bench, busy: Any) -> None:
    steps = {"older": {"pipeline": [{"$set": {"p.age": {"$add": ["$p.age", 1]}}}]}}
    code, _, said = bench.verb("apply", FIRST.raw | {"steps": steps}, "--allow", "E606")
    assert code == 0, said
    assert [one["p"]["age"] for one in busy.find().sort("_id", 1)] == [values(row)["age"] + 1 for row in range(ROWS)]
