"""`engine plan --estimate`: what a sample says, marked as such, and never a base of an apply."""

from pathlib import Path

import pytest
from jobs import Ended, command
from pymongo.database import Database

from engine.apply import inspect
from engine.apply.sampling import sample_of
from engine.evolution.counts import Counts, Strangers

MAPPING = """
mapping: people
source: {{path: in.csv}}
target: {{database: {database}, collection: people}}
fields:
  _id: {{column: id, type: int}}
  kind: {{column: kind, enum: [{kinds}]}}
  age: {{column: age, type: int}}
{rest}
"""
ALL, NARROWED = "even, odd", "even"
ROWS, SAMPLE = 600, 100


class People:
    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        rows = "".join(f"{number},{('even', 'odd')[number % 2]},{number // 2}\n" for number in range(ROWS))
        (folder / "in.csv").write_text(f"id,kind,age\n{rows}", encoding="utf-8")
        assert self.call("run", ALL, "--source", str(folder / "in.csv")).code == 0

    def call(self, verb: str, kinds: str, *more: str, rest: str = "") -> Ended:
        file = self.folder / "people.yaml"
        file.write_text(MAPPING.format(database=self.database.name, kinds=kinds, rest=rest), encoding="utf-8")
        return command(verb, "-m", file, *more)


@pytest.fixture
def people(database: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> People:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(inspect, "sample_of", lambda collection: sample_of(collection, SAMPLE))
    (tmp_path / "work").mkdir()
    return People(database, tmp_path / "work")


def test_an_estimate_is_marked_in_text_and_json(people: People) -> None:
    shown = people.call("plan", NARROWED, "--estimate")
    assert shown.code == 11
    assert "all numbers are estimates from 100 documents" in shown.out
    found = people.call("plan", NARROWED, "--estimate", "--json").report
    assert (found["documents"], found["estimated_from"]) == (ROWS, SAMPLE)
    assert found["leaving"] % (ROWS // SAMPLE) == 0  # so many of a hundred, six times
    assert 0 < found["leaving"] == found["changes"][0]["violators"] < ROWS


def test_without_it_all_is_counted(people: People) -> None:
    found = people.call("plan", NARROWED, "--json").report
    assert (found["documents"], found["estimated_from"], found["leaving"]) == (ROWS, 0, ROWS // 2)
    assert "estimate" not in people.call("plan", NARROWED).out


def test_a_small_collection_is_counted_all_the_same(people: People) -> None:
    people.database["people"].delete_many({"_id": {"$gte": 2 * SAMPLE}})
    found = people.call("plan", NARROWED, "--estimate", "--json").report
    assert (found["documents"], found["estimated_from"], found["leaving"]) == (2 * SAMPLE, 0, SAMPLE)


def test_whether_a_unique_index_can_be_built_is_no_estimate(people: People) -> None:
    unique = "indexes: {ages: {keys: {age: 1}, unique: true}}"
    assert "index_not_unique" in people.call("plan", ALL, rest=unique).out
    shown = people.call("plan", ALL, "--estimate", rest=unique)
    assert "index_not_unique" not in shown.out
    assert "whether unique indexes can be built was not asked" in shown.out
    assert "index_not_unique" in people.call("apply", ALL, rest=unique).err


@pytest.mark.parametrize("more", [["--output", "plan.json"], ["--fail-on", "destructive"]])
def test_an_estimate_is_no_base_of_a_saved_plan_or_a_gate(more: list[str], people: People) -> None:
    ended = people.call("plan", NARROWED, "--estimate", *more)
    assert (ended.code, "all documents are counted" in ended.err) == (2, True)


def test_a_sample_stands_for_all() -> None:
    found = Counts(100, {"a": 50}, refused=10, strangers=Strangers(5), violators={"b": 5}, unblamed=1).estimating(1000)
    assert (found.documents, found.affected, found.refused, found.violators, found.sample) == (1000, {"a": 500}, 100, {"b": 50}, 100)
    assert (found.strangers.documents, found.unblamed) == (50, 10)
