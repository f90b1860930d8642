"""Columns, resolved: what a name in a field, array or lookup means at its level. Nothing after this reads such names."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as MappingOf
from dataclasses import replace

from engine.mapping import model
from engine.mapping.columns import row_columns, wide_of
from engine.values.columns import KEY, NUMBER, VALUE, ColumnKind, ColumnRef
from engine.values.paths import arrays_of

Arrays = MappingOf[str, model.Array]
Lookups = MappingOf[str, model.Lookup]
OF_ELEMENTS = {NUMBER: ColumnKind.NUMBER, KEY: ColumnKind.KEY, VALUE: ColumnKind.VALUE}


Written = str | list[str]
"""A column as the mapping writes it: its name, or all its names."""


def first_name(written: Written) -> str:
    """The present name of a column."""
    return written if isinstance(written, str) else written[0]


def resolve(arrays: Arrays, lookups: Lookups, array: str, written: Written) -> ColumnRef:
    """The column that a name, or several, mean in the elements of an array; in the document's rows where `array` is empty.

    `arrays` are those that lie around, the array itself included. A name with `{n}` where nothing is numbered has no names in any source:
    `check_elements` reports it. Whether several names can be one column says `check_names`.
    """
    if not isinstance(written, str):
        first, *others = (resolve(arrays, lookups, array, name) for name in written)
        return replace(first, others=tuple(others))
    if name := lookup_name(written, lookups):
        return _looked_up(arrays, lookups, array, written, lookups[name])
    if array and written in OF_ELEMENTS:
        return ColumnRef(written, None, kind=OF_ELEMENTS[written], own=written == VALUE)
    if array and NUMBER in written:
        return _numbered(arrays, array, written)
    return _cell(arrays, array, written)


def lookup_name(written: str, lookups: Collection[str]) -> str:
    """The lookup that a name has before its first point, if it is one."""
    name, point, _ = written.partition(".")
    return name if point and name in lookups else ""


def _looked_up(arrays: Arrays, lookups: Lookups, array: str, written: str, lookup: model.Lookup) -> ColumnRef:
    keys = tuple(resolve(arrays, lookups, array, column.written) for column in row_columns(lookup.origin))
    return ColumnRef(
        written,
        lookup.origin.source if isinstance(lookup.origin, model.RowsOrigin) else None,
        () if array and NUMBER in written else (written.removeprefix(f"{lookup.name}."),),
        lookup=lookup.name,
        keys=keys,
        own=any(column.own for column in keys),
    )


def _numbered(arrays: Arrays, array: str, written: str) -> ColumnRef:
    """Columns by the numbers of the nearest array, unless the cells of other rows lie between."""
    around = [arrays[path] for path in (array, *arrays_of(array)) if path in arrays]
    for declaration in around:
        if isinstance(declaration.origin, model.Numbered):
            names = tuple(written.replace(NUMBER, number) for number in declaration.origin.names)
            return ColumnRef(written, model.cell_source(arrays, array), names, ColumnKind.NUMBERED, own=declaration.path == array)
        if isinstance(declaration.origin, model.RowsOrigin | model.Json):
            break
    known = any(isinstance(declaration.origin, model.Numbered) for declaration in around)
    return _cell(arrays, array, written) if known else ColumnRef(written, None)


def _cell(arrays: Arrays, array: str, written: str) -> ColumnRef:
    origin = arrays[array].origin if array in arrays else None
    own = isinstance(origin, model.RowsOrigin | model.Json) and not wide_of(origin)
    return ColumnRef(written, model.cell_source(arrays, array), (written,), own=own)
