"""Open collections, in which others keep fields of their own: the engine changes what the mapping names, and nothing else."""

import threading

import pytest
from jobs import Jobs
from pymongo import UpdateOne

from engine.mongo import upserts

ANN, BOB = [1, "Ann", "Oslo", 30], [2, "Bob", "Rome", 40]
OPEN = "validation: {additional: true}"


@pytest.mark.parametrize("mode", ["upsert", "sync"])
@pytest.mark.parametrize("opened", [OPEN, "validation: {level: 'off'}", "validation: {level: moderate}", "validation: {action: warn}"])
def test_foreign_fields_stay(jobs: Jobs, mode: str, opened: str) -> None:
    jobs.mode, jobs.rest = mode, opened
    assert jobs.run([ANN, BOB]).code == 0
    jobs.database.command("collMod", "people", validationLevel="off")
    jobs.live.update_many({}, {"$set": {"home.street": "Gate 1", "note": {"by": "app"}}, "$inc": {"seen": 1}})
    ended = jobs.run([[1, "Ann", "Paris", ""], BOB])
    assert (ended.code, ended.report["changes"]["updated"], ended.report["changes"]["unchanged"]) == (0, 1, 1), ended.err
    own = {"note": {"by": "app"}, "seen": 1}
    assert jobs.documents() == [
        {"_id": 1, "name": "Ann", "home": {"city": "Paris", "street": "Gate 1"}, **own},
        {"_id": 2, "name": "Bob", "home": {"city": "Rome", "street": "Gate 1"}, "age": 40, **own},
    ]
    again = jobs.run([[1, "Ann", "Paris", ""], BOB])
    assert again.report["changes"]["unchanged"] == 2, again.err


def test_append_takes_a_document_with_foreign_fields_for_the_same(jobs: Jobs) -> None:
    jobs.mode, jobs.rest = "append", OPEN
    jobs.run([ANN])
    jobs.live.update_one({"_id": 1}, {"$set": {"note": "kept"}})
    assert jobs.run([ANN]).report["changes"]["unchanged"] == 1
    assert jobs.run([[1, "Ann", "Rome", 30]]).counts == (1, 0, 0, 1, 0)


@pytest.mark.parametrize("on_the_way", [None, 5, "text", [1, {"city": "Bern"}]])
def test_what_is_no_document_gives_way_to_one(jobs: Jobs, on_the_way) -> None:
    jobs.rest = OPEN
    jobs.run([ANN])
    jobs.database.command("collMod", "people", validator={})
    jobs.live.update_one({"_id": 1}, {"$set": {"home": on_the_way, "note": "kept"}})
    assert jobs.run([ANN], "--allow", "existing_documents").report["changes"]["updated"] == 1
    assert jobs.documents() == [{"_id": 1, "name": "Ann", "home": {"city": "Oslo"}, "age": 30, "note": "kept"}]


def test_a_closed_collection_is_the_mappings_as_a_whole(jobs: Jobs) -> None:
    jobs.run([ANN])
    jobs.database.command("collMod", "people", validator={})
    jobs.live.update_one({"_id": 1}, {"$set": {"note": "no place for it"}})
    assert jobs.run([ANN], "--allow", "existing_documents").report["changes"]["updated"] == 1
    assert jobs.documents() == [{"_id": 1, "name": "Ann", "home": {"city": "Oslo"}, "age": 30}]


@pytest.mark.parametrize("mode", ["upsert", "sync"])
def test_no_write_of_others_to_their_fields_is_lost(jobs: Jobs, mode: str) -> None:
    jobs.mode, jobs.rest = mode, OPEN
    rows = 300
    jobs.run([[number, "x", "y", 0] for number in range(rows)])
    stop, written = threading.Event(), 0

    def count_up() -> None:
        nonlocal written
        while not stop.is_set():
            jobs.live.bulk_write([UpdateOne({"_id": number}, {"$inc": {"visits.total": 1, "home.visits": 1}}) for number in range(rows)])
            written += 1

    other = threading.Thread(target=count_up)
    other.start()
    try:
        ended = [jobs.run([[number, f"name {turn}", f"city {turn}", turn] for number in range(rows)]) for turn in range(1, 6)]
    finally:
        stop.set()
        other.join()
    assert [(one.code, one.report["changes"]["updated"]) for one in ended] == [(0, rows)] * 5, [one.err for one in ended]
    assert written > 1
    expected = {"name": "name 5", "home": {"city": "city 5", "visits": written}, "age": 5, "visits": {"total": written}}
    assert jobs.documents() == [{"_id": number, **expected} for number in range(rows)]


@pytest.mark.parametrize("opened", ["", OPEN])
def test_a_document_that_others_delete_meanwhile_comes_back(jobs: Jobs, monkeypatch: pytest.MonkeyPatch, opened: str) -> None:
    jobs.rest = opened
    jobs.run([ANN, BOB])
    update = upserts.UpsertBatch._update

    def deleted_first(self, *arguments):
        jobs.live.delete_one({"_id": 1})
        return update(self, *arguments)

    monkeypatch.setattr(upserts.UpsertBatch, "_update", deleted_first)
    ended = jobs.run([[1, "Ann", "Paris", 31], BOB])
    assert ended.code == 0, ended.err
    assert jobs.documents()[0] == {"_id": 1, "name": "Ann", "home": {"city": "Paris"}, "age": 31}
