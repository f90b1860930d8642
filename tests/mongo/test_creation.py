"""`target.options`: a new collection is made with them, a live one is compared with them before any source is read."""

from typing import Any

import pytest
from jobs import Ended, Jobs, command

from engine.mongo.kinds import collection_info

ANN, BOB = [1, "Ann", "Oslo", 30], [2, "Bob", "Rome", 40]
MODES = ["replace", "upsert", "append", "sync"]
IN_PLACE = MODES[1:]
FRENCH, CLUSTERED = {"locale": "fr", "strength": 1}, {"key": {"_id": 1}, "unique": True}
COLLATION = "collation: {locale: fr, strength: 1}"
EVERY = f"{COLLATION}, clusteredIndex: {{key: {{_id: 1}}, unique: true}}, changeStreamPreAndPostImages: {{enabled: true}}"


def declare(jobs: Jobs, options: str) -> None:
    jobs.more = f", options: {{{options}}}" if options else ""


def live_options(jobs: Jobs) -> dict[str, Any]:
    found = collection_info(jobs.database, "people")
    assert found
    return dict(found.options)


def ok(ended: Ended) -> Ended:
    assert ended.code == 0, ended.err
    return ended


@pytest.mark.parametrize("mode", MODES)
def test_a_collection_is_made_with_the_declared_options_and_keeps_them(jobs: Jobs, mode: str) -> None:
    jobs.mode = mode
    declare(jobs, EVERY)
    for rows in ([ANN], [ANN, BOB]):
        ended = ok(jobs.run(rows))
        found = live_options(jobs)
        assert FRENCH.items() <= found["collation"].items()
        assert CLUSTERED.items() <= found["clusteredIndex"].items()
        assert found["changeStreamPreAndPostImages"] == {"enabled": True}
        assert found["validator"]
        assert not any("does not name" in note for note in ended.report["notes"])
    assert jobs.live.count_documents({"name": "ANN"}) == 1
    ok(command("verify", "-m", jobs.mapping))
    assert ok(command("plan", "-m", jobs.mapping)).out.endswith("Nothing to do: the collection matches the mapping.\n")


@pytest.mark.parametrize(
    ("there", "options", "words"),
    [
        ({}, COLLATION, "has no collation"),
        ({"collation": {"locale": "fr"}}, COLLATION, "has another collation"),
        ({"collation": FRENCH}, "collation: {locale: fr}", "has another collation"),
        ({"collation": FRENCH}, "collation: {locale: simple}", "has another collation"),
        ({}, "clusteredIndex: {key: {_id: 1}, unique: true}", "has no clusteredIndex"),
    ],
)
@pytest.mark.parametrize("mode", IN_PLACE)
def test_what_cannot_be_changed_in_place_is_said_before_any_work(jobs: Jobs, mode: str, there: dict, options: str, words: str) -> None:
    jobs.database.create_collection("people", **there)
    before = live_options(jobs)
    jobs.mode = mode
    declare(jobs, options)
    ended = command("run", "-m", jobs.mapping)  # its source does not exist
    assert (ended.code, f"people {words}" in ended.err, "run once in mode replace" in ended.err) == (4, True, True), ended.err
    assert live_options(jobs) == before
    jobs.mode = "replace"
    ok(jobs.run([ANN]))
    jobs.mode = mode
    ok(jobs.run([ANN, BOB]))


@pytest.mark.parametrize("mode", MODES)
def test_images_can_be_changed_and_what_matches_is_left(jobs: Jobs, mode: str) -> None:
    jobs.mode = mode
    jobs.database.create_collection("people", collation=FRENCH)
    for enabled in ("true", "false"):
        declare(jobs, f"{COLLATION}, changeStreamPreAndPostImages: {{enabled: {enabled}}}")
        ok(jobs.run([ANN]))
        assert live_options(jobs).get("changeStreamPreAndPostImages", {"enabled": False}) == {"enabled": enabled == "true"}
        assert FRENCH.items() <= live_options(jobs)["collation"].items()


@pytest.mark.parametrize("mode", MODES)
def test_a_collation_that_the_server_does_not_take(jobs: Jobs, mode: str) -> None:
    jobs.mode = mode
    declare(jobs, "collation: {locale: xx}")
    ended = command("run", "-m", jobs.mapping)
    assert (ended.code, "option_refused the server does not take target.options.collation: code 2" in ended.err) == (4, True), ended.err


@pytest.mark.parametrize("mode", MODES)
def test_text_ids_are_refused_where_the_live_collection_has_a_collation(jobs: Jobs, mode: str) -> None:
    jobs.mode = mode
    text = jobs.mapping.read_text(encoding="utf-8").replace("{column: id, type: int}", "id")
    mapping = jobs.folder / "text.yaml"
    mapping.write_text(text, encoding="utf-8")
    jobs.database.create_collection("people", collation=FRENCH)
    ended = command("run", "-m", mapping)
    assert (ended.code, "collated_ids" in ended.err, "nothing was done" in ended.err) == (4, True, True), ended.err
    mapping.write_text(text.replace(f"mode: {mode}", f"mode: {mode}, options: {{collation: {{locale: simple}}}}"), encoding="utf-8")
    jobs.write([["a", "Ann", "Oslo", 1], ["A", "Bob", "Rome", 2]])
    ended = command("run", "-m", mapping, "--source", jobs.folder / "in.csv")
    if mode == "replace":
        ok(ended)
        assert (jobs.live.count_documents({}), "collation" in live_options(jobs)) == (2, False)
    else:
        assert "has another collation" in ended.err


def test_apply_changes_images_and_sends_the_rest_to_replace(jobs: Jobs) -> None:
    jobs.mode = "replace"
    ok(jobs.run([ANN]))
    declare(jobs, "changeStreamPreAndPostImages: {enabled: true}")
    plan = command("plan", "-m", jobs.mapping)
    assert (plan.code, "E504 target: collection options changed, options.changeStreamPreAndPostImages" in plan.out) == (10, True), plan.out
    ok(command("apply", "-m", jobs.mapping))
    assert live_options(jobs)["changeStreamPreAndPostImages"] == {"enabled": True}
    declare(jobs, f"{COLLATION}, changeStreamPreAndPostImages: {{enabled: true}}")
    plan = command("plan", "-m", jobs.mapping)
    assert "collation is set when a collection is made; use mode: replace" in plan.out
    refused = command("apply", "-m", jobs.mapping)
    assert (refused.code, "needs_source" in refused.err) == (3, True), refused.err
    ok(jobs.run([ANN]))
    assert ok(command("plan", "-m", jobs.mapping)).code == 0


def test_an_option_that_the_mapping_no_longer_names_stays(jobs: Jobs) -> None:
    declare(jobs, EVERY)
    ok(jobs.run([ANN]))
    before = live_options(jobs)
    declare(jobs, "")
    assert ok(command("plan", "-m", jobs.mapping)).code == 0
    ok(jobs.run([ANN, BOB]))
    jobs.mode = "replace"
    ended = ok(jobs.run([ANN, BOB]))
    assert live_options(jobs) == before
    assert "kept what the mapping does not name: changeStreamPreAndPostImages, clusteredIndex, collation" in ended.report["notes"]


def test_a_declared_option_that_the_live_collection_already_has_is_no_change_of_shape(jobs: Jobs) -> None:
    jobs.database.create_collection("people", collation=FRENCH)
    ok(jobs.run([ANN]))
    declare(jobs, COLLATION)
    ok(jobs.run([ANN, BOB]))
