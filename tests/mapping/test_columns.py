"""What the names of columns mean where they stand, and how a changed one is told."""

import pytest

from engine.evolution.diff import diff
from engine.mapping.columns import cells_of, columns_of, lookups_of, row_columns
from engine.mapping.loader import loads
from engine.mapping.model import Mapping

TEXT = """
mapping: m
sources: {pupils: {path: p.csv}, towns: {path: t.csv}, visits: {path: v.csv}, drugs: {path: d.csv}}
document: pupils
target: {database: d, collection: c}
arrays:
  doses: {numbered: 1..2}
  doses[].parts: {split: {column: "parts{n}", separator: "|"}}
  visits: {source: visits, on: {pupil: id}, columns: "^day (.*)"}
  notes: {json: {column: notes}}
lookups:
  region: {source: towns, on: {id: town.region}}
  town: {source: towns, on: {id: town}}
  drug: {source: drugs, on: {id: "drug{n}"}}
  extra: {json: {column: extra}}
fields:
  _id: id
  dotted: a.b
  region: region.name
  extra: extra.a.b
  braces: "{value}"
  doses[].number: "{n}"
  doses[].unit: "unit{n}"
  doses[].drug: drug.name
  doses[].pupil: id
  doses[].parts[].text: "{value}"
  doses[].parts[].of: "unit{n}"
  visits[].day: "{key}"
  visits[].what: "{value}"
  visits[].place: place
  notes[].by: by
  notes[].first: "{n}"
"""


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    return loads(TEXT)


@pytest.mark.parametrize(("path", "meant"), [
    ("_id", ("", ("id",), "", False)),
    ("dotted", ("", ("a.b",), "", False)),  # no lookup is called a
    ("region", ("towns", ("name",), "region", False)),
    ("extra", (None, ("a.b",), "extra", False)),
    ("braces", ("", ("{value}",), "", False)),  # a row may have such a column
    ("doses[].number", (None, (), "", False)),
    ("doses[].unit", ("", ("unit1", "unit2"), "", True)),
    ("doses[].drug", ("drugs", ("name",), "drug", True)),  # found by drug{n}, which is of the element
    ("doses[].pupil", ("", ("id",), "", False)),
    ("doses[].parts[].text", (None, (), "", True)),
    ("doses[].parts[].of", ("", ("unit1", "unit2"), "", False)),
    ("visits[].day", (None, (), "", False)),
    ("visits[].what", (None, (), "", True)),
    ("visits[].place", ("visits", ("place",), "", False)),  # all elements of a wide row have it
    ("notes[].by", (None, ("by",), "", True)),
])  # fmt: skip
def test_what_a_name_means(mapping: Mapping, path: str, meant: tuple[str | None, tuple[str, ...], str, bool]) -> None:
    """`meant`: source, names, lookup, and whether it can say that an element is there."""
    column = mapping.field(path).column
    assert column
    assert (column.source, column.names, column.lookup, column.own) == meant


def test_lookups_stand_after_those_that_they_are_found_by(mapping: Mapping) -> None:
    assert [one.name for one in lookups_of(mapping, "")] == ["town", "region", "extra"]
    assert [one.name for one in mapping.lookups] == ["region", "town", "drug", "extra"]


def test_a_lookup_is_found_by_columns_of_the_level_that_uses_it(mapping: Mapping) -> None:
    (drug,) = lookups_of(mapping, "doses")
    assert [(one.written, one.names) for one in row_columns(drug.origin)] == [("drug{n}", ("drug1", "drug2"))]


def test_each_source_has_its_columns(mapping: Mapping) -> None:
    numbered = ["parts1", "parts2", "unit1", "unit2"]
    assert sorted(columns_of(mapping)) == sorted(["id", "a.b", "town", "extra", "notes", "{value}", "drug1", "drug2", *numbered])
    assert sorted(columns_of(mapping, "towns")) == ["id", "name", "region"]
    assert sorted(columns_of(mapping, "visits")) == ["place", "pupil"]


def test_cells_are_named_as_they_are_written(mapping: Mapping) -> None:
    assert {str(one) for one in cells_of(mapping, "doses", ())} == {"{n}", "unit{n}", "drug{n}", "id", "parts{n}"}
    assert {str(one) for one in cells_of(mapping, "notes", ())} == {"by", "{n}"}


@pytest.mark.parametrize(("before", "after", "key", "old", "new"), [
    ("_id: id", "_id: number", "column", "id", "number"),
    ("extra: extra.a.b", "extra: extra.a", "column", "extra.a.b", "extra.a"),
    ("dotted: a.b", "dotted: {hash: [a.b, c]}", "hash", (), ("a.b", "c")),
    ("dotted: a.b", "dotted: {column: a.b, type: date, timezone: {column: zone}}", "timezone", None, "zone"),
])  # fmt: skip
def test_changes_print_columns_as_they_are_written(before: str, after: str, key: str, old: object, new: object) -> None:
    changes = {one.key: one for one in diff(loads(TEXT), loads(TEXT.replace(before, after)))}
    assert (changes[key].old, changes[key].new) == (old, new)


def test_a_column_stays_the_same_when_a_lookup_takes_its_name() -> None:
    as_cell = TEXT.replace("  extra: {json: {column: extra}}\n", "")
    assert [one.subject for one in diff(loads(as_cell), loads(TEXT))] == ["lookups"]
