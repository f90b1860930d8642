"""Where the elements of an array come from: the cells of each, from the rows around them."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from engine.errors import DataError, problem
from engine.mapping.columns import KEY, NUMBER, PLACEHOLDERS, VALUE, cells_of, expanded, matching
from engine.mapping.model import Array, Child, Columns, Json, Numbered, Split
from engine.plan.cells import CELL
from engine.plan.elements import Cells, in_row, numbered, unpacked
from engine.plan.given import Given
from engine.plan.joins import Children, child_rows
from engine.values.paths import array_of

LIST = "\0list "  # before an array's path: its elements as they are read from a JSON cell


def members_of(given: Given, one: Array) -> list[str]:
    """The members that elements of a JSON text must have as cells."""
    return [name for name in cells_of(given.mapping, one.path, ()) if name != NUMBER] or [VALUE]


def cells(given: Given, one: Array) -> Cells:
    """What makes the elements of an array. Raises DataError where no column is there for any."""
    outer = array_of(one.path)
    asked = cells_of(given.mapping, one.path, given.header(one.path))
    columns = [name for name in asked if name not in PLACEHOLDERS]
    match one.origin:
        case Child():
            made = _children(given, one, one.origin, columns)
        case Json():
            made = unpacked(LIST + one.path)
        case Split(column, separator):
            parts = given.cell(outer, column).str.split(separator).alias(CELL + VALUE)
            made = in_row([parts], _plain(given, outer, columns))
        case Columns():
            made = in_row(_by_name(given, one, one.origin), _plain(given, outer, columns))
        case Numbered(names):
            sets = [name for name in columns if NUMBER in name]
            lists = [_parallel(given, outer, expanded(given.mapping, one.path, name)).alias(CELL + name) for name in sets]
            lists.append(pl.lit(pl.Series(names)).implode().alias(CELL + NUMBER))
            return in_row(lists, _plain(given, outer, [name for name in columns if name not in sets]))
    return numbered(made, CELL + NUMBER) if NUMBER in asked else made


def _children(given: Given, one: Array, origin: Child, columns: list[str]) -> Cells:
    table, keys = given.tables[origin.source], given.keys(array_of(one.path), origin)
    sort = [name for name, _ in one.sort if name in table.columns]
    wide = _named(given, one, origin.wide, table.columns) if origin.wide else []
    return Children(table, keys, child_rows(table, keys, list(dict.fromkeys([*columns, *sort])), one.path, wide), one.path)


def _plain(given: Given, outer: str, columns: Iterable[str]) -> list[str]:
    """Cells of the surrounding row, for elements that are made of it."""
    return [CELL + name for name in columns if not given.is_absent(outer, name)]


def _by_name(given: Given, one: Array, origin: Columns) -> list[pl.Expr]:
    """Keys and cells of the columns whose names match."""
    found = _named(given, one, origin, given.header(array_of(one.path)))
    keys = pl.lit(pl.Series([key for key, _ in found])).implode().alias(CELL + KEY)
    return [keys, pl.concat_list([CELL + name for _, name in found]).alias(CELL + VALUE)]


def _named(given: Given, one: Array, origin: Columns, header: Iterable[str]) -> list[tuple[str, str]]:
    """The columns whose names match, each behind its key. Raises DataError where there is none."""
    found = matching(origin, tuple(header))
    if not found:
        message = f"the source has no column that matches {origin.pattern}"
        raise DataError(problem("missing_column", message, file=str(given.mapping.file), line=one.line))
    return found


def _parallel(given: Given, outer: str, columns: Iterable[str]) -> pl.Expr:
    return pl.concat_list([pl.lit("") if given.is_absent(outer, name) else pl.col(CELL + name) for name in columns])
