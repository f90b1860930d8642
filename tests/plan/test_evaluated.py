"""What a plan gives back: rows that answer by paths and columns, and data about other sources that no two passes share."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from engine.mapping.loader import loads
from engine.plan import Plan, compile_plan
from engine.run.usage import SecondaryUsage
from engine.sources.secondary import SecondarySource, text_frame

NOW = datetime(2024, 6, 1, 12)  # noqa: DTZ001 -- BSON dates are UTC
MAPPING = """
mapping: orders
sources: {orders: {path: orders.csv}, lines: {path: lines.csv}}
document: orders
target: {database: d, collection: c}
arrays:
  lines: {source: lines, on: {order: id}}
fields:
  _id: {column: id, type: int}
  paid: {column: paid, type: int, minimum: 0, maximum: 9}
  lines[].amount: {column: amount, type: int}
  total: {compute: "sum(lines[].amount)"}
"""
LINES = [{"order": order, "amount": amount} for order, amount in (("1", "5"), ("2", "7"), ("1", "6"), ("9", "1"))]
ORDERS = [{"id": "1", "paid": "3"}, {"id": "2", "paid": "-1"}, {"id": "3", "paid": "10"}]


@pytest.fixture
def plan() -> Plan:
    lines = SecondarySource("lines", ("order", "amount"), text_frame(("order", "amount"), LINES))
    return compile_plan(loads(MAPPING), ("id", "paid"), now=NOW, tables={"lines": lines})


@pytest.fixture
def orders() -> pl.DataFrame:
    return text_frame(("id", "paid"), ORDERS)


def test_rows_answer_by_path_and_column(plan: Plan, orders: pl.DataFrame) -> None:
    done = plan.evaluate(orders)
    minimum, maximum = (check for check in plan.checks if check.code in ("minimum", "maximum"))
    assert (len(done), done.source_rows, done.row_numbers.to_list()) == (3, 3, [1, 2, 3])
    assert done.values("total").to_list() == [11, 7, 0]
    assert done.counts(plan.checks) == {minimum: 1, maximum: 1}
    assert done.broken([minimum, maximum]).to_list() == [False, True, True]
    assert done.broken([]).to_list() == [False] * 3
    second = done.row(1)
    assert (second.number, second.cells, second.values["paid"]) == (2, {"id": "2", "paid": "-1"}, -1)
    assert (second.breaks(minimum), second.breaks(maximum)) == (True, False)


def test_rows_are_left_out_without_changing_them(plan: Plan, orders: pl.DataFrame) -> None:
    done = plan.evaluate(orders)
    assert done.filter(done.values("paid") > 0).row_numbers.to_list() == [1, 3]
    assert done.without(index for index in (2, 0, 2)).row_numbers.to_list() == [2]
    assert done.at(1).row_numbers.to_list() == [2]
    assert done.filter(done.broken([])).row_numbers.to_list() == []
    assert len(done) == 3
    left = done.without_values()
    assert (left.row_numbers.to_list(), left.row(2).cells) == ([1, 2, 3], {"id": "3", "paid": "10"})
    assert [(source, rows.to_list()) for source, rows in left.embedded] == [("lines", [0, 2, 1, None])]


def test_a_plan_keeps_nothing_of_what_it_evaluates(plan: Plan, orders: pl.DataFrame) -> None:
    first, second = SecondaryUsage(plan.secondary_sources), SecondaryUsage(plan.secondary_sources)
    for rows, usage in ((orders, first), (orders[1:], second)):
        verdicts = plan.apply(rows)
        usage.ask(verdicts.asked)
        usage.embed(verdicts.accepted.embedded)
    assert [np.flatnonzero(usage.asked["lines"]).tolist() for usage in (first, second)] == [[0, 1, 2], [1]]
    assert [np.flatnonzero(usage.embedded["lines"]).tolist() for usage in (first, second)] == [[0, 2], []]


def test_columns_may_be_called_anything() -> None:
    """Headers that polars reads as patterns, and headers that are paths."""
    names = ("*", "^.*$", "_id", "total")
    mapping = loads("""
mapping: m
sources: {a: {path: a.csv}, b: {path: b.csv}}
document: a
target: {database: d, collection: c}
arrays: {x: {source: b, on: {"*": "*"}}}
lookups: {y: {source: b, on: {"*": "*"}}}
fields:
  _id: "*"
  total: "^.*$"
  x[].v: "^.*$"
  x[].w: total
  looked: y.*
""")
    table = SecondarySource("b", names, text_frame(names, [dict(zip(names, ("k", "v", "i", "t"), strict=True))]))
    plan = compile_plan(mapping, names, now=NOW, tables={"b": table})
    done = plan.evaluate(text_frame(names, [dict(zip(names, ("k", "v", "1", "2"), strict=True))])).row(0)
    assert {path: done.values[path] for path in ("_id", "total", "x", "looked")} == {
        "_id": "k", "total": "v", "x": [{"x[].v": "v", "x[].w": "t"}], "looked": "k",
    }  # fmt: skip
