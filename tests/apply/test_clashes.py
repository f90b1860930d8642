"""Case index-conflict-hint: an index that the server would refuse is found before the load; who made the other one says what to do."""

from typing import Any

import pytest
from jobs import Ended, Jobs, command

ANN, BOB = [1, "Ann", "Oslo", 30], [2, "Bob", "Rome", 40]


def clash(ended: Ended, jobs: Jobs, *words: str) -> None:
    assert (ended.code, "index_conflict" in ended.err) == (4, True), ended.err
    assert f"{jobs.folder / 'people.yaml'}:" in ended.err
    assert all(one in ended.err for one in words), ended.err
    assert jobs.documents() == [{"_id": 1, "name": "Ann", "home": {"city": "Oslo"}, "age": 30}]


@pytest.mark.parametrize("mode", ["upsert", "append", "sync"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("mine: {keys: {age: 1}}", "mine: {keys: {age: 1, name: 1}}"),
        ("mine: {keys: {age: 1}}", "mine: {keys: {age: 1}, unique: true}"),
        ("mine: {keys: {age: 1}}", "other: {keys: {age: 1}}"),
        ("mine: {keys: {name: text}}", "other: {keys: {home.city: text}}"),
    ],
    ids=["86 keys", "86 options", "85 name", "85 text"],
)
def test_a_changed_index_names_apply(jobs: Jobs, mode: str, before: str, after: str) -> None:
    jobs.mode, jobs.rest = mode, f"  {before}"
    assert jobs.run([ANN]).code == 0
    jobs.rest = f"  {after}"
    clash(jobs.run([ANN, BOB]), jobs, "see engine plan, and run engine apply first", "of the collection")
    assert command("apply", "-m", jobs.mapping, "--allow", "E402").code == 0
    assert jobs.run([ANN, BOB]).code == 0
    assert command("plan", "-m", jobs.mapping).code == 0


@pytest.mark.parametrize(
    ("keys", "options", "remedy"),
    [
        ([("age", -1)], {"name": "by_age"}, "give this one another name, or drop theirs: db.people.dropIndex('by_age')"),
        ([("age", 1)], {"name": "theirs"}, "call this one theirs, or drop theirs: db.people.dropIndex('theirs')"),
        ([("age", 1)], {"name": "by_age", "expireAfterSeconds": 5}, "give this one another name"),
    ],
)
def test_an_index_of_others_is_named_as_theirs(jobs: Jobs, keys: Any, options: dict[str, Any], remedy: str) -> None:
    jobs.run([ANN])
    jobs.live.create_index(keys, **options)
    jobs.rest = "  by_age: {keys: {age: 1}}"
    for ended in (jobs.run([ANN, BOB]), command("apply", "-m", jobs.mapping)):
        clash(ended, jobs, "the engine did not make that index", remedy)
    assert options["name"] in jobs.live.index_information()


@pytest.mark.parametrize("options", ["unique: true", "sparse: true", "collation: {locale: fr}", "partialFilterExpression: {age: {$gt: 3}}"])
def test_what_the_server_takes_is_no_clash(jobs: Jobs, options: str) -> None:
    jobs.run([ANN])
    jobs.live.create_index([("age", 1)], name="theirs")
    jobs.rest = f"  by_age: {{keys: {{age: 1}}, {options}}}"
    ended = jobs.run([ANN, BOB])
    assert ended.code == 0, ended.err
    assert jobs.run([ANN, BOB]).code == 0
    assert {"theirs", "by_age"} <= set(jobs.live.index_information())
