"""The modes update and delete: they change what is there, within limits, and leave validator and indexes to whoever made them."""

import io
import sys
import threading
from pathlib import Path

import pytest
from bson import ObjectId
from jobs import Ended, Jobs, command
from pymongo import UpdateOne

from engine.mongo import deletions, upserts

PRICES = """
mapping: prices
source: {{path: prices.csv}}
target: {{database: {database}, collection: people, mode: {mode}{more}}}
fields:
{fields}
{rest}
"""
BY_ID = "  _id: {column: id, type: int}\n  age: {column: age, type: int}"
BY_KEY = "  name: {column: name, required: true}\n  age: {column: age, type: int}"
KEYED = ", key: [name]"
PEOPLE = [[number, f"name {number}", "Oslo", number] for number in range(20)]


def run(jobs: Jobs, mode: str, lines: list[str], *arguments: str, **parts: str) -> Ended:
    mapping, source = jobs.folder / "prices.yaml", jobs.folder / "prices.csv"
    given = {"mode": mode, "more": "", "rest": "limits: {rejects: 90%}", "fields": BY_ID, **parts}
    mapping.write_text(PRICES.format(database=jobs.database.name, **given), encoding="utf-8")
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return command("run", "-m", mapping, "--source", source, "--json", *arguments)


@pytest.fixture
def people(jobs: Jobs) -> Jobs:
    """Twenty documents, loaded by a mapping that knows more of them than those of these tests, in a closed collection."""
    assert jobs.run(PEOPLE).code == 0
    return jobs


def shape(jobs: Jobs) -> tuple:
    return jobs.live.options(), jobs.live.index_information()


@pytest.mark.parametrize("parts", [{}, {"more": ", on_match: merge"}])
def test_update_changes_the_mapped_paths_of_what_is_there(people: Jobs, parts: dict) -> None:
    before, kept = people.documents(), shape(people)
    lines = ["id,age", *(f"{number},{number if number % 2 else 99}" for number in range(20)), "77,1"]
    ended = run(people, "update", lines, **parts)
    assert (ended.code, ended.report["changes"]) == (0, {"updated": 10, "unchanged": 10, "unmatched": 1}), ended.err
    assert ended.counts == (21, 21, 0, 0, 0)
    assert people.documents() == [one if one["_id"] % 2 else {**one, "age": 99} for one in before]
    assert (shape(people), ended.report["indexes"]) == (kept, [])
    assert run(people, "update", lines, **parts).report["changes"] == {"updated": 0, "unchanged": 20, "unmatched": 1}
    assert command("verify", "-m", people.mapping).code == 0


def test_an_empty_cell_takes_a_value_away_unless_it_merges(people: Jobs) -> None:
    assert run(people, "update", ["id,age", "1,", "2,"], more=", on_match: merge").report["changes"]["unchanged"] == 2
    assert run(people, "update", ["id,age", "1,", "2,"]).report["changes"]["updated"] == 2
    assert [one["_id"] for one in people.live.find({"age": {"$exists": False}})] == [1, 2]


def test_too_few_matches_stop_an_update_before_its_first_change(people: Jobs) -> None:
    before = people.documents()
    lines = ["id,age", *(f"{number},99" for number in range(17, 23))]
    ended = run(people, "update", lines)
    assert (ended.code, [one["code"] for one in ended.report["errors"]]) == (3, ["unmatched_limit"])
    assert "3 of 6 documents match no live one, the limit is 10 % of the documents; nothing was published" in ended.err
    assert people.documents() == before
    for more, rest in ([], "limits: {unmatched: 3}"), (["--allow", "unmatched_limit"], ""):
        ended = run(people, "update", lines, *more, rest=rest)
        assert (ended.code, ended.report["changes"]["unmatched"]) == (0, 3), ended.err


def test_delete_deletes_what_the_file_names(people: Jobs) -> None:
    kept = shape(people)
    ended = run(people, "delete", ["id,age", "3,", "4,", "77,"])
    assert (ended.code, ended.report["changes"]) == (0, {"deleted": 2, "unmatched": 1}), ended.err
    assert (ended.counts, ended.report["live_documents"]) == ((3, 3, 0, 0, 0), 18)
    assert sorted(one["_id"] for one in people.documents()) == [number for number in range(20) if number not in {3, 4}]
    assert shape(people) == kept
    again = run(people, "delete", ["id,age", "3,", "4,", "77,"])
    assert (again.code, again.report["changes"]) == (0, {"deleted": 0, "unmatched": 3}), again.err
    assert command("verify", "-m", people.mapping).code == 0


def test_the_limit_of_deletions_is_asked_before_the_first_one(people: Jobs) -> None:
    before, lines = people.documents(), ["id,age", "1,", "2,", "3,"]
    ended = run(people, "delete", lines)
    assert (ended.code, [one["code"] for one in ended.report["errors"]]) == (3, ["deletion_limit"])
    assert "3 of 20 documents would be deleted, the limit is 10 % of the documents; none was deleted" in ended.err
    assert people.documents() == before
    assert run(people, "delete", lines, rest="limits: {deletions: 3}").report["changes"]["deleted"] == 3
    assert run(people, "delete", ["id,age", "4,", "5,", "6,"], "--allow", "deletion_limit").report["changes"]["deleted"] == 3


def test_a_row_that_is_rejected_deletes_nothing(people: Jobs) -> None:
    ended = run(people, "delete", ["id,age", "1,old", "1,5", "2,5", "2,6"])
    assert ended.report["changes"] == {"deleted": 2, "unmatched": 0}, ended.err
    assert sorted((one["code"], one["rows"]) for one in ended.report["rejects"]) == [("duplicate_key", 1), ("type", 1)]


