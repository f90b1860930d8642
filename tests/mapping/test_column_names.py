"""Columns with several names: what they are called everywhere in a mapping, and which changes of names mean what."""

from typing import Any

import pytest

from engine.evolution.diff import diff
from engine.evolution.judgements import Needs
from engine.evolution.planning import compared
from engine.mapping.columns import columns_of
from engine.mapping.loader import loads
from engine.mapping.model import Mapping

TEXT = """
mapping: m
sources: {{stays: {{path: s.csv}}, drugs: {{path: d.csv}}}}
document: stays
target: {{database: d, collection: c}}
dedup: {{on: [{key}, stay], near: {{except: [{near}], action: report}}}}
id: {{hash: {identity}}}
group_by: {group}
arrays:
  doses: {{numbered: 1..2}}
  drugs: {{source: drugs, on: {{code: {key}}}, sort: [{sort}]}}
fields:
  stay: {{column: {stay}}}
  room: {{column: {room}}}
  doses[].unit: {{column: {unit}}}
  drugs[].label: {{column: {drug}}}
  place: {{type: point, longitude: {lon}, latitude: lat}}
tests:
  - {{given: {{{key}: "1", drugs: [{{ {sort}: x }}]}}, expect: {{stay: "1"}}}}
"""
USUAL = {"key": "Stay", "near": "Age", "identity": "row", "group": "[Stay]", "sort": "name", "stay": "Stay",
         "room": "Room Number", "unit": '"unit{n}"', "drug": "name", "lon": "lon"}  # fmt: skip
NAMED = {"stay": "[Stay No, Stay]", "room": "[Room, Room Number]", "unit": '["Unit {n}", "unit{n}"]', "drug": "[Drug, name]",
         "lon": "[Longitude, lon]"}  # fmt: skip


def mapping(**parts: str) -> Mapping:
    return loads(TEXT.format(**USUAL | parts))


def test_any_name_means_the_column_wherever_it_is_named() -> None:
    found = mapping(**NAMED, near="Room Number")
    assert set(columns_of(found)) == {"Stay No", "Room", "Unit 1", "Unit 2", "Longitude", "lat"}
    assert set(columns_of(found, "drugs")) == {"code", "Drug"}
    assert found.dedup
    assert found.dedup.near
    assert (found.dedup.on, found.dedup.near.ignored_columns, found.group_by) == (("Stay No", "stay"), ("Room",), ("Stay No",))
    assert found.arrays[1].sort == (("Drug", False),)
    assert found.tests[0].given["Stay No"] == "1"
    assert found.source.column_names["Unit 1"] == ("Unit 1", "unit1")
    assert found.sources["drugs"].column_names == {"Drug": ("Drug", "name")}


@pytest.mark.parametrize("parts", [
    NAMED,
    {"room": "[Room, Room Number]"},
    {"stay": "[Stay No, Stay]", "identity": "[Stay]"},
    {"unit": '["Unit {n}", "unit{n}"]'},
])  # fmt: skip
def test_names_change_no_document(parts: dict[str, Any]) -> None:
    old, new = mapping(identity=parts.get("identity", "row")), mapping(**parts)
    for before, after in ((old, new), (new, old)):
        plan = compared(before, after)
        assert {change.change.code for change in plan.changes} == {"E602"}
        assert plan.needs is Needs.NOTHING
        assert not plan.sources


def test_a_later_name_follows_by_any_that_both_have() -> None:
    steps = ["Room Number", "[Room, Room Number]", "[Zimmer, Room, Room Number]", "[Zimmer, Room Number]"]
    every = [mapping(room=names) for names in steps]
    assert all({change.code for change in diff(old, new)} == {"E602"} for old in every for new in every if old is not new)


def test_another_column_and_another_order_of_hashed_rows_are_told() -> None:
    old = mapping(room="[Room, Room Number]")
    other = {change.code: change for change in diff(old, mapping(room="Zimmer"))}
    assert set(other) == {"E105"}
    plan = compared(old, mapping(room="Room"))  # the oldest name is gone: it orders the cells of hashed rows
    assert [change.change.code for change in plan.changes] == ["E602", "E202"]
    assert plan.needs is Needs.SOURCE
    assert "keep it last" in plan.sources["_id"]
    keyed = [mapping(room=room, identity="[Stay]") for room in ("[Room, Room Number]", "Room")]
    assert compared(*keyed).needs is Needs.NOTHING
