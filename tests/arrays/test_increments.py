"""Increments: rows of one file add to the arrays of live documents, and nothing that is there is lost."""

import threading
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from bson import Decimal128, encode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jobs import Ended, Jobs, command

from engine.mapping.model import Target
from engine.mongo.arrays import KeptArray
from engine.mongo.fences import Fence
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock
from engine.mongo.matching import ById
from engine.mongo.policies import Named, Policy
from engine.mongo.upserts import UpsertBatch

MAPPING = """
mapping: stays
source: {{path: in.csv}}
target: {{database: {database}, collection: people, mode: {mode}}}
group_by: [id]
validation: {{additional: true}}
{more}
fields:
  _id: {{column: id, type: int}}
  name: name
  stays[].date: {{column: date, type: date, format: "%Y-%m-%d"}}
  stays[].ward: ward
  stays[].cost: {{column: cost, type: decimal}}
  stays[].loaded: {{meta: loaded_at}}
arrays:
  stays: {{rows: true, empty: omit{array}}}
"""
FIRST = ["1,Ada,2024-01-01,A,1.0", "2,Bob,2024-01-02,B,2"]
CHOICES = {"replace": "replace", "append": "append", "merge": "{merge: [date]}"}
MERGE = ", on_match: {merge: [date]}"


def run(jobs: Jobs, rows: list[str], array: str, mode: str = "upsert", more: str = "") -> Ended:
    mapping, source = jobs.folder / "stays.yaml", jobs.folder / "in.csv"
    mapping.write_text(MAPPING.format(database=jobs.database.name, mode=mode, array=array, more=more), encoding="utf-8")
    source.write_text("\n".join(["id,name,date,ward,cost", *rows, ""]), encoding="utf-8")
    return command("run", "-m", mapping, "--source", source, "--json")


def stays(jobs: Jobs, number: int = 1) -> list[str]:
    found = jobs.live.find_one({"_id": number})["stays"]
    return [f"{stay['date']:%d.%m.} {stay.get('ward', '-')}{'+' * ('note' in stay)}" for stay in found]


@pytest.mark.parametrize("mode", ["upsert", "upsert, on_match: merge"])
@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("replace", ["01.01. C", "01.02. D"]),
        ("append", ["01.01. A", "01.01. C", "01.02. D"]),
        ("merge", ["01.01. C", "01.02. D"]),
    ],
)
def test_what_becomes_of_live_elements(jobs: Jobs, mode: str, choice: str, expected: list[str]) -> None:
    array = f", on_match: {CHOICES[choice]}"
    assert run(jobs, FIRST, array, mode).code == 0
    for turn in range(2):
        ended = run(jobs, ["1,Ada,2024-01-01,C,1.0", "1,Ada,2024-02-01,D,", "3,Cat,2024-01-01,A,"], array, mode)
        assert ended.code == 0, ended.err
        assert ended.report["changes"] == {"inserted": 1 - turn, "updated": 1 - turn, "unchanged": 2 * turn}
        assert (stays(jobs), stays(jobs, 2), stays(jobs, 3)) == (expected, ["02.01. B"], ["01.01. A"])
    assert command("verify", "-m", jobs.folder / "stays.yaml").code == 0


def test_updates_add_elements_to_what_is_there(jobs: Jobs) -> None:
    run(jobs, FIRST, MERGE)
    ended = run(jobs, ["1,Ada,2024-02-01,D,"], MERGE, "update")
    assert (ended.code, ended.report["changes"]["updated"]) == (0, 1), ended.err
    assert (stays(jobs), stays(jobs, 2)) == (["01.01. A", "01.02. D"], ["02.01. B"])


@pytest.mark.parametrize("choice", ["append", "merge"])
def test_an_increment_that_brings_nothing_new_changes_nothing(jobs: Jobs, choice: str) -> None:
    """Equal by the server's comparison, whatever their digits; load metadata in elements does not count; a row twice is one element."""
    array = f", on_match: {CHOICES[choice]}"
    run(jobs, [*FIRST, "1,Ada,2024-01-05,B,3"], array)
    before = jobs.documents()
    rows = ["1,Ada,2024-01-01,A,1.0", "1,Ada,2024-01-01,A,1.0"] if choice == "merge" else ["1,Ada,2024-01-01,A,1.00"]
    ended = run(jobs, rows, array)
    assert (ended.code, ended.report["changes"]["unchanged"]) == (0, 1), ended.err
    assert jobs.documents() == before


