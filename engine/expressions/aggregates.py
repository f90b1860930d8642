"""The table of aggregates: functions of all elements of an array, such as `sum(lines[].price)`. Values that are missing do not count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from engine.expressions.operation import ANY, ORDERED
from engine.values.tables import table
from engine.values.types.decimals import DECIMAL, PLACES

Combine = Callable[[pl.Expr], pl.Expr]


@dataclass(frozen=True)
class Aggregate:
    """One function: `gives` is the type of the result by the type of the values, `combine` computes it in polars over a group.

    `empty` is the result where there are no values; None for a missing one.
    """

    name: str
    summary: str
    gives: Mapping[str, str]
    combine: Combine
    empty: object = None


def _same(types: Iterable[str]) -> dict[str, str]:
    return {name: name for name in types}


COUNTED = (*ANY, "array")
ROWS = (
    Aggregate("sum", "Sum of the values; 0 if there are none, null if it is out of its type's range.",
              {"int": "long", "long": "long", "double": "double", "decimal": "decimal"}, lambda a: a.sum(), 0),
    Aggregate("mean", "Arithmetic mean of the values.", {"int": "double", "long": "double", "double": "double"}, lambda a: a.mean()),
    Aggregate("min", "The least value.", _same(("int", *ORDERED)), lambda a: a.min()),
    Aggregate("max", "The greatest value.", _same(("int", *ORDERED)), lambda a: a.max()),
    Aggregate("count", "How many elements an array has, or how many of them have the value.", dict.fromkeys(COUNTED, "long"),
              lambda a: a.count(), 0),
    Aggregate("any", "Whether one of the values is true.", {"bool": "bool"}, lambda a: a.any(), False),
    Aggregate("all", "Whether no value is false.", {"bool": "bool"}, lambda a: a.all(), True),
    Aggregate("first", "The first value.", _same(ANY), lambda a: a.drop_nulls().first()),
    Aggregate("last", "The last value.", _same(ANY), lambda a: a.drop_nulls().last()),
    Aggregate("mode", "The most frequent value; of several, the first.", _same(ANY),
              lambda a: a.drop_nulls().mode(maintain_order=True).first()),
)  # fmt: skip
AGGREGATES: dict[str, Aggregate] = table("aggregate", ROWS)


def widened(value: pl.Expr, name: str, kind: str) -> pl.Expr:
    """The values in a dtype in which the aggregate cannot overflow silently."""
    wide: dict[str, Any] = {"int": pl.Int64, "long": pl.Int128, "decimal": pl.Decimal(38, PLACES)}
    return value.cast(wide[kind]) if name == "sum" and kind in wide else value


def narrowed(value: pl.Expr, kind: str) -> pl.Expr:
    """The result in the dtype of its type; null where it does not fit."""
    narrow: dict[str, Any] = {"long": pl.Int64, "decimal": DECIMAL}
    if kind == "double":
        return pl.when(value.is_finite()).then(value)
    return value.cast(narrow[kind], strict=False) if kind in narrow else value
