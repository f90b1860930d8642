"""A field that is computed from stored fields needs no source: apply leaves the documents of a fresh run, as far as it can be checked."""

from pathlib import Path
from typing import Any

import pytest
from jobs import Ended, command
from pymongo.database import Database

from engine.evolution import values

OLD = """
mapping: people
source: {{path: in.csv}}
target: {{database: {database}, collection: people}}
fields:
  _id: {{column: id, type: int}}
  name: name
  code: code
  born: born
limits: {{rejects: 100%}}
"""
ADDED = """
  first: {{compute: "split_part(squish(name), ' ', 1)"}}
  rest: {{compute: "substring_after(squish(name), ' ')", empty: "null"}}
  label: {{compute: "concat_ws(', ', substring_after_last(name, ' '), substring_before(name, ' '))"}}
  state: {{compute: "map(code, {{'A': 'active', 'C': 'closed'}}, code)"}}
  number: {{compute: "int(code)", type: int}}
  birthday: {{compute: "strptime(born, '%d/%m/%Y')", type: date}}
  month: {{compute: "strftime(birthday, '%B %Y')"}}
limits:"""
NEW = OLD.replace("\nlimits:", ADDED)
ROWS = """id,name,code,born
1,Anna Maria Berg,A,29/02/2024
2,\u00a0Ann   Berg ,C,30/02/2024
3,Ann,007,01/01/0001
4,,,
5," E\u0301va \U0001f600",X ,31/12/9999
6,Ann  ,12345678901,1/1/2024
"""


class People:
    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        (folder / "in.csv").write_text(ROWS, encoding="utf-8")

    def call(self, verb: str, mapping: str, *arguments: str) -> Ended:
        file = self.folder / "people.yaml"
        file.write_text(mapping.format(database=self.database.name), encoding="utf-8")
        return command(verb, "-m", file, *arguments)

    def run(self, mapping: str) -> list[Any]:
        ended = self.call("run", mapping, "--source", str(self.folder / "in.csv"))
        assert ended.code == 0, ended.err
        return self.raw()

    def raw(self) -> list[Any]:
        return [[*document.items()] for document in self.database["people"].find().sort("_id", 1)]


@pytest.fixture
def people(database: Database, mongo_uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> People:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    return People(database, tmp_path)


def test_parts_of_texts_codes_and_dates_need_no_source(people: People) -> None:
    fresh = people.run(NEW)
    people.database["people"].drop()
    people.run(OLD)
    assert "a rewrite on the server" in people.call("plan", NEW).out
    ended = people.call("apply", NEW)
    assert ended.code == 0, ended.err
    assert people.raw() == fresh


def test_a_server_that_computes_otherwise_is_found_before_a_document_changes(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    before = people.run(OLD)
    right = values._expression

    def wrong(expression: Any) -> Any:
        return {"$literal": "x"} if "split_part" in str(expression.tree) else right(expression)

    monkeypatch.setattr(values, "_expression", wrong)
    ended = people.call("apply", NEW)
    assert ended.code == 3
    assert "computed_differently in 6 of 6 documents tried, the server computes another first than the engine" in ended.err
    assert "Ann" not in ended.err
    assert people.raw() == before
    assert people.call("plan", OLD).code == 0


TRANSFORMED = OLD.replace("  name: name", "  name: {{column: name, transform: [squish]}}")
FURTHER = TRANSFORMED.replace(
    "\nlimits:",
    """
  first: {{column: name, transform: [squish, {{extract: {{pattern: "^([^ ]+)"}}}}]}}
  last: {{column: name, transform: [squish, {{extract: {{pattern: " ([^ ]+)$"}}}}, {{replace: {{find: e, by: $a}}}}], empty: "null"}}
  short: {{column: code, transform: [strip, {{replace: {{find: "0", by: ""}}}}]}}
limits:""",
)


def test_further_transforms_of_a_stored_text_need_no_source(people: People) -> None:
    fresh = people.run(FURTHER)
    people.database["people"].drop()
    people.run(TRANSFORMED)
    ended = people.call("apply", FURTHER)
    assert ended.code == 0, ended.err
    assert people.raw() == fresh


@pytest.mark.parametrize("step", ["title", "{{extract: {{pattern: '^(\\w+)'}}}}", "{{pad: {{length: 9, fill: x}}}}"])
def test_transforms_that_the_server_does_otherwise_need_the_source(people: People, step: str) -> None:
    people.run(TRANSFORMED)
    planned = people.call(
        "plan", TRANSFORMED.replace("\nlimits:", f"\n  other: {{{{column: name, transform: [squish, {step}]}}}}\nlimits:")
    )
    assert "what `compute` makes of name needs no source" in planned.out
