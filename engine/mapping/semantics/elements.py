"""Which columns fields, arrays and lookups may read, checked once all of them are known."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingOf

from engine.errors import suggest
from engine.mapping import model
from engine.mapping.columns import row_columns, sort_field
from engine.mapping.semantics.columns import Arrays
from engine.mapping.semantics.scope import Place, Scope
from engine.values.columns import NUMBER, ColumnKind, ColumnRef
from engine.values.paths import MARK, array_of, arrays_of

Fields = MappingOf[str, model.Field]
NAMED = {ColumnKind.KEY: (model.Columns, model.Json), ColumnKind.VALUE: (model.Columns, model.Json, model.Split)}
"""Columns that elements of some origins have beside `{n}`."""
NUMBERS = (ColumnKind.NUMBER, ColumnKind.NUMBERED)


def check_elements(scope: Scope, arrays: Arrays, fields: Fields) -> None:
    """Report columns that elements do not have, and sort keys that cannot sort."""
    for where, array, column in _readings(scope, arrays, fields):
        if array in arrays and (wrong := _misplaced(column, arrays[array])):
            scope.report(where, "not_allowed", *wrong)
    for value in arrays.values():
        _check_sort(scope, value, fields)
        _check_origin(scope, value, arrays, fields)


def _readings(scope: Scope, arrays: Arrays, fields: Fields) -> Iterator[tuple[Place, str, ColumnRef]]:
    """The columns that are read in arrays: where the file says so, the array, the column."""
    for path, field in fields.items():
        spec = scope.raw["fields"][path]
        plain = isinstance(spec, dict) and "column" in spec and "split" not in spec
        for column in field.columns:
            yield ("fields", path, *(["column"] if plain else [])), array_of(path), column
    for path, array in arrays.items():
        where: Place = ("arrays", path) if path in scope.raw.get("arrays", {}) else ("fields", f"{path}{MARK}")
        for column in row_columns(array.origin):
            yield where, array_of(path), column


def _misplaced(column: ColumnRef, array: model.Array) -> tuple[str, str] | None:
    """Why a column cannot be read in an element of an array, and what to do."""
    if column.kind in NAMED:
        origin, wanted = array.origin, NAMED[column.kind]
        fitting = isinstance(origin.wide if isinstance(origin, model.RowsOrigin) else origin, wanted)
        message = f"elements of {array.path} have no {column}: it exists only with {' or '.join(kind.__name__.lower() for kind in wanted)}"
        return None if fitting else (message, "name a column of the source")
    if column.of_element or column.names:
        return None
    if column.lookup:
        return f"{column}: the columns of a lookup have the same names for all elements", "use {n} in the lookup's on instead"
    return f"{column}: {array.path} is not numbered", "give the array numbered: 1..15, or read another column"


def _check_sort(scope: Scope, array: model.Array, fields: Fields) -> None:
    for number, (name, _) in enumerate(array.sort):
        where, field = ("arrays", array.path, "sort", number), sort_field(fields, array.path, name)
        if field and array_of(field.path) != array.path:
            scope.report(
                where, "not_allowed", f"{name} has no single value in an element of {array.path}", "sort by a field of the element itself"
            )
        elif field and field.type.geojson:
            scope.report(where, "not_allowed", f"{name} is a place, and places cannot be ordered", "sort by another field")
        elif field is None and not isinstance(array.origin, model.RowsOrigin):
            names = [path.removeprefix(f"{array.path}{MARK}").removeprefix(".") for path in fields if array_of(path) == array.path]
            scope.report(where, "unknown_path", f"there is no field {name} in the elements of {array.path}", suggest(name, names))


def _check_origin(scope: Scope, array: model.Array, arrays: Arrays, fields: Fields) -> None:
    inside = [column for path, field in fields.items() if path.startswith(f"{array.path}{MARK}") for column in field.columns]
    inside += [column for path in arrays if path.startswith(f"{array.path}{MARK}") for column in row_columns(arrays[path].origin)]
    if isinstance(array.origin, model.Numbered) and not any(column.kind in NUMBERS for column in inside):
        hint = f'column: "name{NUMBER}"'
        scope.report(
            ("arrays", array.path, "numbered"), "no_effect", f"no field of {array.path} reads a column with {NUMBER}", hint, at_key=True
        )
    if isinstance(array.origin, model.Columns) and any(isinstance(arrays[path].origin, model.Json) for path in arrays_of(array.path)):
        message = f"the elements around {array.path} come from JSON text, which has no column names to match"
        scope.report(("arrays", array.path, "columns"), "not_allowed", message, "use json: {column: the member}", at_key=True)
