"""What lives on the collection and is not in the mapping: mode replace keeps it, says so, and says what does not go together."""

from typing import Any

import pytest
from jobs import Ended, Jobs, command, own

from engine.mongo.replacement import Replacement

ANN, BOB, CAT = [1, "Ann", "Oslo", 30], [2, "Bob", "Rome", 40], [3, "Cat", "Bern", 50]
FRENCH = {"locale": "fr", "strength": 1}
OPTIONS: dict[str, dict[str, Any]] = {
    "collation": {"collation": FRENCH},
    "clusteredIndex": {"clusteredIndex": {"key": {"_id": 1}, "unique": True, "name": "by_id"}},
    "changeStreamPreAndPostImages": {"changeStreamPreAndPostImages": {"enabled": True}},
    "expireAfterSeconds": {"clusteredIndex": {"key": {"_id": 1}, "unique": True}, "expireAfterSeconds": 1000},
    "storageEngine": {"storageEngine": {"wiredTiger": {"configString": "block_compressor=zstd"}}},
    "indexOptionDefaults": {"indexOptionDefaults": {"storageEngine": {"wiredTiger": {"configString": "prefix_compression=false"}}}},
}
FOREIGN: dict[str, tuple[list, dict[str, Any]]] = {
    "hidden": ([("age", 1)], {"hidden": True}),
    "unique_partial": ([("age", -1), ("name", 1)], {"unique": True, "partialFilterExpression": {"age": {"$gt": 1}}}),
    "sparse_folded": ([("name", -1)], {"sparse": True, "collation": FRENCH}),
    "words": ([("name", "text")], {"weights": {"name": 3}, "default_language": "french"}),
    "any": ([("$**", 1)], {"wildcardProjection": {"home": 1}}),
    "flat": ([("at", "2d")], {"min": -10, "max": 10}),
    "hash": ([("name", "hashed")], {}),
    "ttl": ([("seen", 1)], {"expireAfterSeconds": 3600}),
}


def live_options(jobs: Jobs) -> dict[str, Any]:
    found = next(jobs.database.list_collections(filter={"name": "people"}))["options"]
    return {name: value for name, value in found.items() if not name.startswith("valid")}


def indexes_of(jobs: Jobs) -> dict[str, dict[str, Any]]:
    return {index["name"]: dict(index) for index in jobs.live.list_indexes()}


def ok(ended: Ended) -> Ended:
    assert ended.code == 0, ended.err
    return ended


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("mode", ["replace", "upsert", "append", "sync"])
def test_options_that_the_mapping_does_not_name_stay(jobs: Jobs, mode: str, name: str) -> None:
    jobs.mode = mode
    jobs.database.create_collection("people", **OPTIONS[name])
    before = live_options(jobs)
    ended = ok(jobs.run([ANN, BOB]))
    assert live_options(jobs) == before
    told = [note for note in ended.report["notes"] if note.startswith("kept what the mapping does not name: ") and name in note]
    assert len(told) == (mode == "replace")
    assert len(jobs.documents()) == 2


def test_queries_still_compare_as_the_collection_says(jobs: Jobs) -> None:
    jobs.mode = "replace"
    jobs.database.create_collection("people", collation=FRENCH)
    ok(jobs.run([[1, "Zoé", "Oslo", 1], [2, "ZOE", "Rome", 2]]))
    assert jobs.live.count_documents({"name": "zoe"}) == 2


def test_foreign_indexes_are_kept_exactly(jobs: Jobs) -> None:
    jobs.mode = "replace"
    ok(jobs.run([ANN, BOB]))
    for name, (keys, options) in FOREIGN.items():
        jobs.live.create_index(keys, name=name, **options)
    before = indexes_of(jobs)
    for rows in ([ANN, CAT], [CAT]):  # the second time the ledger knows them as those of the last run, and they still are not the mapping's
        ended = ok(jobs.run(rows))
        assert indexes_of(jobs) == before
        (note,) = [note for note in ended.report["notes"] if "does not name" in note]
        assert all(f"index {name}" in note for name in FOREIGN)
        assert "by_city" not in note


def test_indexes_without_a_collation_have_none_on_a_collection_that_has_one(jobs: Jobs) -> None:
    jobs.mode = "replace"
    jobs.rest = "  words: {keys: {name: text}}"
    jobs.database.create_collection("people", collation=FRENCH)
    jobs.live.create_index([("age", 1)], name="plain", collation={"locale": "simple"})
    jobs.live.create_index([("age", -1)], name="inherits")
    own(jobs.live)
    before = indexes_of(jobs)
    for _ in range(2):
        ok(jobs.run([ANN]))
        found = indexes_of(jobs)
        assert before.items() <= found.items()
        assert (found["by_city"]["collation"]["locale"], "collation" in found["words"]) == ("fr", False)


def test_an_index_that_the_mapping_no_longer_has_goes(jobs: Jobs) -> None:
    jobs.mode, jobs.rest = "replace", "  by_age: {keys: {age: 1}}"
    ok(jobs.run([ANN]))
    jobs.live.create_index([("name", 1)], name="theirs")
    jobs.rest = ""
    ended = ok(jobs.run([ANN]))
    assert indexes_of(jobs).keys() == {"_id_", "by_city", "theirs"}
    assert "kept what the mapping does not name: index theirs" in ended.report["notes"]


def test_an_index_of_the_mapping_that_is_hidden_stays_hidden(jobs: Jobs) -> None:
    jobs.mode = "replace"
    ok(jobs.run([ANN]))
    jobs.database.command("collMod", "people", index={"name": "by_city", "hidden": True})
    ok(jobs.run([BOB]))
    assert indexes_of(jobs)["by_city"]["hidden"] is True