def test_what_a_key_names_is_found_whatever_its_id(people: Jobs) -> None:
    people.database.command("collMod", "people", validator={})
    people.live.insert_one({"_id": ObjectId(), "name": "theirs", "age": 1, "note": "kept"})
    lines = ["name,age", "theirs,2", "name 3,33"]
    refused = run(people, "update", lines, fields=BY_KEY, more=KEYED)
    assert (refused.code, [one["code"] for one in refused.report["errors"]]) == (4, ["no_key_index"])
    assert 'db.people.createIndex({"name": 1}, {unique: true})' in refused.err
    people.live.create_index("name", unique=True, name="theirs")
    assert run(people, "update", lines, fields=BY_KEY, more=KEYED).report["changes"]["updated"] == 2
    assert people.live.find_one({"name": "theirs"}, {"_id": 0}) == {"name": "theirs", "age": 2, "note": "kept"}
    assert run(people, "delete", lines, fields=BY_KEY, more=KEYED).report["changes"]["deleted"] == 2
    assert people.live.count_documents({"name": {"$in": ["theirs", "name 3"]}}) == 0


@pytest.mark.parametrize("mode", ["update", "delete"])
def test_a_collection_that_is_not_there_is_not_made(jobs: Jobs, mode: str) -> None:
    ended = run(jobs, mode, ["id,age", "1,1"])
    assert (ended.code, [one["code"] for one in ended.report["errors"]]) == (3, ["collection_missing"])
    assert jobs.database.list_collection_names(filter={"name": "people"}) == []


def test_delete_does_not_read_standard_input(people: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"id,age\n1,\n")))
    run(people, "delete", ["id,age"])
    ended = command("run", "-m", people.folder / "prices.yaml", "--source", "-", "--json")
    assert (ended.code, [one["code"] for one in ended.report["errors"]]) == (3, ["read_once"]), ended.err
    assert len(people.documents()) == 20


@pytest.mark.parametrize("mode", ["update", "delete"])
def test_plan_apply_and_the_next_load_do_not_know_them(people: Jobs, mode: str) -> None:
    """The shape of the collection is that of the mapping that loads it."""
    assert run(people, mode, ["id,age", "1,5"]).code == 0
    for verb in ("plan", "apply"):
        ended = command(verb, "-m", people.folder / "prices.yaml")
        assert (ended.code, "plan and apply with that mapping" in ended.err) == (3, True)
    assert command("plan", "-m", people.mapping).code == 0
    next_load = people.run(PEOPLE)
    assert (next_load.code, next_load.report["notes"]) == (0, [])


@pytest.mark.parametrize(("mode", "batch"), [("update", upserts.UpsertBatch), ("delete", deletions.DeleteBatch)])
def test_a_stopped_run_goes_on_after_its_last_batch(jobs: Jobs, mode: str, batch: type, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = 3000
    assert jobs.run([[number, "x" * 100, "Oslo", 1] for number in range(rows)]).code == 0
    monkeypatch.setattr("engine.sources.CsvFile.__init__.__kwdefaults__", {"block_bytes": 4_000, "record_cap": 16 << 20})
    write, batches = batch.write, []

    def stop_in_the_fourth(self, documents):
        batches.append(len(documents))
        if len(batches) == 4:
            raise KeyboardInterrupt
        return write(self, documents)

    monkeypatch.setattr(batch, "write", stop_in_the_fourth)
    lines, parts = ["id,age", *(f"{number},2" for number in range(rows))], {"rest": "" if mode == "update" else "limits: {deletions: 100%}"}
    stopped = run(jobs, mode, lines, **parts)
    assert stopped.code == 130, stopped.err
    assert "run the same command again to continue after the last batch" in stopped.err
    ended = run(jobs, mode, lines, **parts)
    assert ended.code == 0, ended.err
    assert "continues run" in ended.report["notes"][0]
    assert jobs.live.count_documents({"age": 2}) == (rows if mode == "update" else 0)
    assert jobs.live.count_documents({}) == (rows if mode == "update" else 0)


def test_no_write_of_others_is_lost(people: Jobs) -> None:
    people.database.command("collMod", "people", validator={})
    stop, written = threading.Event(), 0

    def count_up() -> None:
        nonlocal written
        while not stop.is_set():
            people.live.bulk_write([UpdateOne({"_id": number}, {"$inc": {"visits": 1}}) for number in range(20)])
            written += 1

    other = threading.Thread(target=count_up)
    other.start()
    try:
        ended = [run(people, "update", ["id,age", *(f"{number},{turn}" for number in range(20))]) for turn in range(100, 105)]
    finally:
        stop.set()
        other.join()
    assert [one.report["changes"]["updated"] for one in ended] == [20] * 5, [one.err for one in ended]
    assert {(one["age"], one["visits"]) for one in people.live.find()} == {(104, written)}


@pytest.mark.parametrize("mode", ["update", "delete"])
def test_corrected_rows_are_loaded_in_the_same_mode(people: Jobs, mode: str) -> None:
    ended = run(people, mode, ["id,age", "1,old", "2,50"])
    rejects = Path(ended.report["rejects_file"])
    rejects.write_text(rejects.read_text(encoding="utf-8").replace("old", "51"), encoding="utf-8")
    retried = command("rejects", "retry", rejects, "-m", people.folder / "prices.yaml", "--json")
    assert retried.code == 0, retried.err
    assert retried.report["changes"] == (
        {"updated": 1, "unchanged": 0, "unmatched": 0} if mode == "update" else {"deleted": 1, "unmatched": 0}
    )
    assert people.live.count_documents({"_id": 1, "age": 51}) == (mode == "update")
    assert people.live.count_documents({"_id": 1}) == (mode == "update")
