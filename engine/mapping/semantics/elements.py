"""What fields, arrays and lookups may read where they stand, once all of them are known."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingOf

from engine.errors import suggest
from engine.mapping import model
from engine.mapping.columns import KEY, NUMBER, VALUE, our_columns
from engine.mapping.semantics.scope import Place, Scope
from engine.values.paths import MARK, array_of, arrays_of

Arrays = MappingOf[str, model.Array]
Lookups = MappingOf[str, model.Lookup]
Fields = MappingOf[str, model.Field]
NAMED = {KEY: (model.Columns, model.Json), VALUE: (model.Columns, model.Json, model.Split)}
"""Columns that elements of some origins have beside `{n}`."""


def check_elements(scope: Scope, arrays: Arrays, lookups: Lookups, fields: Fields) -> None:
    """Report columns that no element has, orders that are none, and what nothing reads."""
    for where, array, column in _readings(scope, arrays, fields):
        if array in arrays and (wrong := _misplaced(column, array, arrays, lookups)):
            scope.report(where, "not_allowed", *wrong)
    for one in arrays.values():
        _check_sort(scope, one, fields)
        _check_origin(scope, one, arrays, fields)
    read = {column.partition(".")[0] for one in fields.values() for column in one.columns if "." in column}
    origins: list[model.Origin] = [*(one.origin for one in arrays.values()), *(one.origin for one in lookups.values())]
    read |= {column.partition(".")[0] for origin in origins for column in our_columns(origin)}
    for name in lookups:
        if name not in read and not scope.tree.findings:
            scope.report(("lookups", name), "no_effect", f"nothing reads a column of {name}", f"column: {name}.COLUMN", at_key=True)


def _readings(scope: Scope, arrays: Arrays, fields: Fields) -> Iterator[tuple[Place, str, str]]:
    """The columns that are read in arrays: where the file says so, the array, the column."""
    for path, one in fields.items():
        spec = scope.raw["fields"][path]
        plain = isinstance(spec, dict) and "column" in spec and "split" not in spec
        for column in one.columns:
            yield ("fields", path, *(["column"] if plain else [])), array_of(path), column
    for path, array in arrays.items():
        where: Place = ("arrays", path) if path in scope.raw.get("arrays", {}) else ("fields", f"{path}{MARK}")
        for column in our_columns(array.origin):
            yield where, array_of(path), column


def _misplaced(column: str, array: str, arrays: Arrays, lookups: Lookups) -> tuple[str, str] | None:
    """Why a column cannot be read in an element of an array, and what to do."""
    if column in NAMED:
        origin = arrays[array].origin
        fitting = isinstance(origin.wide if isinstance(origin, model.Child) else origin, NAMED[column])
        message = f"elements of {array} have no {column}: it goes with {' or '.join(one.__name__.lower() for one in NAMED[column])}"
        return None if fitting else (message, "name a column")
    if NUMBER in column and column != NUMBER:
        if column.partition(".")[0] in lookups:
            return f"{column}: the columns of a lookup have one name for all elements", "put {n} into the lookup's on"
        around = (array, *arrays_of(array))
        if not any(isinstance(arrays[path].origin, model.Numbered) for path in around):
            return f"{column}: {array} is not numbered", "arrays: numbered: 1..15, or another column"
    return None


def _check_sort(scope: Scope, one: model.Array, fields: Fields) -> None:
    for number, (name, _) in enumerate(one.sort):
        where, paths = ("arrays", one.path, "sort", number), (f"{one.path}{MARK}.{name}", f"{one.path}{MARK}" if name == VALUE else name)
        field = next((fields[path] for path in paths if path in fields), None)
        if field and array_of(field.path) != one.path:
            scope.report(where, "not_allowed", f"{name} has no single value in an element of {one.path}", "sort by a field of it")
        elif field and not field.type.listed and field.type.geojson:
            scope.report(where, "not_allowed", f"{name} is a place, and places have no order", "sort by another field")
        elif field is None and not isinstance(one.origin, model.Child):
            names = [path.removeprefix(f"{one.path}{MARK}").removeprefix(".") for path in fields if array_of(path) == one.path]
            scope.report(where, "unknown_path", f"no field {name} in the elements of {one.path}", suggest(name, names))


def _check_origin(scope: Scope, one: model.Array, arrays: Arrays, fields: Fields) -> None:
    inside = [column for path, field in fields.items() if path.startswith(f"{one.path}{MARK}") for column in field.columns]
    inside += [column for path in arrays if path.startswith(f"{one.path}{MARK}") for column in our_columns(arrays[path].origin)]
    if isinstance(one.origin, model.Numbered) and not any(NUMBER in column for column in inside):
        hint = f'column: "name{NUMBER}"'
        scope.report(
            ("arrays", one.path, "numbered"), "no_effect", f"no field of {one.path} reads a column with {NUMBER}", hint, at_key=True
        )
    if isinstance(one.origin, model.Columns) and any(isinstance(arrays[path].origin, model.Json) for path in arrays_of(one.path)):
        message = f"the elements around {one.path} are members of a JSON text, which have no header"
        scope.report(("arrays", one.path, "columns"), "not_allowed", message, "json: {column: the member}", at_key=True)
