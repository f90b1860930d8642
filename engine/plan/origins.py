"""Where the elements of an array come from: the cells of each, from the rows around them."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from engine.errors import DataError, finding
from engine.mapping.columns import cells_of, matching
from engine.mapping.model import Array, Columns, Json, Numbered, RowsOrigin, Split
from engine.plan.context import SourceContext
from engine.plan.elements import Cells, in_row, numbered, unpacked
from engine.plan.joins import ChildRows, child_rows
from engine.plan.names import cell_name, items_name
from engine.values.columns import KEY, NUMBER, VALUE, ColumnKind, ColumnRef
from engine.values.frames import col
from engine.values.paths import array_of


def members_of(context: SourceContext, array: Array) -> list[str]:
    """The members that elements of a JSON text must have as cells."""
    return [column.written for column in cells_of(context.mapping, array.path, ()) if column.kind is not ColumnKind.NUMBER] or [VALUE]


def cells(context: SourceContext, array: Array) -> Cells:
    """What makes the elements of an array. Raises DataError where no column matches."""
    asked = cells_of(context.mapping, array.path, context.header(array.path))
    columns = [column for column in asked if not column.of_element]
    match array.origin:
        case RowsOrigin():
            made = _children(context, array, array.origin, columns)
        case Json():
            made = unpacked(items_name(array.path))
        case Split(column, separator):
            parts = context.cell(column).str.split(separator).alias(cell_name(VALUE))
            made = in_row([parts], _plain(context, columns))
        case Columns():
            made = in_row(_by_name(context, array, array.origin), _plain(context, columns))
        case Numbered(names):
            sets = [column for column in columns if column.kind is ColumnKind.NUMBERED]
            lists = [_parallel(context, column.cells).alias(cell_name(column.written)) for column in sets]
            lists.append(pl.lit(pl.Series(names)).implode().alias(cell_name(NUMBER)))
            return in_row(lists, _plain(context, [column for column in columns if column not in sets]))
    return numbered(made, cell_name(NUMBER)) if any(column.kind is ColumnKind.NUMBER for column in asked) else made


def _children(context: SourceContext, array: Array, origin: RowsOrigin, columns: list[ColumnRef]) -> Cells:
    table, keys = context.secondary_sources[origin.source], context.keys(origin)
    sort = [name for name, _ in array.sort if name in table.columns]
    wide = _named(context, array, origin.wide, table.columns) if origin.wide else []
    return ChildRows(keys, child_rows(table, keys, list(dict.fromkeys([*map(str, columns), *sort])), array.path, wide))


def _plain(context: SourceContext, columns: Iterable[ColumnRef]) -> list[str]:
    """Cells of the surrounding row, for elements that are made of it."""
    return [cell_name(column.written) for column in columns if not context.is_missing(column)]


def _by_name(context: SourceContext, array: Array, origin: Columns) -> list[pl.Expr]:
    """Keys and cells of the columns whose names match."""
    found = _named(context, array, origin, context.header(array_of(array.path)))
    keys = pl.lit(pl.Series([key for key, _ in found])).implode().alias(cell_name(KEY))
    return [keys, pl.concat_list([cell_name(name) for _, name in found]).alias(cell_name(VALUE))]


def _named(context: SourceContext, array: Array, origin: Columns, header: Iterable[str]) -> list[tuple[str, str]]:
    """The columns whose names match, each behind its key. Raises DataError where no column matches."""
    found = matching(origin, tuple(header))
    if not found:
        message = f"the source has no column that matches {origin.pattern}"
        raise DataError(finding("missing_column", message, file=str(context.mapping.file), line=array.line))
    return found


def _parallel(context: SourceContext, columns: Iterable[ColumnRef]) -> pl.Expr:
    return pl.concat_list([pl.lit("") if context.is_missing(column) else col(cell_name(column.written)) for column in columns])
