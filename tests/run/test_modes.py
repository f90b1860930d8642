"""The modes that write into a live collection: what they do to it, that doing it again changes nothing, and that a stopped run goes on."""

import random

import pytest
from bson import Int64, encode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jobs import Jobs, command, own

from engine.mongo import inplace, upserts
from engine.mongo.policies import Named

ANN, BOB, CAT = [1, "Ann", "Oslo", 30], [2, "Bob", "Rome", 40], [3, "Cat", "Bern", 50]
OLDER = [1, "Ann", "Oslo", 31]


def person(row: list) -> dict:
    return {"_id": row[0], "name": row[1], "home": {"city": row[2]}, "age": row[3]}


@pytest.mark.parametrize("mode", ["replace", "upsert", "append", "sync"])
def test_every_mode_makes_the_collection_and_a_second_run_changes_nothing(jobs: Jobs, mode: str) -> None:
    jobs.mode = mode
    first, second = jobs.run([ANN, BOB]), jobs.run([ANN, BOB])
    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert first.counts == second.counts == (2, 2, 0, 0, 0)
    assert first.report["checksum"] == second.report["checksum"]
    assert jobs.documents() == [person(ANN), person(BOB)]
    assert set(jobs.live.index_information()) == {"_id_", "by_city"}
    assert "validator" in jobs.live.options()
    if mode != "replace":
        assert first.report["changes"] == {"inserted": 2, "updated": 0, "unchanged": 0}
        assert second.report["changes"] == {"inserted": 0, "updated": 0, "unchanged": 2}


def test_upsert_adds_and_replaces(jobs: Jobs) -> None:
    jobs.run([ANN, BOB])
    ended = jobs.run([OLDER, CAT])
    assert ended.report["changes"] == {"inserted": 1, "updated": 1, "unchanged": 0}
    assert ended.report["live_documents"] == 3
    assert jobs.documents() == [person(OLDER), person(BOB), person(CAT)]


def test_merge_leaves_what_the_source_does_not_say(jobs: Jobs) -> None:
    jobs.more, jobs.rest = ", on_match: merge", "validation: {additional: true}"
    jobs.run([ANN])
    jobs.live.update_one({"_id": 1}, {"$set": {"home.street": "Gate 1", "note": "kept"}})
    first = jobs.run([[1, "Ann", "Paris", ""]])
    assert first.report["changes"]["updated"] == 1, first.err
    assert jobs.documents() == [{"_id": 1, "name": "Ann", "home": {"city": "Paris", "street": "Gate 1"}, "age": 30, "note": "kept"}]
    assert jobs.run([[1, "Ann", "Paris", ""]]).report["changes"] == {"inserted": 0, "updated": 0, "unchanged": 1}


def test_append_rejects_another_document_with_the_same_id(jobs: Jobs) -> None:
    jobs.mode = "append"
    jobs.run([ANN, BOB])
    ended = jobs.run([OLDER, BOB, CAT])
    assert (ended.code, ended.counts) == (0, (3, 2, 0, 1, 0))
    assert ended.report["changes"] == {"inserted": 1, "updated": 0, "unchanged": 1}
    assert jobs.documents() == [person(ANN), person(BOB), person(CAT)]


def test_of_two_rows_with_one_id_the_second_is_rejected(jobs: Jobs) -> None:
    ended = jobs.run([ANN, OLDER])
    assert ended.counts == (2, 1, 0, 1, 0)
    assert ended.report["rejects"][0]["code"] == "duplicate_key"
    assert jobs.documents() == [person(ANN)]


def test_sync_deletes_within_its_limit_only(jobs: Jobs) -> None:
    jobs.mode = "sync"
    rows = [[number, "x", "y", 1] for number in range(20)]
    jobs.run(rows)
    over = jobs.run(rows[:17])
    assert (over.code, over.report["errors"][0]["code"]) == (3, "deletion_limit")
    assert "3 of 20 documents are no longer in the source, the limit is 10 % of the documents; none was deleted" in over.err
    assert len(jobs.documents()) == 20
    within = jobs.run(rows[2:])
    assert (within.code, within.report["changes"]["deleted"]) == (0, 2)
    assert [one["_id"] for one in jobs.documents()] == list(range(2, 20))
    jobs.limits = "deletions: 18"
    assert jobs.run([]).report["live_documents"] == 0


