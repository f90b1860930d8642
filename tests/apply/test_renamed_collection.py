"""`target.was`: a collection gets another name on the server, and the ledger goes on under it."""

from pathlib import Path
from typing import Any

import pytest
from evolution.stopping import stopping
from jobs import Jobs, command

ROWS = [[number, f"n{number}", "Rome", 40] for number in range(20)]


def _renamed(jobs: Jobs, *edits: tuple[str, str]) -> Path:
    file = jobs.folder / "persons.yaml"
    text = jobs.mapping.read_text().replace("collection: people", "collection: persons, was: people")
    for old, new in edits:
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def loaded(jobs: Jobs) -> Jobs:
    assert jobs.run(ROWS).code == 0
    return jobs


def _uuid(jobs: Jobs, name: str) -> Any:
    return next(jobs.database.list_collections(filter={"name": name}))["info"]["uuid"]


def test_it_is_renamed_with_its_history(loaded: Jobs) -> None:
    uuid, documents = _uuid(loaded, "people"), loaded.documents()
    file = _renamed(loaded)
    planned = command("plan", "-m", file, "--json")
    assert (planned.code, [change["code"] for change in planned.report["changes"]]) == (10, ["E609"]), planned.err
    ended = command("apply", "-m", file)
    assert (ended.code, "RENAMED  the collection that was people" in ended.out) == (0, True), ended.err
    assert "people" not in loaded.database.list_collection_names()
    assert (_uuid(loaded, "persons"), list(loaded.database["persons"].find().sort("_id", 1))) == (uuid, documents)
    assert (command("plan", "-m", file).code, command("verify", "-m", file).code) == (0, 0)
    assert {one["collection"] for one in loaded.database["_engine_runs"].find()} == {"persons"}
    again = command("run", "-m", file, "--source", loaded.write(ROWS), "--json")
    assert (again.code, again.report["changes"]["unchanged"]) == (0, 20), again.err


def test_other_changes_are_made_with_it(loaded: Jobs) -> None:
    file = _renamed(loaded, ("name: {column: name, private: true}", "called: {column: name, private: true, was: name}"))
    assert command("plan", loaded.mapping, file).code == 10
    ended = command("apply", "-m", file)
    assert ended.code == 0, ended.err
    assert loaded.database["persons"].count_documents({"called": {"$exists": True}}) == 20
    assert command("plan", "-m", file).code == 0


def test_nothing_is_renamed_where_the_rest_is_refused(loaded: Jobs) -> None:
    file = _renamed(loaded, ("  name: {column: name, private: true}\n", ""))
    assert (command("plan", "-m", file).code, command("apply", "-m", file).code) == (11, 3)
    assert "people" in loaded.database.list_collection_names()
    assert command("apply", "-m", file, "--allow", "E102").code == 0
    assert loaded.database["persons"].count_documents({"name": {"$exists": True}}) == 0


def test_a_name_that_is_taken(loaded: Jobs) -> None:
    loaded.database["persons"].insert_one({"_id": "theirs"})
    file = _renamed(loaded)
    ended = command("apply", "-m", file)
    assert (ended.code, "name_taken" in ended.err, "name_taken" in command("plan", "-m", file).out) == (3, True, True), ended.err


def test_renamed_by_others_is_noted_by_the_next_command_that_writes(loaded: Jobs) -> None:
    loaded.live.rename("persons")
    file, ledger = _renamed(loaded), loaded.database["_engine_runs"]
    assert (command("plan", "-m", file).code, command("verify", "-m", file).code) == (0, 0)
    assert ledger.distinct("collection") == ["people"]
    assert command("apply", "-m", file).code == 0
    assert ledger.distinct("collection") == ["persons"]


def test_the_old_name_says_where_the_collection_is_now(loaded: Jobs) -> None:
    assert command("apply", "-m", _renamed(loaded)).code == 0
    planned = command("plan", "-m", loaded.mapping)
    assert (planned.code, "is persons now" in planned.err, "was: persons" in planned.err) == (3, True, True), planned.err
    file = loaded.folder / "back.yaml"
    file.write_text(loaded.mapping.read_text().replace("collection: people", "collection: people, was: persons"), encoding="utf-8")
    assert command("apply", "-m", file).code == 0
    assert (command("plan", "-m", loaded.mapping).code, command("verify", "-m", loaded.mapping).code) == (0, 0)


