"""What the server would refuse in the middle of an apply is refused before it begins, with the index and its line in the mapping."""

from typing import Any

import pytest
from jobs import Ended, Jobs, command
from pymongo.collection import Collection

ROWS = [[number, f"n{number}", "Rome", 40] for number in range(20)]
RUN = "20260101T000000Z-aaaaaa"


def _applied(jobs: Jobs, *more: str) -> Ended:
    return command("apply", "-m", jobs.mapping, *more)


def _raw(live: Collection[Any]) -> list[Any]:
    return [[*one.items()] for one in live.find().sort("_id", 1)]


def _refused(jobs: Jobs, code: str, *said: str) -> None:
    """The apply is refused, and nothing is changed or left."""
    before, options = _raw(jobs.live), jobs.live.options()
    ended = _applied(jobs)
    assert (ended.code, code in ended.err) == (4, True), ended.err
    assert all(part in ended.err for part in said), ended.err
    assert (_raw(jobs.live), jobs.live.options()) == (before, options)
    assert not [name for name in jobs.database.list_collection_names() if "__trial_" in name]
    assert jobs.database["_engine_runs"].count_documents({"kind": "apply"}) == 0


@pytest.fixture
def loaded(jobs: Jobs) -> Jobs:
    assert jobs.run(ROWS).code == 0
    return jobs


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("partialFilterExpression: {age: {$ne: 1}}", "Expression not supported in partial index"),
        ("collation: {locale: fr, strength: 2, caseFirst: upper}", "collation"),
    ],
)
def test_an_index_that_only_the_server_can_judge(loaded: Jobs, options: str, said: str) -> None:
    loaded.rest = f"  by_age: {{keys: {{age: 1}}, {options}}}"
    line = next(number for number, text in enumerate(loaded.mapping.read_text().splitlines(), 1) if "by_age" in text)
    _refused(loaded, "index_refused", f"people.yaml:{line}:1", "the server refuses the index by_age (age: 1)", said)


def test_a_language_that_the_server_does_not_know(loaded: Jobs) -> None:
    loaded.rest = "  words: {keys: {name: text}, default_language: klingon}"
    _refused(loaded, "index_refused", "default_language is not valid", "use a language of MongoDB's text search")


def test_more_indexes_than_a_collection_has_together_with_those_of_others(loaded: Jobs) -> None:
    for number in range(62):
        loaded.live.create_index([(f"theirs{number}", 1)])
    loaded.rest = "  by_age: {keys: {age: 1}}"
    _refused(loaded, "index_refused", "too many indexes", "at most 64")
    loaded.live.drop_index("theirs0_1")
    assert _applied(loaded, "--quiet").code == 0


def test_a_name_that_leaves_no_room(jobs: Jobs, request: pytest.FixtureRequest) -> None:
    database, name = jobs.database.name.ljust(63, "x"), "c" * 180
    request.addfinalizer(lambda: jobs.database.client.drop_database(database))
    assert len(database) + len(name) < 255 < len(database) + len(name) + len("__trial_") + len(RUN)
    file = jobs.mapping
    file.write_text(file.read_text().replace(jobs.database.name, database).replace("collection: people", f"collection: {name}"))
    loaded = command("run", "-m", file, "--source", jobs.write(ROWS), "--quiet")
    assert loaded.code == 0, loaded.err
    file.write_text(file.read_text().replace("minimum: 0", "minimum: 1"))
    ended = command("apply", "-m", file)
    assert (ended.code, "name_too_long" in ended.err) == (4, True), ended.err


@pytest.mark.parametrize("verb", ["apply", "run"])
def test_what_a_dead_apply_left_is_removed(loaded: Jobs, verb: str) -> None:
    loaded.database.create_collection(f"people__trial_{RUN}")
    loaded.rest = "  by_age: {keys: {age: 1}}"
    ended = _applied(loaded) if verb == "apply" else loaded.run(ROWS)
    assert ended.code == 0, ended.err
    assert f"people__trial_{RUN}" not in loaded.database.list_collection_names()


def test_options_of_the_live_collection_do_not_disturb(jobs: Jobs) -> None:
    jobs.database.create_collection(
        "people",
        collation={"locale": "fr"},
        changeStreamPreAndPostImages={"enabled": True},
        clusteredIndex={"key": {"_id": 1}, "unique": True},
    )
    jobs.live.create_index([("theirs", 1)], sparse=True, collation={"locale": "de"})
    assert jobs.adopt().code == 0
    assert jobs.run(ROWS).code == 0
    jobs.rest = "  by_age: {keys: {age: 1}}"
    ended = _applied(jobs)
    assert ended.code == 0, ended.err
