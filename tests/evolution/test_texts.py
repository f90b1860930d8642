"""A transform that the server does over stored text gives what the engine's own gives, null where a run would leave the value out."""

from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.database import Database

from engine.evolution.texts import ON_THE_SERVER, transformed
from engine.mapping.loader import loads
from engine.values.transforms import apply

MAPPING = """
mapping: m
source: {{path: in.csv, null_values: {nulls}}}
target: {{database: d, collection: c}}
id: {{objectId: random}}
fields:
  old: {{column: a, transform: [{before}]}}
  new: {{column: a, transform: [{before}, {after}]}}
"""
STEPS = {
    "strip": ["strip"],
    "squish": ["squish"],
    "replace": [
        "{replace: {find: a, by: ''}}", "{replace: {find: ' ', by: $a}}", "{replace: {find: aa, by: é}}",
        "{replace: {find: $, by: ' '}}",
    ],
    "extract": [
        "{extract: {pattern: '^([^ ]+)'}}", "{extract: {pattern: ' ([^ ]+)$'}}", "{extract: {pattern: '(a|é)?b'}}",
        "{extract: {pattern: '(.*)a'}}", "{extract: {pattern: '([0-9]*)$'}}",
    ],
}  # fmt: skip
texts = st.one_of(
    st.sampled_from(["", " ", "a", "$a", "aaa", "a\nb", "e\u0301", "\ufeff a \u200b", "\U0001f600 b", "x" * 3000, "12 34", "\x1c"]),
    st.text("ab 12$\n\u00e9\u0301\ufeff\u200b\u3000\x0b\x1c\x85\U0001f600", max_size=9),
)


def test_every_row_is_tried() -> None:
    assert STEPS.keys() == ON_THE_SERVER.keys()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    cells=st.lists(texts, min_size=5, max_size=20),
    steps=st.lists(st.sampled_from([step for steps in STEPS.values() for step in steps]), min_size=1, max_size=3),
    before=st.sampled_from(["strip", "lower", "squish"]),
    nulls=st.sampled_from(['[""]', "[]"]),
)
def test_the_server_does_as_the_engine(database: Database[Any], cells: list[str], steps: list[str], before: str, nulls: str) -> None:
    mapping = loads(MAPPING.format(before=before, after=", ".join(steps), nulls=nulls))
    old, new = mapping.field("old"), mapping.field("new")
    expression = transformed(old, new, "$old")
    assert expression is not None
    frame = pl.DataFrame({"a": cells}).select(old=_cleaned(old), new=_cleaned(new))
    database.rows.delete_many({})
    database.rows.insert_many({"_id": number, "old": text} for number, text in enumerate(frame["old"]))
    found = [row.get("new") for row in database.rows.aggregate([{"$sort": {"_id": 1}}, {"$project": {"new": expression}}])]
    assert found == frame["new"].to_list()


def _cleaned(field: Any) -> pl.Expr:
    """As the plan does it: null values, transforms, null values."""
    cell = pl.col("a")
    kept = pl.when(~cell.is_in(list(field.null_values))).then(cell) if field.null_values else cell
    made = apply(kept, field.transforms)
    return pl.when(~made.is_in(list(field.null_values))).then(made) if field.null_values else made
