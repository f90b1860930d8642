"""The ledger in a database of its own: one for several databases, never forgotten, moved as docs/ledger.md says."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from guarded import guarded
from jobs import Jobs, command
from pymongo.database import Database

from engine.errors import LockedError
from engine.mapping.model import Target
from engine.mongo.ledger import Ledger
from engine.mongo.ledgerplace import VARIABLE
from engine.mongo.locks import Lock

ROWS = [[1, "Ann", "Oslo", 30], [2, "Bob", "Bergen", 40]]
PAGE = Path(__file__).parents[2] / "docs" / "ledger.md"


@pytest.fixture
def ops(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database for the ledger, which the variable names."""
    name = f"test_{secrets.token_hex(6)}"
    monkeypatch.setenv(VARIABLE, name)
    yield database.client[name]
    database.client.drop_database(name)


def other(jobs: Jobs) -> Jobs:
    """The same job in another database of the same server."""
    return Jobs(jobs.database.client[f"{jobs.database.name}_b"], jobs.folder, mode=jobs.mode)


def test_only_a_pointer_is_left_in_the_data(jobs: Jobs, ops: Database) -> None:
    assert jobs.run(ROWS).code == 0
    assert sorted(ops.list_collection_names()) == ["_engine_locks", "_engine_runs"]
    assert list(jobs.database["_engine_runs"].find()) == [{"_id": "ledger", "database": ops.name}]
    assert "_engine_locks" not in jobs.database.list_collection_names()


def test_two_databases_with_the_same_collection_share_a_ledger_and_nothing_in_it(jobs: Jobs, ops: Database) -> None:
    second = other(jobs)
    try:
        first_run = jobs.run(ROWS).report["run_id"]
        second_run = second.run(ROWS[:1]).report["run_id"]
        assert (len(jobs.documents()), len(second.documents())) == (2, 1)
        for one, run in ((jobs, first_run), (second, second_run)):
            assert f"is as run {run} left it" in command("verify", "-m", one.mapping).out
            listed = command("runs", "-m", one.mapping).out
            assert (first_run in listed, second_run in listed) == (run == first_run, run == second_run)
        targets = [Target(one.database.name, "people") for one in (jobs, second)]
        client = jobs.database.client
        with Lock(client, targets[0], Ledger(client, targets[0], "a")), Lock(client, targets[1], Ledger(client, targets[1], "b")):
            assert ops["_engine_locks"].count_documents({"run": {"$in": ["a", "b"]}}) == 2
            with pytest.raises(LockedError), Lock(client, targets[0], Ledger(client, targets[0], "c")):
                pass
    finally:
        jobs.database.client.drop_database(second.database.name)


def test_an_apply_writes_documents_and_position_in_one_transaction_across_databases(jobs: Jobs, ops: Database) -> None:
    jobs.run([[number, "Ann", "Oslo", 30] for number in range(5000)])
    file = jobs.mapping
    file.write_text(
        file.read_text(encoding="utf-8").replace("age: {column: age, type: int", "age: {column: age, type: long"), encoding="utf-8"
    )
    assert command("apply", "-m", file, "--quiet").code == 0
    assert jobs.live.count_documents({"age": {"$type": "long"}}) == 5000
    assert ops["_engine_runs"].find_one({"kind": "apply"})["rewritten"] == 5000
    assert command("verify", "-m", file).code == 0


@pytest.mark.parametrize("verb", ["run", "verify", "runs", "plan", "apply"])
@pytest.mark.parametrize("now", ["", "test_third"])
def test_a_host_without_the_variable_is_told_where_the_ledger_is(jobs: Jobs, ops: Database, verb: str, now: str, monkeypatch) -> None:
    assert jobs.run(ROWS).code == 0
    monkeypatch.setenv(VARIABLE, now)
    ended = command(verb, "-m", jobs.mapping)
    assert ended.code == 4
    assert f"ledger_elsewhere the ledger of {jobs.database.name} is in the database {ops.name}" in ended.err
    assert f"set {VARIABLE}={ops.name}" in ended.err
    assert len(jobs.database["_engine_runs"].distinct("_id")) == 1