def test_foreign_indexes_can_be_dropped(jobs: Jobs) -> None:
    jobs.mode, jobs.more = "replace", ", foreign_indexes: drop"
    ok(jobs.run([ANN]))
    jobs.live.create_index([("name", 1)], name="theirs")
    ended = ok(jobs.run([ANN]))
    assert indexes_of(jobs).keys() == {"_id_", "by_city"}
    assert "dropped what the mapping does not name: index theirs" in ended.report["notes"]


@pytest.mark.parametrize(
    ("keys", "options", "other"),
    [
        ([("age", 1)], {"name": "theirs"}, "index theirs"),
        ([("age", -1)], {"name": "by_age"}, "index by_age"),
        ([("name", "text")], {"name": "words"}, "another index (words)"),
    ],
    ids=["same keys", "same name", "two text indexes"],
)
def test_a_conflict_is_found_before_the_load(jobs: Jobs, keys: list, options: dict, other: str) -> None:
    jobs.mode = "replace"
    ok(jobs.run([ANN]))
    jobs.live.create_index(keys, **options)
    kind = "text" if other.startswith("another") else "1"
    jobs.rest = f"  by_age: {{keys: {{{'name' if kind == 'text' else 'age'}: {kind}}}}}"
    ended = jobs.run([BOB])
    assert (ended.code, ended.report["errors"][0]["code"]) == (4, "foreign_index")
    assert f"index by_age conflicts with {other} of the live collection" in ended.err
    assert ended.report["accounting"]["rows_read"] == 0
    assert jobs.documents()[0]["_id"] == 1
    assert [name for name in jobs.database.list_collection_names() if "staging" in name] == []
    jobs.more = ", foreign_indexes: drop"
    ok(jobs.run([BOB]))


def test_an_index_that_the_mapping_takes_over_as_it_is(jobs: Jobs) -> None:
    jobs.mode = "replace"
    ok(jobs.run([ANN]))
    jobs.live.create_index([("age", 1)], name="by_age")
    jobs.rest = "  by_age: {keys: {age: 1}}"
    ok(jobs.run([BOB]))
    assert indexes_of(jobs).keys() == {"_id_", "by_city", "by_age"}


def test_new_documents_that_break_a_foreign_unique_index_are_not_published(jobs: Jobs) -> None:
    jobs.mode = "replace"
    ok(jobs.run([ANN, BOB]))
    jobs.live.create_index([("age", 1)], name="one_of_each_age", unique=True)
    ended = jobs.run([ANN, [4, "Dan", "Kyiv", 30]])
    assert (ended.code, ended.report["errors"][0]["code"]) == (4, "foreign_index")
    assert "several documents have the same key: unique index one_of_each_age (age) of the live collection" in ended.err
    assert [one["_id"] for one in jobs.documents()] == [1, 2]


def test_an_index_that_is_made_during_the_load_is_kept_too(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.mode = "replace"
    ok(jobs.run([ANN]))
    build = Replacement.build

    def late(self: Replacement, mapping: Any) -> None:
        build(self, mapping)
        jobs.live.create_index([("age", 1)], name="late")

    monkeypatch.setattr(Replacement, "build", late)
    ok(jobs.run([BOB]))
    assert "late" in indexes_of(jobs)


@pytest.mark.parametrize("mode", ["replace", "upsert"])
def test_verify_and_plan_tell_what_others_changed_and_do_not_fail(jobs: Jobs, mode: str) -> None:
    jobs.mode = mode
    ok(jobs.run([ANN]))
    jobs.live.create_index([("age", 1)], name="theirs")
    jobs.database.command("collMod", "people", changeStreamPreAndPostImages={"enabled": True})
    changed = ["index theirs: added since the run ended", "option changeStreamPreAndPostImages: added since the run ended"]
    for verb in ("verify", "plan"):
        ended = ok(command(verb, "-m", jobs.mapping))
        assert all(f"not the mapping's: {line}" in ended.out for line in changed), ended.out
    assert "nothing to do" in ok(command("apply", "-m", jobs.mapping)).out
    ok(jobs.run([ANN]))
    assert {"theirs", "by_city"} <= indexes_of(jobs).keys()
    assert "not the mapping's" not in ok(command("verify", "-m", jobs.mapping)).out
    jobs.live.drop_index("theirs")
    assert "index theirs: missing" in ok(command("verify", "-m", jobs.mapping)).out


def test_apply_keeps_what_others_made(jobs: Jobs) -> None:
    jobs.mode, jobs.rest = "replace", "validation: {additional: true}"
    jobs.database.create_collection("people", collation=FRENCH)
    ok(jobs.run([ANN]))
    jobs.live.create_index([("age", 1)], name="theirs")
    before = live_options(jobs)
    text = jobs.mapping.read_text(encoding="utf-8").replace("by_city: {keys: {home.city: 1}}", "by_name: {keys: {name: 1}}")
    changed = jobs.folder / "changed.yaml"
    changed.write_text(text, encoding="utf-8")
    ok(command("apply", "-m", changed))
    assert indexes_of(jobs).keys() == {"_id_", "by_name", "theirs"}
    assert live_options(jobs) == before


def test_an_index_that_lets_documents_expire_comes_last(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.mode = "replace"
    ok(jobs.run([ANN]))
    jobs.live.create_index([("seen", 1)], name="ttl", expireAfterSeconds=3600)
    jobs.live.create_index([("age", 1)], name="theirs")
    publish, before = Replacement.publish, set[str]()

    def last(self: Replacement) -> Any:
        before.update(self._staging.index_information())
        return publish(self)

    monkeypatch.setattr(Replacement, "publish", last)
    ok(jobs.run([BOB]))
    assert before == {"_id_", "by_city", "theirs"}
    assert indexes_of(jobs)["ttl"]["expireAfterSeconds"] == 3600
