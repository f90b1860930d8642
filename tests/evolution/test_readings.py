"""What a plan says of defaults, rules and groups that come, go and change: code, what it needs, and who keeps working."""

import json
from typing import Any

import pytest

from engine.evolution import Evidence, Needs, diff, judge
from engine.evolution.judging import JudgedChange, mixes, rewriting_by_evidence
from engine.mapping.loader import loads

TEXT = """
mapping: m
source: {path: in.csv}
target: {database: d, collection: c}
dedup: {on: row}
GROUP
fields:
  a: {column: A, type: int}
  b: {column: B}
rules:
  r: {check: a > 3, on_fail: reject}
"""


def judged(*edits: tuple[str, str], of: str = TEXT, filtered: int = 0) -> JudgedChange:
    """The only change that the edits make."""
    text = of
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    before, after = (loads(one.replace("GROUP", "")) for one in (of, text))
    [found] = judge(diff(before, after), before, after, Evidence(filtered=filtered))
    return found


def facts(found: JudgedChange) -> tuple[Any, ...]:
    return found.change.code, found.needs, found.readers.breaks, found.writers.breaks


FILTER, WARN = TEXT.replace("reject", "filter"), TEXT.replace("reject", "warn")
DEFAULT = TEXT.replace("column: B", "column: B, default: x")
TOLERANT = f"{TEXT}validation: {{action: warn}}\n"
DATED = TEXT.replace("column: B", 'column: B, type: date, format: "%Y%m%d"')
OLD = "  old: {keys: {b: 1}, expireAfterSeconds: 60}\n"
KEPT, ONE_EACH = f"{DATED}indexes:\n  b: {{keys: {{b: 1, a: 1}}}}\n{OLD}", f"{TEXT}indexes:\n  b: {{keys: {{b: 1}}, unique: true}}\n"
GROUPED = TEXT.replace("GROUP", "group_by: [A, B]")


@pytest.mark.parametrize(
    ("of", "edit", "expected"),
    [
        (TEXT, ("column: B", "column: B, default: x"), ("E116", Needs.REWRITE, False, True)),
        (DEFAULT, (", default: x", ""), ("E117", Needs.SOURCE, True, False)),
        (DEFAULT, ("default: x", "default: y"), ("E106", Needs.SOURCE, False, False)),
        (TEXT, ("reject", "warn"), ("E304", Needs.RULES, False, False)),
        (TEXT, ("reject", "filter"), ("E304", Needs.RULES, False, False)),
        (TEXT, ("reject", "fail"), ("E602", Needs.NOTHING, False, False)),
        (WARN, ("warn", "reject"), ("E305", Needs.RULES, False, True)),
        (WARN, ("a > 3", "a > 9"), ("E602", Needs.NOTHING, False, False)),
        (WARN, ("rules:\n  r: {check: a > 3, on_fail: warn}\n", ""), ("E302", Needs.NOTHING, False, False)),
        (TEXT, ("a > 3", "a > 2"), ("E304", Needs.RULES, False, False)),
        (TEXT, ("a > 3", "a > 4"), ("E305", Needs.RULES, False, True)),
        (TEXT, ("a > 3", "a < 3"), ("E303", Needs.RULES, False, True)),
        (FILTER, ("a > 3", "a > 4"), ("E305", Needs.RULES, False, False)),
        (TOLERANT, ("a > 3", "a > 4"), ("E305", Needs.RULES, False, False)),
        (TOLERANT, ("column: B", "column: B, required: true"), ("E109", Needs.RULES, False, False)),
        (KEPT, (OLD, ""), ("E402", Needs.INDEXES, True, False)),
        (KEPT, ("{keys: {b: 1, a: 1}}", "{keys: {b: 1, a: -1}}"), ("E403", Needs.INDEXES, False, False)),
        (ONE_EACH, (", unique: true", ""), ("E403", Needs.INDEXES, True, False)),
        (ONE_EACH, ("indexes:\n  b: {keys: {b: 1}, unique: true}\n", ""), ("E402", Needs.INDEXES, True, False)),
        (GROUPED, ("[A, B]", "[A]"), ("E203", Needs.SOURCE, True, False)),
        (GROUPED, ("[A, B]", "{columns: [A, B], conflicts: reject}"), ("E204", Needs.SOURCE, False, False)),
        (GROUPED, ("[A, B]", "{columns: [A, B], conflicts: ignore}"), ("E204", Needs.NOTHING, False, False)),
    ],
)
def test_a_change_is_read_rightly(of: str, edit: tuple[str, str], expected: tuple[Any, ...]) -> None:
    assert facts(judged(edit, of=of)) == expected


def test_names_say_what_happens() -> None:
    assert str(judged(("column: B", "column: B, default: x")).change) == "E116 b: default added: x"
    assert str(judged((", default: x", ""), of=DEFAULT).change) == "E117 b: default removed: x"
    assert str(judged(("a > 3", "a > 2")).change) == "E304 rule r: rule loosened, check: a > 3 → a > 2"
    assert str(judged(("[A, B]", "[A]"), of=GROUPED).change) == "E203 group_by: rows grouped differently: [A, B] → [A]"


def test_the_order_of_columns_that_group_is_no_change() -> None:
    before, after = loads(GROUPED), loads(GROUPED.replace("[A, B]", "[B, A]"))
    assert diff(before, after) == ()


def test_rows_that_a_filter_left_out_are_wanted_where_it_lets_more_through() -> None:
    assert judged(("a > 3", "a > 2"), of=FILTER, filtered=4).needs is Needs.SOURCE
    assert judged(("a > 3", "a > 4"), of=FILTER, filtered=4).needs is Needs.RULES
    assert judged(("filter", "warn"), of=FILTER, filtered=4).needs is Needs.SOURCE
    assert judged(("a > 3", "a > 2"), filtered=4).needs is Needs.RULES  # others filtered them


def test_a_rule_that_only_warns_does_not_stop_a_run() -> None:
    assert not mixes(judged(("rules:\n  r: {check: a > 3, on_fail: warn}\n", ""), of=WARN))
    assert mixes(judged(("warn", "reject"), of=WARN))


def test_a_loosened_rule_that_the_server_cannot_check_needs_no_source() -> None:
    unknown = TEXT.replace("a > 3", "a > 3 and upper(b) != 'X'")
    assert judged(("a > 3", "a > 2"), of=unknown).needs is Needs.RULES
    assert judged(("a > 3", "a > 4"), of=unknown).needs is Needs.SOURCE


@pytest.mark.parametrize(
    ("fields", "needing"),
    [
        ({"a": "B", "b": "A"}, {"a", "b"}),  # a document would not show whether they are exchanged already
        ({"a": "B", "b": "B"}, set()),
        ({"a": "B", "b": "C"}, {"a", "b"}),
        ({"a": "B", "b": "B", "c": "A"}, {"c"}),
    ],
)
def test_a_field_takes_the_value_of_another_one_only_where_that_stays_as_it_is(fields: dict[str, str], needing: set[str]) -> None:
    head = {"mapping": "m", "source": {"path": "in.csv"}, "target": {"database": "d", "collection": "c"}, "dedup": {"on": "row"}}
    before, after = (loads(json.dumps(head | {"fields": one})) for one in ({"a": "A", "b": "B"}, fields))
    assert {*(rewriting_by_evidence(before, after, None).sources or {})} == needing
