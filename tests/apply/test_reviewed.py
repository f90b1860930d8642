"""A plan is saved, reviewed, and exactly that is applied; it is refused where it is no longer what was reviewed."""

import json
from pathlib import Path
from typing import Any

import pytest
from evolution.stopping import stopping
from jobs import Ended, Jobs, command
from pymongo.database import Database

ROWS: list[list[Any]] = [[1, "Canary-1", "Oslo", 30], [2, "Canary-2", "Bern", 40], [3, "Canary-3", "Rome", 50]]


class Review:
    """A mapping without home.city, and the saved plan of it."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs, self.file, self.saved = jobs, jobs.folder / "edited.yaml", jobs.folder / "plan.json"
        self.text = jobs.mapping.read_text(encoding="utf-8").replace("  home.city: city\n", "").replace("home.city: 1", "age: 1")
        self.file.write_text(self.text, encoding="utf-8")

    def plan(self, *more: str) -> Ended:
        return command("plan", "-m", self.file, "--output", self.saved, *more)

    def apply(self, *more: str) -> Ended:
        return command("apply", self.saved, *more)

    def refused(self, words: str) -> None:
        before = self.jobs.documents()
        ended = self.apply()
        assert (ended.code, "not_as_reviewed" in ended.err, words in ended.err) == (3, True, True), ended.err
        assert self.jobs.documents() == before


@pytest.fixture
def review(database: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Review:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    jobs = Jobs(database, tmp_path, mode="replace")
    assert jobs.run(ROWS).code == 0
    return Review(jobs)


def test_what_was_reviewed_is_done_once(review: Review) -> None:
    ended = review.plan("--allow", "E102:home.city")
    assert (ended.code, "destructive: E102 home.city" in ended.out) == (11, True), ended.err
    saved = json.loads(review.saved.read_text(encoding="utf-8"))
    assert (saved["plan_version"], saved["collections"][0]["allow"]) == (1, ["E102:home.city"])
    assert "Canary" not in review.saved.read_text(encoding="utf-8")
    ended = review.apply("--json")
    assert (ended.code, "home" in review.jobs.documents()[0]) == (0, False), ended.err
    review.refused("reviewed was a plan for what run")  # it is done already


def test_saving_a_plan_does_not_allow_its_losses(review: Review) -> None:
    assert review.plan().code == 11
    ended = review.apply()
    assert (ended.code, "add --allow E102:home.city" in ended.err, "home" in review.jobs.documents()[0]) == (3, True, True), ended.err


def test_the_mapping_has_changed_since(review: Review) -> None:
    assert review.plan("--allow", "E102").code == 11
    review.file.write_text(review.text + "# a comment is no change\n", encoding="utf-8")
    assert command("apply", review.saved, "--dry-run").code == 0
    review.file.write_text(review.text.replace("minimum: 0", "minimum: 1"), encoding="utf-8")
    review.refused("is not the mapping that was reviewed")


def test_another_run_was_there_since(review: Review) -> None:
    assert review.plan("--allow", "E102").code == 11
    assert review.jobs.run(ROWS).code == 0
    review.refused("another collection of this name is there now")


def test_more_would_be_lost_than_was_reviewed(review: Review) -> None:
    assert review.plan("--allow", "E102").code == 11
    review.jobs.live.insert_one({"_id": 4, "name": "Di", "home": {"city": "Kyiv"}, "age": 4})
    review.refused("its values in 4 documents would be dropped; reviewed were 3 documents at most")
    review.jobs.live.delete_many({"_id": {"$in": [3, 4]}})
    assert review.apply().code == 0  # less is lost


def test_a_number_that_is_allowed_leaves_room_for_what_others_write(review: Review) -> None:
    assert review.plan("--allow", "E102:home.city:4").code == 11
    review.jobs.live.insert_one({"_id": 4, "name": "Di", "home": {"city": "Kyiv"}, "age": 4})
    review.jobs.live.insert_one({"_id": 5, "name": "Ed", "home": {"city": "Bonn"}, "age": 5})
    review.refused("its values in 5 documents would be dropped; reviewed were 4 documents at most")
    review.jobs.live.delete_one({"_id": 5})
    assert review.apply().code == 0


def test_an_index_or_the_validator_has_changed_since(review: Review) -> None:
    assert review.plan("--allow", "E102").code == 11
    review.jobs.live.create_index("name", name="theirs")
    review.refused("index theirs has changed")
    review.jobs.live.drop_index("theirs")
    review.jobs.database.command("collMod", "people", validationLevel="moderate")
    review.refused("validator has changed")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"plan_version": 1}', '{"plan_version": 1, "mapping_file": "m", "collections": [{}]}'])
def test_what_is_no_plan_is_refused(text: str, review: Review) -> None:
    review.saved.write_text(text, encoding="utf-8")
    ended = review.apply()
    assert (ended.code, "not_a_plan" in ended.err) == (2, True), ended.err


def test_options_that_do_not_go_together(review: Review) -> None:
    assert review.plan().code == 11
    for words in (("apply", review.saved, "--allow", "E102"), ("apply",), ("plan", "-m", review.file, "--allow", "E102")):
        ended = command(*words)
        assert (ended.code, "usage" in ended.err) == (2, True), ended.err


def test_what_apply_would_refuse_is_saved_and_refused(review: Review) -> None:
    review.file.write_text(review.text.replace("  age:", "  nick: {column: nick}\n  age:"), encoding="utf-8")
    assert review.plan("--allow", "E102").code == 11
    assert json.loads(review.saved.read_text(encoding="utf-8"))["collections"][0]["steps"] == []
    ended = review.apply()
    assert (ended.code, "needs_source nick" in ended.err) == (3, True), ended.err


def test_an_interrupted_apply_of_a_plan_goes_on(review: Review) -> None:
    assert review.plan("--allow", "E102").code == 11
    with stopping("check"):
        assert review.apply().code == 130
    ended = review.apply("--json")
    assert (ended.code, bool(ended.report["resumed"]), "home" in review.jobs.documents()[0]) == (0, True, False), ended.err


def test_several_collections_of_one_file(review: Review) -> None:
    parts = "  {name}: {{fields: {{_id: {{column: id, type: int}}, {fields}}}}}"
    head = f"mapping: all\nsource: {{path: {review.jobs.folder}/in.csv}}\ntarget: {{database: {review.jobs.database.name}}}\ncollections:\n"

    def write(fields: str) -> None:
        lines = [parts.format(name=name, fields=fields) for name in ("first", "second")]
        review.file.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")

    write("city: city, age: age")
    assert command("run", "-m", review.file, "--quiet").code == 0
    write("city: city")
    assert review.plan("--allow", "E102:age").code == 11
    assert [one["collection"] for one in json.loads(review.saved.read_text(encoding="utf-8"))["collections"]] == ["first", "second"]
    second = review.jobs.database["second"]
    second.create_index("city", name="theirs")
    assert (review.apply().code, "age" in review.jobs.database["first"].find_one({})) == (3, True)  # none is changed
    second.drop_index("theirs")
    ended = review.apply()
    assert (ended.code, "age" in review.jobs.database["first"].find_one({}), "age" in second.find_one({})) == (0, False, False), ended.err
