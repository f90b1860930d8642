"""The columns of aggregates: one for each call that says something else, the same in every process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.expressions import parse, typed
from engine.mapping.loader import loads
from engine.preview.examples import failures

TEXTS = (
    "sum(v[].p * 2)", "sum(v[].p * 2.0)", "sum(v[].p + 2)", "max(v[].p)", "count(v[].p)", "count(v)", "sum(v[].q)",
    "any(matches(v[].s, 'x'))", "any(v[].p > 2 if v[].p > 1 else v[].q > 2)",
)  # fmt: skip
TYPES = {"v": "array", "v[].p": "int", "v[].q": "int", "v[].s": "string"}
SAME = """
mapping: m
source: {path: x.csv}
target: {database: d, collection: c}
arrays: {v: {numbered: 1..2}}
fields:
  _id: id
  v[].p: {column: "p{n}", type: TYPE}
  a: {compute: "sum(v[].p * 1.0)"}
  b: {compute: "sum(v[].p * 1.00)"}
tests:
  - given: {id: x, p1: "1", p2: "2"}
    expect: {a: 3, b: 3}
"""


def columns() -> list[str]:
    return [call.column for text in TEXTS for call in typed(parse(text), TYPES).aggregates]


def test_they_are_the_same_in_every_process() -> None:
    code = "import test_aggregate_columns as one, json, sys; json.dump(one.columns(), sys.stdout)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=Path(__file__).parent)
    assert json.loads(said.stdout) == columns()
    assert len({*columns()}) == len(TEXTS)


@pytest.mark.parametrize("kind", ["double", "decimal"])
def test_equal_constants_of_other_digits_are_both_gathered(kind: str) -> None:
    assert failures(loads(SAME.replace("TYPE", kind))) == []