def test_sync_deletes_whatever_id_it_has(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inplace, "DELETIONS", 2)
    jobs.mode, jobs.limits = "sync", "deletions: 100%, rejects: 100%"
    jobs.run([ANN])
    jobs.database.command("collMod", "people", validator={})
    jobs.live.insert_many([{"_id": one} for one in ("text", 5.5, None, {"a": 1}, True)])
    ended = jobs.run([ANN])
    assert (ended.code, ended.report["changes"]["deleted"]) == (0, 5), ended.err
    assert jobs.documents() == [person(ANN)]


def test_too_many_rejects_are_found_before_anything_is_written(jobs: Jobs) -> None:
    jobs.limits = "rejects: 0"
    jobs.run([ANN])
    ended = jobs.run([OLDER, CAT, [4, "Dan", "Kyiv", -1]])
    assert (ended.code, "nothing was published" in ended.err) == (3, True)
    assert jobs.documents() == [person(ANN)]


def test_a_live_collection_gets_the_mappings_validator_and_indexes(jobs: Jobs) -> None:
    jobs.live.insert_one({"_id": 9})
    own(jobs.live)
    assert jobs.run([ANN]).code == 0
    assert set(jobs.live.index_information()) == {"_id_", "by_city"}
    assert jobs.live.options()["validationAction"] == "error"
    assert jobs.run([[9, "Zoe", "Nice", 1]]).report["changes"]["updated"] == 1


def test_a_unique_index_refuses_a_row_not_the_run(jobs: Jobs) -> None:
    jobs.rest = "  by_name: {keys: {name: 1}, unique: true}"
    jobs.run([ANN, BOB])
    ended = jobs.run([[3, "Ann", "Bern", 5], [2, "Bo", "Rome", 40]])
    assert (ended.code, ended.counts) == (0, (2, 1, 0, 1, 0))
    assert ended.report["changes"] == {"inserted": 0, "updated": 1, "unchanged": 0}


def test_random_ids_are_refused(jobs: Jobs) -> None:
    text = jobs.mapping.read_text(encoding="utf-8").replace("  _id: {column: id, type: int}\n", "  number: id\n")
    (jobs.folder / "random.yaml").write_text(text + "id: {objectId: random}\n", encoding="utf-8")
    ended = command("run", "-m", jobs.folder / "random.yaml")
    assert (ended.code, "random_id" in ended.err) == (2, True)


SMALL = st.dictionaries(st.integers(1, 6), st.sampled_from(["Oslo", "Rome", ""]), max_size=6)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=SMALL, source=SMALL, mode=st.sampled_from(["upsert", "append", "sync"]))
def test_what_a_mode_leaves_is_what_its_definition_says(jobs: Jobs, before: dict, source: dict, mode: str) -> None:
    jobs.mode, jobs.limits = mode, "rejects: 100%" + ", deletions: 100%" * (mode == "sync")
    jobs.live.drop()
    jobs.live.insert_many(
        [{"_id": number, **({"home": {"city": city}} if city else {})} for number, city in before.items()] or [{"_id": 0}]
    )
    own(jobs.live)
    there = before or {0: ""}
    wanted = {"upsert": there | source, "append": source | there, "sync": source}[mode]
    for _ in range(2):
        ended = jobs.run([[number, "", city, ""] for number, city in source.items()])
        counts = ended.report["accounting"]
        assert ended.code == (0 if counts["documents"] or not source else 3), ended.err
        assert {one["_id"]: one.get("home", {}).get("city", "") for one in jobs.live.find()} == wanted
        assert counts["rows_read"] == counts["documents"] + counts["rejected"]
        assert sum(ended.report["changes"].get(name, 0) for name in ("inserted", "updated", "unchanged")) == counts["documents"]


