"""A collection that the engine did not make: what a run must not do to it, and when it is the engine's again."""

import pytest
from bson import json_util
from jobs import Ended, Jobs, command, own

from engine.mongo.replacement import Replacement

ANN, BOB = [1, "Ann", "Oslo", 30], [2, "Bob", "Rome", 40]
NOTES = [{"sku": f"A{number}", "note": "mine"} for number in range(5)]


def refused(ended: Ended, *words: str) -> None:
    assert (ended.code, "foreign_collection" in ended.err) == (3, True), ended.err
    assert "engine adopt --mapping" in ended.err
    for one in words:
        assert one in ended.err


@pytest.mark.parametrize("mode", ["replace", "sync"])
def test_a_collection_of_others_is_neither_replaced_nor_emptied(jobs: Jobs, mode: str) -> None:
    jobs.mode = mode
    jobs.live.insert_many(NOTES)
    jobs.live.create_index("sku", name="by_sku")
    (jobs.folder / "in.csv").unlink(missing_ok=True)  # it is refused before a source is read
    refused(command("run", "-m", jobs.mapping), f"{jobs.database.name}.people was not made by the engine: 5 documents, indexes by_sku")
    assert jobs.live.count_documents({"note": "mine"}) == 5
    assert set(jobs.live.index_information()) == {"_id_", "by_sku"}
    assert jobs.database.list_collection_names(filter={"name": {"$regex": "staging"}}) == []


def test_its_validation_options_and_indexes_are_told(jobs: Jobs) -> None:
    rules = {"sku": {"$type": "string"}}
    jobs.database.create_collection("people", validator=rules, validationLevel="moderate", collation={"locale": "fr"})
    refused(jobs.run([ANN]), "0 documents, no index beyond _id_, a validator (moderate, error), options collation")
    assert jobs.live.options()["validator"] == rules


@pytest.mark.parametrize("mode", ["replace", "upsert", "append", "sync"])
def test_an_empty_collection_without_rules_is_anybodys(jobs: Jobs, mode: str) -> None:
    jobs.mode = mode
    jobs.database.create_collection("people")
    assert jobs.run([ANN]).code == 0
    assert jobs.run([ANN, BOB]).code == 0
    jobs.mode = "replace"
    assert jobs.run([ANN, BOB]).code == 0


@pytest.mark.parametrize("mode", ["upsert", "append"])
def test_documents_can_be_added_where_nothing_is_shut_out(jobs: Jobs, mode: str) -> None:
    jobs.mode = mode
    jobs.live.insert_many(NOTES)
    refused(jobs.run([ANN]), 'the mapping would change its validation (with validation: {level: "off"} it stays as it is)')
    assert "by_city" not in jobs.live.index_information()
    jobs.rest = 'validation: {level: "off"}'
    ended = jobs.run([ANN])
    assert (ended.code, ended.report["changes"]["inserted"]) == (0, 1), ended.err
    assert jobs.live.options() == {}
    assert jobs.live.count_documents({}) == 6
    jobs.rest = ""
    jobs.mode = "replace"
    refused(jobs.run([ANN]))


@pytest.mark.parametrize(("options", "harm"), [("unique: true", "refuse"), ("expireAfterSeconds: 5", "delete")])
def test_an_index_that_binds_others_is_not_added(jobs: Jobs, options: str, harm: str) -> None:
    jobs.rest = f"  by_at: {{keys: {{at: 1}}, {options}}}\nvalidation: {{level: 'off'}}"
    mapping = jobs.mapping
    text = mapping.read_text(encoding="utf-8").replace("fields:", "fields:\n  at: {value: '2026-01-02', type: date}")
    mapping.write_text(text, encoding="utf-8")
    jobs.live.insert_many(NOTES)
    refused(command("run", "-m", mapping, "--source", jobs.write([ANN])), f"the new index by_at may {harm} some of its documents")
    assert set(jobs.live.index_information()) == {"_id_"}


def test_the_same_validator_is_no_change(jobs: Jobs) -> None:
    jobs.run([ANN])
    options = jobs.live.options()
    jobs.live.drop()
    jobs.database.create_collection("people", **options)
    jobs.live.insert_one({"_id": 7, "name": "Zoe"})
    assert jobs.run([ANN]).code == 0
    jobs.mode = "sync"
    refused(jobs.run([ANN]), "mode sync would delete every document that the source does not have")


@pytest.mark.parametrize("mode", ["replace", "upsert"])
def test_what_was_made_anew_under_the_name_is_not_the_engines(jobs: Jobs, mode: str) -> None:
    jobs.mode = mode
    jobs.run([ANN])
    text = json_util.dumps(list(jobs.live.find()))
    jobs.live.drop()
    jobs.live.insert_many(json_util.loads(text))  # as mongorestore would
    refused(jobs.run([ANN, BOB]))
    for verb in ("plan", "apply"):
        refused(command(verb, "-m", jobs.mapping), "left another one under this name")


def test_two_mappings_may_use_what_is_the_engines(jobs: Jobs) -> None:
    jobs.mode = "replace"
    jobs.run([ANN])
    other = jobs.folder / "other.yaml"
    other.write_text(jobs.mapping.read_text(encoding="utf-8").replace("mapping: people", "mapping: others"), encoding="utf-8")
    ended = command("run", "-m", other, "--source", jobs.write([ANN, BOB]))
    assert ended.code == 0, ended.err


def test_a_dry_run_asks_no_server(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.mode = "replace"
    jobs.live.insert_many(NOTES)
    monkeypatch.setenv("MONGODB_URI", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=1")
    assert jobs.run([ANN], "--dry-run").code == 0


def test_a_run_that_died_after_its_rename_has_made_it(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.mode = "replace"
    with monkeypatch.context() as dying:
        dying.setattr(Replacement, "state", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        jobs.run([ANN])
    assert jobs.live.count_documents({}) == 1
    assert jobs.database["_engine_runs"].find_one({"outcome": "published", "live": {"$exists": True}}) is None
    assert jobs.run([ANN, BOB]).code == 0


def test_one_that_appears_during_a_run_is_not_replaced(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.mode = "replace"
    read_back = Replacement.read_back

    def late(self):
        jobs.live.insert_many(NOTES)
        return read_back(self)

    monkeypatch.setattr(Replacement, "read_back", late)
    refused(jobs.run([ANN]))
    assert jobs.live.count_documents({"note": "mine"}) == 5


def test_of_several_collections_none_is_begun(jobs: Jobs) -> None:
    text = f"""
        mapping: two
        source: {{path: {jobs.write([ANN])}}}
        target: {{database: {jobs.database.name}, mode: upsert}}
        collections:
          first: {{fields: {{_id: {{column: id, type: int}}}}}}
          second: {{fields: {{_id: {{column: id, type: int}}}}}}
    """
    mapping = jobs.folder / "two.yaml"
    mapping.write_text(text, encoding="utf-8")
    jobs.database["second"].insert_many(NOTES)
    ended = command("run", "-m", mapping)
    refused(ended, "second: ")
    assert jobs.database.list_collection_names() == ["second"]
    own(jobs.database["second"])
    assert "existing_documents" in command("run", "-m", mapping).err
