"""Which columns of which source a mapping reads, and what for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace

from engine.errors import DataError, finding
from engine.mapping.model import ID, Array, Columns, Field, Json, Lookup, Mapping, Numbered, Origin, RowsOrigin, Split, cell_source
from engine.values.columns import VALUE, ColumnKind, ColumnRef, cell
from engine.values.paths import MARK, array_of, arrays_of


@dataclass(frozen=True)
class ColumnUse:
    """One column: the source's name (empty for the document's), the column, and the path and line that ask for it."""

    source: str
    column: str
    path: str
    line: int


def fields_at(mapping: Mapping, array: str) -> tuple[Field, ...]:
    """The fields of the elements of an array; of the document where it is empty."""
    return tuple(field for field in mapping.fields if array_of(field.path) == array)


def sort_field(fields: MappingOf[str, Field], array: str, name: str) -> Field | None:
    """The field that an array is sorted by, if one is meant: by its path in the elements or its whole one, or as their `{value}`."""
    paths = (f"{array}{MARK}.{name}", f"{array}{MARK}" if name == VALUE else name)
    return next((fields[path] for path in paths if path in fields), None)


def rows_of(mapping: Mapping, array: str) -> str | None:
    """The source whose cells a level has; None where they are the members of a JSON text, or where it is unknown."""
    return cell_source({declaration.path: declaration for declaration in mapping.arrays}, array)


def row_columns(origin: object) -> tuple[ColumnRef, ...]:
    """The columns of the surrounding row that match rows to it, or that elements are made of."""
    match origin:
        case RowsOrigin(_, on, _):
            return tuple(column for _, column in on)
        case Split(column, _) | Json(column, _):
            return (column,)
    return ()


# lookups


def lookups_of(mapping: Mapping, array: str) -> tuple[Lookup, ...]:
    """The lookups that a level uses (the document's is the empty array), each after those that its own columns come from.

    Their own columns are those of the level.
    """
    read = [column for field in fields_at(mapping, array) for column in field.columns]
    read += [column for declaration in mapping.arrays if array_of(declaration.path) == array for column in row_columns(declaration.origin)]
    read += () if array else _unread(mapping)
    lookups = {lookup.name: lookup for lookup in mapping.lookups}
    found = dict(pair for column in read for pair in _chain(column))
    return tuple(_found_by(lookups[name], keys) for name, keys in found.items())


def _chain(column: ColumnRef) -> Iterator[tuple[str, tuple[ColumnRef, ...]]]:
    """The lookups that lead to a column, each behind those that its own columns come from, with these."""
    for key in column.keys:
        yield from _chain(key)
    if column.lookup:
        yield column.lookup, column.keys


def _found_by(lookup: Lookup, keys: tuple[ColumnRef, ...]) -> Lookup:
    if isinstance(lookup.origin, Json):
        return replace(lookup, origin=replace(lookup.origin, column=keys[0]))
    on = tuple((name, key) for (name, _), key in zip(lookup.origin.on, keys, strict=True))
    return replace(lookup, origin=replace(lookup.origin, on=on))


def _unread(mapping: Mapping) -> Iterator[ColumnRef]:
    """No column of each lookup of which nothing is read: such a lookup only checks that the document's key exists."""
    read = {column.lookup for column in written_columns(mapping)}
    yield from (
        ColumnRef("", None, lookup=lookup.name, keys=row_columns(lookup.origin)) for lookup in mapping.lookups if lookup.name not in read
    )


def read_through(mapping: Mapping, lookup: str) -> tuple[ColumnRef, ...]:
    """The columns of a lookup that something reads."""
    return tuple(dict.fromkeys(column for column in written_columns(mapping) if column.lookup == lookup))


def written_columns(mapping: Mapping) -> Iterator[ColumnRef]:
    """Every column that a field, lookup or array reads."""
    yield from (column for field in mapping.fields for column in field.columns)
    origins: list[Origin] = [*(lookup.origin for lookup in mapping.lookups), *(array.origin for array in mapping.arrays)]
    yield from (column for origin in origins for column in row_columns(origin))


# cells


def cells_of(mapping: Mapping, array: str, header: Sequence[str]) -> tuple[ColumnRef, ...]:
    """The cells that the rows of a level must have: for its fields, lookups, and arrays made of these rows.

    `header` are the columns of the source that the rows are made of.
    """
    found = [column for field in fields_at(mapping, array) for column in field.columns]
    found += [column for lookup in lookups_of(mapping, array) for column in row_columns(lookup.origin)]
    for declaration in mapping.arrays:
        if array_of(declaration.path) == array:
            found += row_columns(declaration.origin)
            found += _of_elements(mapping, declaration, header)
    return tuple(dict.fromkeys(reference for reference in found if not reference.lookup))


def _of_elements(mapping: Mapping, array: Array, header: Sequence[str]) -> Iterator[ColumnRef]:
    """What elements that are made of a row need of it."""
    if isinstance(array.origin, RowsOrigin | Json):
        return
    if isinstance(array.origin, Columns):
        yield from (cell(name, rows_of(mapping, array.path)) for _, name in matching(array.origin, header))
    for column in cells_of(mapping, array.path, header):
        if column.kind is ColumnKind.NUMBERED and isinstance(array.origin, Numbered):
            yield from column.cells
        elif not column.of_element:
            yield column


def matching(origin: Columns, header: Sequence[str]) -> list[tuple[str, str]]:
    """The columns whose names match, each behind its key: the expression's first group, or the name."""
    found = [(re.search(origin.pattern, name), name) for name in header]
    return [((match[1] if match.re.groups else None) or name, name) for match, name in found if match]


# columns of sources


def readings(mapping: Mapping) -> Iterator[ColumnUse]:
    """Every column of a source that is read, as often as it is."""
    for field in mapping.fields:
        yield from _uses(field.columns, field.path, field.line)
    for array in mapping.arrays:
        yield from _origin(array.origin, array.path, array.line)
    for column in mapping.group_by:
        yield ColumnUse("", column, "group_by", 0)
    for array_path in ("", *(declaration.path for declaration in mapping.arrays)):
        for lookup in lookups_of(mapping, array_path):
            yield from _origin(lookup.origin, lookup.name, lookup.line)


def _origin(origin: Origin, path: str, line: int) -> Iterator[ColumnUse]:
    yield from _uses(row_columns(origin), path, line)
    if isinstance(origin, RowsOrigin):
        yield from (ColumnUse(origin.source, name, path, line) for name, _ in origin.on)


def _uses(columns: Iterable[ColumnRef], path: str, line: int) -> Iterator[ColumnUse]:
    yield from (ColumnUse(column.source, name, path, line) for column in columns if column.source is not None for name in column.names)


def columns_of(mapping: Mapping, source: str = "") -> dict[str, ColumnUse]:
    """The columns of one source that are read, each with who asks for it first."""
    found: dict[str, ColumnUse] = {}
    for use in readings(mapping):
        if use.source == source:
            found.setdefault(use.column, use)
    return found


def wide_of(origin: object) -> Columns | None:
    """The pattern of column names that elements are made of, if they are."""
    return origin.wide if isinstance(origin, RowsOrigin) else origin if isinstance(origin, Columns) else None


def matched(mapping: Mapping, columns: Iterable[str], source: str = "") -> dict[str, tuple[str, ...]]:
    """The paths of fields and arrays that take columns of a source by their names, with the columns they take."""
    patterns = {field.path: field.matching for field in mapping.fields if field.matching and not source}
    patterns |= {
        array.path: wide.pattern for array in mapping.arrays if (wide := wide_of(array.origin)) and rows_of(mapping, array.path) == source
    }
    names = tuple(columns)
    return {path: tuple(name for name in names if re.search(pattern, name)) for path, pattern in patterns.items()}


def private_columns(mapping: Mapping, columns: Iterable[str], source: str = "") -> frozenset[str]:
    """Of the columns of a source (by default the document's) those that hold a private value, alone or among others."""
    private = {field.path for field in mapping.fields if field.private}
    made = {
        declaration.path for declaration in mapping.arrays if not isinstance(declaration.origin, RowsOrigin)
    }  # of a cell, which holds all of their values
    private |= {array for path in private for array in arrays_of(path) if array in made}
    taken = {name for path, names in matched(mapping, columns).items() if path in private for name in names} if not source else set()
    return frozenset({use.column for use in readings(mapping) if use.source == source and use.path in private} | taken)


def has_private_id(mapping: Mapping) -> bool:
    """Whether `_id` holds a private value, or is made from one."""
    fields, hidden = {field.path: field for field in mapping.fields}, {field.path for field in mapping.fields if field.private}
    columns = {use.column for use in readings(mapping) if use.path in hidden}
    made = mapping.identity.hash if mapping.identity else ()
    if isinstance(made, str):  # of the whole row
        return bool(hidden)
    sources, todo = set[str](), [*(made or ()), ID]
    while todo:
        path = todo.pop()
        sources.add(path)
        todo += [read for read in (fields[path].reads if path in fields else ()) if read not in sources]
    return bool(sources & (hidden | columns) or columns & {use.column for use in readings(mapping) if use.path in sources})


def expand(mapping: Mapping, columns: Iterable[str]) -> Mapping:
    """The mapping with a field for each member that is named by a column. Raises DataError where a name is not valid, or occurs twice."""
    taken = matched(mapping, columns)
    fields = [each for field in mapping.fields for each in (_members(mapping, field, taken[field.path]) if field.matching else [field])]
    twice = [path for path, times in Counter(field.path for field in fields).items() if times > 1]
    if twice:
        hint = "make the expression match fewer columns"
        raise DataError(finding("duplicate_member", f"several columns become {twice[0]}", hint=hint, file=str(mapping.file)))
    return replace(mapping, fields=tuple(fields))


def _members(mapping: Mapping, field: Field, columns: Iterable[str]) -> Iterator[Field]:
    for column in columns:
        found = re.search(field.matching or "", column)
        name = (found[found.re.groups and 1] if found else "") or ""
        if not name or "." in name or name.startswith("$"):
            message = f"the column {column!r} gives the member {name!r}, which is not a valid field name"
            raise DataError(
                finding("member_name", message, hint="let the first group match the name", file=str(mapping.file), line=field.line)
            )
        yield replace(field, path=f"{field.path.removesuffix('*')}{name}", column=cell(column), matching=None)