def test_sorted_arrays_stay_sorted(jobs: Jobs) -> None:
    descending = f', sort: ["-date", ward]{MERGE}'
    run(jobs, ["1,Ada,2024-01-03,A,", "1,Ada,2024-01-01,B,"], descending)
    assert run(jobs, ["1,Ada,2024-01-02,C,", "1,Ada,2024-01-04,D,"], descending).code == 0
    assert stays(jobs) == ["04.01. D", "03.01. A", "02.01. C", "01.01. B"]


def test_others_keep_their_order(jobs: Jobs) -> None:
    run(jobs, ["1,Ada,2024-01-03,A,", "1,Ada,2024-01-01,B,"], MERGE)
    assert run(jobs, ["1,Ada,2024-01-02,C,", "1,Ada,2024-01-01,D,"], MERGE).code == 0
    assert stays(jobs) == ["03.01. A", "01.01. D", "02.01. C"]


def test_fields_of_others_in_an_element_stay(jobs: Jobs) -> None:
    run(jobs, FIRST, MERGE)
    jobs.live.update_one({"_id": 1}, {"$set": {"stays.0.note": "by an application", "stays.1": {"foreign": 1}}})
    ended = run(jobs, ["1,Ada,2024-01-01,,5"], MERGE)
    assert ended.code == 0, ended.err
    [one, foreign] = jobs.live.find_one({"_id": 1})["stays"]
    assert (one["note"], one["cost"], "ward" in one) == ("by an application", Decimal128("5"), False)
    assert foreign == {"foreign": 1}
    assert run(jobs, ["1,Ada,2024-01-01,,5"], MERGE).report["changes"]["unchanged"] == 1


def test_different_elements_with_one_key_are_rejected(jobs: Jobs) -> None:
    ended = run(jobs, ["1,Ada,2024-01-01,A,", "1,Ada,2024-01-01,B,", *FIRST[1:]], MERGE, more="limits: {rejects: 100%}")
    assert (ended.code, [(one["code"], one["rows"]) for one in ended.report["rejects"]]) == (0, [("element_key", 2)])
    assert "different elements have the same date" in ended.out
    assert [document["_id"] for document in jobs.documents()] == [2]


def test_limits_of_an_array_hold_for_all_of_its_elements(jobs: Jobs) -> None:
    """The server counts what the engine cannot."""
    array, more = f", maxItems: 2{MERGE}", "limits: {rejects: 100%}"
    run(jobs, [*FIRST, "1,Ada,2024-01-02,B,"], array, more=more)
    before = jobs.documents()
    ended = run(jobs, ["1,Ada,2024-01-03,C,", "2,Bob,2024-01-03,C,"], array, more=more)
    assert [(one["code"], one["rows"]) for one in ended.report["rejects"]] == [("server_validator", 1)], ended.err
    assert jobs.documents()[0] == before[0]
    assert stays(jobs, 2) == ["02.01. B", "03.01. C"]


def test_another_choice_needs_neither_source_nor_change(jobs: Jobs) -> None:
    run(jobs, FIRST, MERGE)
    mapping = jobs.folder / "stays.yaml"
    mapping.write_text(mapping.read_text(encoding="utf-8").replace("{merge: [date]}", "append"), encoding="utf-8")
    ended = command("plan", "-m", mapping)
    assert (ended.code, "Nothing to do" in ended.out) == (0, True), ended.out
    assert run(jobs, FIRST, ", on_match: append").report["changes"]["unchanged"] == 2


@pytest.mark.parametrize("was", [None, "text", {}])
def test_what_is_no_array_gives_way_to_one(jobs: Jobs, was: Any) -> None:
    run(jobs, FIRST, MERGE)
    validator = jobs.live.options()["validator"]
    jobs.database.command("collMod", "people", validator={})
    jobs.live.update_one({"_id": 1}, {"$set": {"stays": was}})
    jobs.database.command("collMod", "people", validator=validator)
    assert run(jobs, FIRST[:1], MERGE).report["changes"]["updated"] == 1
    jobs.live.update_one({"_id": 1}, {"$unset": {"stays": ""}})
    assert run(jobs, FIRST[:1], MERGE).report["changes"]["updated"] == 1
    assert stays(jobs) == ["01.01. A"]


def test_a_row_without_elements_takes_none_away(jobs: Jobs) -> None:
    run(jobs, FIRST, MERGE)
    ended = run(jobs, ["1,Eve,,,"], MERGE)
    assert (ended.report["changes"]["updated"], stays(jobs)) == (1, ["01.01. A"]), ended.err
    assert jobs.live.find_one({"_id": 1})["name"] == "Eve"


