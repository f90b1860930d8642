"""Constraints of an array: JSON Schema's keywords, whose names and arguments `$jsonSchema` takes as they are. To add one, add a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from engine.expressions.narrowing import Narrows, falls, rises, unknown
from engine.values.tables import table
from engine.values.types import type_table


@dataclass(frozen=True)
class ArrayConstraint:
    """One keyword: `holds` is the engine's verdict on a list that is not missing, from the list, the argument and the type of its values.

    `expects` says in words what a list should be, with the argument at `{}`; `narrows` is as a field's constraint has it.
    """

    name: str
    holds: Callable[[pl.Expr, Any, str], pl.Expr]
    expects: str
    narrows: Narrows


def _unique(lists: pl.Expr, _limit: object, kind: str) -> pl.Expr:
    return lists.list.eval(type_table[kind].comparable(pl.element())).list.n_unique().eq(lists.list.len())


ROWS = (
    ArrayConstraint("minItems", lambda lists, limit, _: lists.list.len().ge(limit), "at least {} elements", rises),
    ArrayConstraint("maxItems", lambda lists, limit, _: lists.list.len().le(limit), "at most {} elements", falls),
    ArrayConstraint("uniqueItems", _unique, "no repeated values", unknown),
)
ARRAY_CONSTRAINTS: dict[str, ArrayConstraint] = table("constraint of arrays", ROWS)
