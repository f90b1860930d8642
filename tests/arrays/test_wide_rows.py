"""Rows with values by year, of another file or of a group: `source` or `rows` together with `columns`."""

import pytest

from engine.errors import UsageError
from engine.mapping.loader import loads
from engine.plan.header import check_header
from engine.preview.examples import failures

GROUP = """
mapping: m
source: {{path: x.csv}}
target: {{database: d, collection: c}}
group_by: [code]
arrays:
  values: {{{origin}, columns: "{pattern}", sort: [-year, what]}}
fields:
  _id: code
  values[].what: what
  values[].year: {{column: "{{key}}", type: int}}
  values[].value: {{column: "{{value}}", type: double}}
tests:
  - given: {{code: A, what: pop, y1960: "1", values: [{{what: pop, y1960: "1", y1970: "2"}}, {{what: fert, y1960: "", y1970: "3"}}]}}
    expect: {{"values[].year": [1970, 1970, 1960], "values[].what": [fert, pop, pop], "values[].value": [3, 2, 1]}}
"""
OTHER = """
mapping: m
sources:
  countries: {path: x.csv}
  births: {path: y.csv, columns: {extra: fail}}
document: countries
target: {database: d, collection: c}
arrays:
  births: {source: births, on: [code], columns: "^[0-9]{4}$"}
fields:
  _id: code
  births[].year: {column: "{key}", type: int}
  births[].count: {column: "{value}", type: int, minimum: 0}
tests:
  - given: {code: A, births: [{"1960": "5", "1970": ""}]}
    expect: {"births[].year": [1960], "births[].count": [5]}
  - but: {births: []}
    expect: {"births[].year": []}
  - but: {births: [{"1960": "5", "1970": "-1"}]}
    reject: minimum
"""


def group(origin: str = "rows: true", pattern: str = "^y([0-9]{4})$") -> str:
    return GROUP.format(origin=origin, pattern=pattern)


@pytest.mark.parametrize("text", [group(), OTHER])
def test_each_row_gives_an_element_for_each_column(text: str) -> None:
    assert failures(loads(text)) == []


@pytest.mark.parametrize(("text", "code"), [(group("numbered: 1..3"), "origin"), (group(pattern="^y(("), "pattern")])
def test_what_cannot_be_is_refused(text: str, code: str) -> None:
    with pytest.raises(UsageError) as refused:
        loads(text)
    assert [one.code for one in refused.value.findings] == [code]


def test_columns_that_match_are_read() -> None:
    assert check_header(loads(OTHER), ["code", "1960"], "births") == (set(), [])