def test_no_element_is_lost_to_a_writer_at_the_same_time(jobs: Jobs) -> None:
    people = range(60)
    run(jobs, [f"{number},x,2024-01-01,A," for number in people], MERGE)
    stop, pushed = threading.Event(), dict.fromkeys(people, 0)

    def push() -> None:
        while not stop.is_set():
            for number in people:
                jobs.live.update_one({"_id": number}, {"$push": {"stays": {"foreign": pushed[number]}}})
                pushed[number] += 1

    writer = threading.Thread(target=push)
    writer.start()
    try:
        ended = [run(jobs, [f"{number},x,2024-01-{day:02},B," for number in people], MERGE) for day in range(2, 6)]
    finally:
        stop.set()
        writer.join()
    assert [one.code for one in ended] == [0] * 4, ended[-1].err
    for document in jobs.documents():
        found = document["stays"]
        assert [one["foreign"] for one in found if "foreign" in one] == [*range(pushed[document["_id"]])]
        assert sorted(one["date"].day for one in found if "date" in one) == [1, 2, 3, 4, 5]
    assert min(pushed.values()) > 0


@pytest.mark.parametrize("rows", [["1,Eve,2024-01-01,A,1.0"], ["1,Ada,2024-02-01,D,"]])
def test_a_document_that_is_deleted_meanwhile_comes_back(jobs: Jobs, monkeypatch: pytest.MonkeyPatch, rows: list[str]) -> None:
    """Whether its array would have stayed or changed."""
    run(jobs, FIRST, MERGE)
    update = UpsertBatch._send

    def deleted(self: UpsertBatch, *arguments: Any) -> Any:
        jobs.live.delete_one({"_id": 1})
        return update(self, *arguments)

    monkeypatch.setattr(UpsertBatch, "_send", deleted)
    assert run(jobs, rows, MERGE).code == 0
    assert stays(jobs) == ["01.01. A" if "Eve" in rows[0] else "01.02. D"]


# against a simple oracle

elements = st.fixed_dictionaries({}, optional={"key": st.integers(0, 3) | st.sampled_from([0.0, 1.0]), "value": st.sampled_from("ab")})
theirs = st.builds(lambda one, note: one | note, elements, st.sampled_from([{}, {"note": 1}])) | st.just("foreign")


def oracle(live: list, new: list, by: str, *, merges: bool) -> list:
    found = list(live)
    for element in new:
        at = [place for place, one in enumerate(found) if same(one, element, by)]
        if not at:
            found.append(element)
        elif by:
            old = found[at[0]]
            kept = old if merges else {name: value for name, value in old.items() if name == "note"}
            found[at[0]] = {**kept, **element}
    return found


def same(one: Any, other: Any, by: str) -> bool:
    if by and isinstance(one, dict):
        return one.get(by) == other.get(by)
    return one == other and list(one) == list(other)


@pytest.fixture
def fence(jobs: Jobs) -> Iterator[Fence]:
    target = Target(database=jobs.database.name, collection="people")
    with Lock(jobs.database.client, target, Ledger(jobs.database.client, target, "run")) as lock:
        yield Fence(lock)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(theirs, max_size=5),
    st.lists(st.lists(elements, max_size=3), min_size=1, max_size=3),
    st.tuples(st.sampled_from(["", "key"]), st.booleans()),
)
def test_batches_do_what_the_oracle_says(jobs: Jobs, fence: Fence, live: list, increments: list[list], choice: tuple) -> None:
    by, merges = choice
    kept = KeptArray("a", by=((by,),) if by else (), tree={"key": {}, "value": {}}, merges=merges)
    batch = UpsertBatch(jobs.live, ById(), Policy(Named({"a": {}}, merges=merges, arrays=(kept,))), fence, threading.Event())
    jobs.live.replace_one({"_id": 1}, {"a": live, "theirs": 1}, upsert=True)
    for rows in increments:
        new = [one for place, one in enumerate(rows) if not any(same(other, one, by) for other in rows[:place])]
        live = oracle(live, new, by, merges=merges)
        for turn in range(2):
            written = batch.write(pl.Series([encode({"_id": 1, "a": new})], dtype=pl.Binary))
            assert not written.refusals
            assert turn == 0 or written.outcomes == {"unchanged": 1}
            assert jobs.live.find_one() == {"_id": 1, "a": live, "theirs": 1}