def test_history_has_the_renaming(loaded: Jobs) -> None:
    assert command("apply", "-m", _renamed(loaded), "--reason", "as they say").code == 0
    shown = command("history", "-m", _renamed(loaded))
    assert (shown.code, "E609" in shown.out, "as they say" in shown.out) == (0, True, True), shown.err


def test_a_run_does_not_load_a_second_collection_beside_it(loaded: Jobs) -> None:
    file = _renamed(loaded)
    ended = command("run", "-m", file, "--source", loaded.write(ROWS))
    assert (ended.code, "not_renamed" in ended.err) == (3, True), ended.err
    assert "persons" not in loaded.database.list_collection_names()


def test_renamed_twice(loaded: Jobs) -> None:
    assert command("apply", "-m", _renamed(loaded)).code == 0
    file = _renamed(loaded, ("collection: persons, was: people", "collection: everybody, was: persons"))
    ended = command("apply", "-m", file)
    assert (ended.code, command("plan", "-m", file).code) == (0, 0), ended.err


CALLED = ("name: {column: name, private: true}", "called: {column: name, private: true, was: name}")


@pytest.mark.parametrize("mode", ["replace", "append"])
def test_what_is_recorded_after_an_undo_can_be_read_under_the_new_name(jobs: Jobs, mode: str) -> None:
    jobs.mode = mode
    assert jobs.run(ROWS).code == 0
    documents = jobs.documents()
    assert command("apply", "-m", _renamed(jobs)).code == 0
    edited = _renamed(jobs, CALLED)
    with stopping("rewrite", "done"):
        assert command("apply", "-m", edited).code == 130
    undone = command("apply", "-m", edited, "--undo")
    assert (undone.code, list(jobs.database["persons"].find().sort("_id", 1))) == (0, documents), undone.err
    assert (command("plan", "-m", edited).code, command("plan", "-m", _renamed(jobs)).code) == (10, 0)
    again = command("run", "-m", _renamed(jobs), "--source", jobs.write([[20, "n20", "Rome", 40]]), "--json")
    assert again.code == 0, again.err
    assert command("apply", "-m", edited).code == 0
    assert command("plan", "-m", edited).code == 0


def test_what_is_recorded_after_a_restore_can_be_read_under_the_new_name(loaded: Jobs) -> None:
    narrow = ("minimum: 0", "minimum: 50")
    file = loaded.folder / "narrow.yaml"
    file.write_text(loaded.mapping.read_text().replace(*narrow), encoding="utf-8")
    loaded.live.update_one({"_id": 3}, {"$set": {"age": 60}})
    assert command("apply", "-m", file, "--allow", "E111").code == 0
    assert command("apply", "-m", _renamed(loaded, narrow)).code == 0
    aside = next(name for name in loaded.database.list_collection_names() if "__set_aside_" in name)
    loaded.database[aside].update_one({"_id": 4}, {"$set": {"age": 70}})
    restored = command("set-aside", "restore", aside.rsplit("_", 1)[1], "-m", _renamed(loaded, narrow))
    assert (restored.code, "RESTORED  1 document" in restored.out) == (0, True), restored.err
    assert command("plan", "-m", _renamed(loaded, narrow)).code == 0
    wide = command("apply", "-m", _renamed(loaded))
    assert (wide.code, loaded.database["persons"].count_documents({})) == (0, 20), wide.err


def test_an_undo_leaves_the_shapes_of_a_mixture_known(jobs: Jobs) -> None:
    jobs.mode = "append"
    assert jobs.run(ROWS).code == 0
    mixed = jobs.folder / "mixed.yaml"
    mixed.write_text(jobs.mapping.read_text().replace("  age:", "  years:"), encoding="utf-8")
    loaded = command("run", "-m", mixed, "--source", jobs.write([[20, "n20", "Rome", 40]]), "--allow", "mixed_shapes")
    assert loaded.code == 0, loaded.err
    before = jobs.database["_engine_runs"].find_one({"beside": {"$exists": True}})["beside"]
    edited = jobs.folder / "edited.yaml"
    edited.write_text(mixed.read_text().replace(*CALLED), encoding="utf-8")
    with stopping("widen", "done"):
        assert command("apply", "-m", edited, "--allow", "E102").code == 130
    assert command("apply", "-m", edited, "--undo").code == 0
    assert jobs.database["_engine_runs"].find_one({"mode": "undo"})["beside"] == before
