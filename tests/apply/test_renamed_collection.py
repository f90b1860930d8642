"""`target.was`: a collection gets another name on the server, and the ledger goes on under it."""

from pathlib import Path
from typing import Any

import pytest
from jobs import Jobs, command

from engine.mongo.ledger import Ledger

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


def test_killed_between_server_and_ledger_the_same_command_completes_it(loaded: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _renamed(loaded)
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "move_to", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert command("apply", "-m", file).code == 130
    assert "engine apply completes it" in command("plan", "-m", file).err
    assert command("apply", "-m", file).code == 0
    assert (command("plan", "-m", file).code, command("verify", "-m", file).code) == (0, 0)


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
