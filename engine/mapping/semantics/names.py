"""Columns with several names: whether these can be one column, and belong to no other."""

from __future__ import annotations

from collections.abc import Iterator

from engine.mapping import model
from engine.mapping.columns import row_columns
from engine.mapping.semantics.scope import Place, Scope
from engine.values.columns import ColumnRef


def check_names(scope: Scope, mapping: model.Mapping) -> None:
    """Report names that cannot be those of one column, and names of two columns."""
    lists: dict[tuple[str, str], tuple[str, ...]] = {}
    for where, column in _columns(mapping):
        if not column.others:
            continue
        if column.source is None or any(_kind(other) != _kind(column) for other in column.others):
            message = f"{_listed(column.all_written)} cannot be names of one column: they must be columns of one source"
            scope.report(where, "not_allowed", message, "give names of one column of a file, all with {n} or none", at_key=True)
            continue
        for name in column.all_written:
            if (known := lists.setdefault((column.source, name), column.all_written)) != column.all_written:
                message = f"{name} is a name of two columns: {_listed(known)} and {_listed(column.all_written)}"
                scope.report(where, "contradiction", message, "give each column its names once, or alike everywhere", at_key=True)
                break


def _kind(column: ColumnRef) -> tuple[object, ...]:
    return column.source, column.kind, column.lookup, len(column.names)


def _listed(names: tuple[str, ...]) -> str:
    return f"[{', '.join(names)}]"


def _columns(mapping: model.Mapping) -> Iterator[tuple[Place, ColumnRef]]:
    for field in mapping.fields:
        for column in field.columns:
            yield ("fields", field.path), column
    for part, key in ((mapping.arrays, "arrays"), (mapping.lookups, "lookups")):
        for each in part:
            name = each.path if isinstance(each, model.Array) else each.name
            for column in row_columns(each.origin):
                yield (key, name), column