@pytest.mark.parametrize("verb", ["run", "verify", "runs", "plan", "apply"])
def test_a_variable_that_is_set_later_does_not_forget_the_runs(jobs: Jobs, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = jobs.run(ROWS).report["run_id"]
    monkeypatch.setenv(VARIABLE, f"{jobs.database.name}_ops")
    ended = command(verb, "-m", jobs.mapping)
    assert ended.code == 4
    assert f"ledger_elsewhere the ledger of {jobs.database.name} is in that database itself" in ended.err
    assert "docs/ledger.md" in ended.err
    assert jobs.database["_engine_runs"].distinct("_id") == [run]
    assert f"{jobs.database.name}_ops" not in jobs.database.client.list_database_names()


def test_a_ledger_is_moved_as_the_page_says_and_its_fence_goes_on(jobs: Jobs, ops: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    for _ in range(3):
        first = jobs.run(ROWS).report["run_id"]
    move(jobs.database, ops.name)
    monkeypatch.setenv(VARIABLE, ops.name)
    assert f"is as run {first} left it" in command("verify", "-m", jobs.mapping).out
    second = jobs.run([[1, "Ann", "Oslo", 31]]).report["run_id"]
    assert ops["_engine_runs"].find_one({"_id": second})["fence"] == 4
    move_back(ops, jobs.database.name)
    monkeypatch.delenv(VARIABLE)
    assert f"is as run {second} left it" in command("verify", "-m", jobs.mapping).out
    assert ops["_engine_runs"].count_documents({}) == 4


def move(data: Database, ledger: str) -> None:
    """The commands of the page, in the driver's words; that they are on the page is asserted."""
    for name in ("_engine_runs", "_engine_locks"):
        said(f'db.{name}.aggregate([{{$merge: {{into: {{db: "ops", coll: "{name}"}}}}}}])')
        data[name].aggregate([{"$merge": {"into": {"db": ledger, "coll": name}}}])
        said(f"db.{name}.drop()")
        data[name].drop()
    said('db._engine_runs.insertOne({_id: "ledger", database: "ops"})')
    data["_engine_runs"].insert_one({"_id": "ledger", "database": ledger})


def move_back(ledger: Database, data: str) -> None:
    said('db.getSiblingDB("shop")._engine_runs.drop()')
    ledger.client[data]["_engine_runs"].drop()
    for name, match, query in (
        ("_engine_runs", '{database: "shop"}', {"database": data}),
        ("_engine_locks", r"{_id: /^shop\./}", {"_id": {"$regex": f"^{data}\\."}}),
    ):
        said(f'db.{name}.aggregate([{{$match: {match}}}, {{$merge: {{into: {{db: "shop", coll: "{name}"}}}}}}])')
        ledger[name].aggregate([{"$match": query}, {"$merge": {"into": {"db": data, "coll": name}}}])


def said(line: str) -> None:
    assert re.search(rf"^    {re.escape(line)}$", PAGE.read_text(encoding="utf-8"), re.MULTILINE), line


@pytest.mark.parametrize("name", ["a/b", "a b", "x" * 70, "$a"])
def test_the_variable_must_name_a_database(jobs: Jobs, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, name)
    ended = jobs.run(ROWS)
    assert (ended.code, "ledger_database" in ended.err + ended.out) == (2, True)
    assert jobs.database.list_collection_names() == []


def test_the_shipped_accounts_work_with_a_ledger_of_its_own(jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "ops")
    with guarded(tmp_path) as server:
        name = jobs.database.name
        loader, reader = (server.shipped(account, name, "ops") for account in ("loader", "reader"))
        monkeypatch.setenv("MONGODB_URI", loader)
        assert jobs.run(ROWS).code == 0
        assert command("verify", "-m", jobs.mapping).code == 0
        monkeypatch.setenv("MONGODB_URI", reader)
        ended = command("verify", "-m", jobs.mapping)
        assert ended.code == 4
        assert "engine verify needs find on ops._engine_runs, which the account" in ended.err
        assert server.root[name]["people"].count_documents({}) == 2
