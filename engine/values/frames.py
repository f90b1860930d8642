"""Columns of a frame by their name, whatever it is: for polars, `*` and `^…$` are patterns of names, and for users they are names.

So nothing else in the engine calls `polars.col`, or gives a method of polars the name of a user's column as a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl
from polars import selectors


def col(name: str) -> pl.Expr:
    """The column that is called so."""
    if name == "*" or (name.startswith("^") and name.endswith("$")):
        return selectors.by_name(name).as_expr().alias(name)
    return pl.col(name)  # noqa: TID251 - this is the place


def cols(names: Iterable[str]) -> list[pl.Expr]:
    """The columns that are called so, in this order."""
    return [col(name) for name in names]


def member(struct: pl.Expr, name: str, names: Sequence[str]) -> pl.Expr:
    """The field of a struct that is called so, among the names of all."""
    return struct.struct.rename_fields([str(place) for place in range(len(names))]).struct.field(str(names.index(name)))


def chosen(*names: str) -> selectors.Selector:
    """The same for methods that take no expressions: `drop`, `explode`, `unique`."""
    return selectors.by_name(*names)