@pytest.mark.parametrize("mode", ["upsert", "append"])
def test_a_stopped_run_goes_on_after_its_last_batch(jobs: Jobs, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.mode = mode
    chance = random.Random(1)
    rows = [[number, chance.randbytes(300).hex(), "y", 1] for number in range(3000)]
    monkeypatch.setattr("engine.sources.CsvFile.__init__.__kwdefaults__", {"block_bytes": 200_000, "record_cap": 16 << 20})
    write, batches = upserts.UpsertBatch.write, []

    def stop_in_the_fourth(self, documents):
        batches.append(len(documents))
        if len(batches) == 4:
            raise KeyboardInterrupt
        return write(self, documents)

    monkeypatch.setattr(upserts.UpsertBatch, "write", stop_in_the_fourth)
    stopped = jobs.run(rows)
    assert (stopped.code, stopped.report["outcome"]) == (130, "interrupted"), stopped.err
    assert "run the same command again to continue after the last batch" in stopped.err
    done = jobs.database["_engine_runs"].find_one({"_id": stopped.report["run_id"]})
    assert (done["outcome"], done["rows_done"] > 0) == ("interrupted", True)
    ended = jobs.run(rows)
    assert ended.code == 0, ended.err
    assert f"continues run {done['_id']}: rows up to {done['rows_done']:,}" in ended.report["notes"][0]
    assert ended.report["changes"]["before"] == done["rows_done"]
    assert ended.counts == (3000, 3000, 0, 0, 0)
    clean = jobs.run(rows)
    assert clean.report["changes"] == {"inserted": 0, "updated": 0, "unchanged": 3000}
    assert clean.report["checksum"] == ended.report["checksum"]


def test_another_file_does_not_go_on(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as stopping:
        stopping.setattr(inplace.InPlace, "publish", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        assert jobs.run([ANN, BOB]).code == 130
    ended = jobs.run([OLDER, BOB])
    assert "before" not in ended.report["changes"]
    assert jobs.documents() == [person(OLDER), person(BOB)]


def test_merge_holds_only_what_is_there_in_value_and_type() -> None:
    old = encode({"_id": 1, "a": {"b": 1, "c": [1]}, "d": None})
    merge = Named({"a": {"b": {}, "c": {}}}, merges=True)
    assert merge.holds(old, encode({"_id": 1, "a": {"b": 1}}))
    assert not merge.holds(old, encode({"_id": 1, "a": {"b": Int64(1)}}))
    assert not merge.holds(old, encode({"_id": 1, "a": {"c": [1, 2]}}))


def test_replace_does_not_replace_documents_by_nothing_or_by_a_part(jobs: Jobs) -> None:
    jobs.mode = "replace"
    rows = [[number, "Ann", "Rome", 30] for number in range(1, 6)]
    assert jobs.run(rows).code == 0
    for ended, code in (
        (jobs.run([]), "nothing_to_publish"),
        (jobs.run([["x", "Ann", "Rome", 30]]), "nothing_to_publish"),
        (jobs.run(rows, "--limit", "2"), "limited_replace"),
    ):
        assert (ended.code, ended.report["errors"][0]["code"]) == (3, code)
        assert jobs.live.count_documents({}) == 5


@pytest.mark.parametrize("mode", ["replace", "upsert", "append", "sync"])
def test_repeated_ids_are_found_before_anything_is_written(jobs: Jobs, mode: str) -> None:
    jobs.mode, jobs.limits = mode, "rejects: 0"
    rows = [ANN, [*ANN[:1], "Another", *ANN[2:]]]
    for more in ([], ["--dry-run"]):
        ended = jobs.run(rows, *more)
        assert (ended.code, "1 of 2 rows were rejected, the limit is 0 rows; nothing was published" in ended.err) == (3, True), ended.err
    assert jobs.documents() == []
