"""A collection of others is taken over: what it holds is said, nothing in it changes, and afterwards the other verbs work on it."""

import json
from typing import Any

import pytest
from jobs import Ended, Jobs, command
from pymongo.errors import WriteError

ANN, BOB = [1, "Ann", "Oslo", 30], [2, "Bob", "Rome", 40]
FIT = [{"_id": 1, "name": "Ann", "home": {"city": "Oslo"}, "age": 3}, {"_id": 2, "name": "Bob"}]
OTHER = [{"_id": 8, "name": "Canary", "home": {"city": "Rome", "zip": "1"}, "age": -1}, {"_id": "x", "stock": 1, "home": "Rome"}]
KEEP = "validation: {existing: keep}"


def state(jobs: Jobs) -> tuple[Any, ...]:
    return jobs.documents(), jobs.live.index_information(), jobs.live.options()


def verb(jobs: Jobs, name: str, *arguments: str) -> Ended:
    return command(name, "-m", jobs.mapping, *arguments)


def test_what_fits_is_adopted_as_it_is_and_brought_in_line(jobs: Jobs) -> None:
    jobs.live.insert_many(FIT)
    jobs.live.create_index("age", name="by_age")
    before = state(jobs)
    ended = jobs.adopt()
    assert ended.code == 0, ended.err
    assert "people: 2 documents, indexes by_age, no validator" in ended.out
    assert "indexes that the mapping does not name: by_age" in ended.out
    assert before == state(jobs)
    assert verb(jobs, "verify").code == 0
    plan = verb(jobs, "plan", "--json")
    assert (plan.code, plan.report["drift"]) == (10, ["validator: is not the mapping's", "index by_city: missing"])
    assert verb(jobs, "apply", "--quiet").code == 0
    assert verb(jobs, "plan").code == 0
    assert verb(jobs, "verify").code == 0
    assert set(jobs.live.index_information()) == {"_id_", "by_age", "by_city"}
    assert jobs.documents() == FIT
    for mode in ("upsert", "append", "sync", "replace"):
        jobs.mode, jobs.limits = mode, "deletions: 100%" if mode == "sync" else "rejects: 100%"
        assert jobs.run([[5, "Eva", "Nice", 1]]).code == 0


def test_documents_that_do_not_fit_are_counted_by_field(jobs: Jobs) -> None:
    jobs.live.insert_many([*FIT, *OTHER])
    before = state(jobs)
    ended = jobs.adopt("--json")
    assert (ended.code, "existing_documents" in ended.err, "Canary" in ended.err + ended.out) == (3, True, False), ended.err
    found = ended.report
    assert (found["documents"], found["refused"], found["refused_by"]) == (4, 2, {"_id": 1, "home": 1, "age": 1})
    assert found["foreign_fields"] == [{"path": "home.zip", "documents": 1}, {"path": "stock", "documents": 1}]
    assert jobs.database["_engine_runs"].count_documents({}) == 0
    assert jobs.adopt("--allow", "existing_documents").code == 0
    assert before == state(jobs)
    assert verb(jobs, "plan").code == 11
    assert "--allow E701" in verb(jobs, "apply").err
    refused = jobs.run([ANN])
    assert (refused.code, refused.report["errors"][0]["code"]) == (3, "existing_documents")
    assert before == state(jobs)


def test_a_dry_run_says_the_same_and_writes_nothing(jobs: Jobs) -> None:
    jobs.live.insert_many(FIT)
    assert json.loads(jobs.adopt("--dry-run", "--json").out)["documents"] == 2
    assert "_engine_runs" not in jobs.database.list_collection_names()
    jobs.live.insert_many(OTHER)
    assert jobs.adopt("--dry-run").code == 3


def test_there_must_be_something_to_adopt(jobs: Jobs) -> None:
    ended = jobs.adopt()
    assert (ended.code, "collection_missing" in ended.err) == (3, True), ended.err
    jobs.database.create_collection("people", viewOn="base")
    assert (jobs.adopt().code, jobs.adopt("--allow", "E501").code) == (4, 2)


def test_an_index_of_others_is_no_index_of_the_mapping(jobs: Jobs) -> None:
    jobs.live.insert_many(FIT)
    jobs.live.create_index("home.city", name="theirs")
    assert jobs.adopt().code == 0
    assert "index by_city: theirs has the same keys" in verb(jobs, "plan").out


# validation.existing


@pytest.mark.parametrize("adopted", [False, True])
def test_a_validator_does_not_shut_out_documents_of_an_application(jobs: Jobs, *, adopted: bool) -> None:
    jobs.more = ", on_match: merge"
    jobs.live.insert_many([*FIT, *OTHER])
    if adopted:
        assert jobs.adopt("--allow", "existing_documents").code == 0
    assert jobs.run([ANN]).report["errors"][0]["code"] == ("existing_documents" if adopted else "foreign_collection")
    assert jobs.live.update_one({"_id": "x"}, {"$inc": {"stock": 1}}).modified_count == 1


def test_documents_that_do_not_fit_can_be_kept(jobs: Jobs) -> None:
    jobs.more, jobs.rest = ", on_match: merge", KEEP
    jobs.live.insert_many([*FIT, *OTHER])
    assert jobs.adopt().code == 0
    ended = jobs.run([ANN, [8, "Zoe", "Rome", 8]])
    assert ended.code == 0, ended.err
    (note,) = [note for note in ended.report["notes"] if "kept as they are" in note]
    assert "2 documents that the mapping's validator refuses: _id 1, home 1, age 1, home.zip 1 (not in the mapping)" in note
    assert jobs.live.options()["validationLevel"] == "moderate"
    assert jobs.live.update_one({"_id": "x"}, {"$inc": {"stock": 1}}).modified_count == 1
    with pytest.raises(WriteError):
        jobs.live.insert_one({"_id": "y", "stock": 1})
    again = jobs.run([ANN])
    assert (again.code, [note for note in again.report["notes"] if "kept" in note]) == (0, []), again.err
    assert verb(jobs, "verify").code == 0
    assert verb(jobs, "plan").code == 0


def test_a_validator_that_is_there_already_costs_no_count(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.run([ANN])
    monkeypatch.setattr("engine.apply.existing.refused_documents", lambda *_: (_ for _ in ()).throw(AssertionError))
    assert jobs.run([ANN, BOB]).code == 0


def test_sync_spares_documents_until_they_are_replaced_or_gone(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.run([[7, "Zoe", "Nice", 5]])
    jobs.mode, jobs.limits = "sync", "deletions: 100%"
    text = jobs.mapping.read_text(encoding="utf-8").replace("minimum: 0", "minimum: 6")
    mapping = jobs.folder / "stricter.yaml"
    mapping.write_text(text, encoding="utf-8")
    levels = []
    write = "engine.mongo.inplace.InPlace._write"
    inner = __import__("engine.mongo.inplace", fromlist=["InPlace"]).InPlace._write

    def watched(self, part):
        levels.append(jobs.live.options()["validationLevel"])
        assert jobs.live.update_one({"_id": 7}, {"$set": {"name": "Zoé"}}).modified_count == 1
        return inner(self, part)

    monkeypatch.setattr(write, watched)
    ended = command("run", "-m", mapping, "--source", jobs.write([ANN]))
    assert ended.code == 0, ended.err
    assert (levels, jobs.live.options()["validationLevel"]) == (["moderate"], "strict")
    assert jobs.live.distinct("_id") == [1]


def test_apply_keeps_what_it_may_not_shut_out(jobs: Jobs) -> None:
    jobs.run([ANN, BOB, [3, "Cat", "Bern", 4]])
    strict = jobs.mapping.read_text(encoding="utf-8").replace("age: {column: age, type: int, minimum: 0}", "{}")
    mapping = jobs.folder / "next.yaml"
    for number, (field, level) in enumerate((("age: {column: age, type: int, minimum: 35}", "moderate"),
                                             ("years: {column: age, type: long, minimum: 35, was: age}", "moderate"))):  # fmt: skip
        mapping.write_text(strict.replace("{}", field, 1) + KEEP, encoding="utf-8")
        plan = command("plan", "-m", mapping, "--json")
        assert (plan.code, plan.report["leaving"], plan.report["staying"]) == (10, 0, 2), plan.err
        assert "2 documents that the mapping refuses would stay as they are" in command("plan", "-m", mapping).out
        ended = command("apply", "-m", mapping, "--json")
        assert ended.code == 0, ended.err
        assert (ended.report["set_aside"], ended.report["documents"]) == (0, 3)
        assert jobs.live.options()["validationLevel"] == level
        assert [one.get(("age", "years")[number], one.get("age")) for one in jobs.documents()] == [30, 40, 4]
        assert jobs.live.count_documents({"years": {"$exists": True}}) == 3 * number  # those that are refused have the new name too
        assert (command("plan", "-m", mapping).code, command("verify", "-m", mapping).code) == (0, 0)


@pytest.mark.parametrize("level", ["strict", "'off'"])
def test_keep_has_its_level(jobs: Jobs, level: str) -> None:
    jobs.rest = f"validation: {{existing: keep, level: {level}}}"
    ended = command("check", "-m", jobs.mapping)
    assert (ended.code, "existing: keep means level: moderate" in ended.err + ended.out) == (2, True), ended.err


def test_apply_rewrites_what_it_knows_and_leaves_what_others_keep(jobs: Jobs) -> None:
    jobs.rest = KEEP
    jobs.live.insert_one({"_id": 9, "stock": 1, "name": "theirs"})
    assert jobs.adopt().code == 0
    assert jobs.run([ANN, [3, "Cat", "Bern", 4]]).code == 0
    text = jobs.mapping.read_text(encoding="utf-8").replace("  name: {column: name, private: true}\n", "")
    mapping = jobs.folder / "next.yaml"
    mapping.write_text(text.replace("minimum: 0", "minimum: 35"), encoding="utf-8")
    assert "--allow E102" in command("apply", "-m", mapping).err
    ended = command("apply", "-m", mapping, "--allow", "E102")
    assert ended.code == 0, ended.err
    assert jobs.documents() == [
        {"_id": 1, "home": {"city": "Oslo"}, "age": 30},
        {"_id": 3, "home": {"city": "Bern"}, "age": 4},
        {"_id": 9, "stock": 1, "name": "theirs"},
    ]
