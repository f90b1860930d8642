"""Which columns of which source a mapping reads, and what for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from engine.errors import DataError, problem
from engine.mapping.model import Array, Child, Columns, Field, Json, Lookup, Mapping, Numbered, Split
from engine.values.paths import array_of, arrays_of

NUMBER, KEY, VALUE = "{n}", "{key}", "{value}"
PLACEHOLDERS = frozenset({NUMBER, KEY, VALUE})
"""What fields inside an array read instead of columns of a file."""


@dataclass(frozen=True)
class Reading:
    """One column: the source's name (empty for the document's), the column, and the path and line that ask for it."""

    source: str
    column: str
    path: str
    line: int


def lookup_of(mapping: Mapping, column: str) -> tuple[Lookup, str] | None:
    """The lookup that a column is one of, and the name that it has there."""
    name, point, rest = column.partition(".")
    found = next((one for one in mapping.lookups if point and one.name == name), None)
    return (found, rest) if found else None


def lookups_of(mapping: Mapping, array: str) -> tuple[Lookup, ...]:
    """The lookups that a level uses (the document's is the empty array), each after those that its own columns come from."""
    arrays = [one for one in mapping.arrays if array_of(one.path) == array]
    waiting = [column for one in level(mapping, array) for column in one.columns]
    waiting += [column for one in arrays for column in our_columns(one.origin)]
    found: list[Lookup] = []
    for column in waiting:
        _add_lookup(mapping, column, found)
    for lookup in _unread(mapping) if not array else ():
        _add_lookup(mapping, f"{lookup.name}.", found)
    return tuple(found)


def _unread(mapping: Mapping) -> Iterator[Lookup]:
    """Lookups of which nothing is read: they only check that the document's key is there."""
    origins = [*(one.origin for one in mapping.arrays), *(one.origin for one in mapping.lookups)]
    columns = [column for one in mapping.fields for column in one.columns] + [column for one in origins for column in our_columns(one)]
    read = {known[0].name for column in columns if (known := lookup_of(mapping, column))}
    yield from (one for one in mapping.lookups if one.name not in read)


def _add_lookup(mapping: Mapping, column: str, found: list[Lookup]) -> None:
    known = lookup_of(mapping, column)
    if known and known[0] not in found:
        for ours in our_columns(known[0].origin):
            _add_lookup(mapping, ours, found)
        found.append(known[0])


def our_columns(origin: object) -> tuple[str, ...]:
    """The columns of the surrounding row that elements, or a lookup, are found by or made of."""
    match origin:
        case Child(_, on, _):
            return tuple(ours for _, ours in on)
        case Split(column, _) | Json(column, _):
            return (column,)
    return ()


def level(mapping: Mapping, array: str) -> tuple[Field, ...]:
    """The fields of the elements of an array; of the document where it is empty."""
    return tuple(one for one in mapping.fields if array_of(one.path) == array)


def rows_of(mapping: Mapping, array: str) -> str | None:
    """The source whose cells a level has; None where they are the members of a JSON text, or nobody knows."""
    arrays = {one.path: one for one in mapping.arrays}
    while array:
        origin = arrays[array].origin if array in arrays else None  # the loader has reported an array that nobody declares
        if isinstance(origin, Child):
            return origin.source
        if origin is None or isinstance(origin, Json):
            return None
        array = array_of(array)
    return ""


def expanded(mapping: Mapping, array: str, column: str) -> tuple[str, ...]:
    """The columns of the rows that a name stands for: itself, or one for each text of a numbered array; none for placeholders."""
    if column in PLACEHOLDERS and array:
        return ()
    arrays = {one.path: one.origin for one in mapping.arrays}
    while array and NUMBER in column and not isinstance(origin := arrays[array], Child | Json):
        if isinstance(origin, Numbered):
            return _numbered(origin, column)
        array = array_of(array)
    return (column,)


def _numbered(origin: object, column: str) -> tuple[str, ...]:
    if isinstance(origin, Numbered) and NUMBER in column:
        return tuple(column.replace(NUMBER, name) for name in origin.names)
    return (column,)


def cells_of(mapping: Mapping, array: str, header: Sequence[str]) -> tuple[str, ...]:
    """The cells that the rows of a level must have, as the mapping names them: for its fields, lookups, and arrays made of these rows.

    `header` are the columns of the source that the rows are made of.
    """
    found = [column for one in level(mapping, array) for column in one.columns]
    found += [ours for one in lookups_of(mapping, array) for ours in our_columns(one.origin)]
    for one in mapping.arrays:
        if array_of(one.path) == array:
            found += our_columns(one.origin)
            found += _of_elements(mapping, one, header)
    return tuple(dict.fromkeys(name for name in found if not lookup_of(mapping, name)))


def _of_elements(mapping: Mapping, one: Array, header: Sequence[str]) -> Iterator[str]:
    """What elements that are made of a row need of it."""
    if isinstance(one.origin, Child | Json):
        return
    if isinstance(one.origin, Columns):
        yield from (name for _, name in matching(one.origin, header))
    for column in cells_of(mapping, one.path, header):
        if column not in PLACEHOLDERS:
            yield from _numbered(one.origin, column)


def matching(origin: Columns, header: Sequence[str]) -> list[tuple[str, str]]:
    """The columns whose names match, each behind its key: the expression's first group, or the name."""
    found = [(re.search(origin.pattern, name), name) for name in header]
    return [((match[1] if match.re.groups else None) or name, name) for match, name in found if match]


def is_own(mapping: Mapping, array: str, column: str) -> bool:
    """Whether a column can say that an element of an array is there: not one of the surrounding row, nor the number or key."""
    if found := lookup_of(mapping, column):
        return any(is_own(mapping, array, ours) for ours in our_columns(found[0].origin))
    if column in (NUMBER, KEY):
        return False
    origin = next(one.origin for one in mapping.arrays if one.path == array)
    if isinstance(origin, Numbered):
        return NUMBER in column
    return column == VALUE or (isinstance(origin, Child | Json) and not wide_of(origin))


def readings(mapping: Mapping) -> Iterator[Reading]:
    """Every column that is read, as often as it is."""
    for one in mapping.fields:
        for column in [name for written in one.columns for name in expanded(mapping, array_of(one.path), written)]:
            yield from _reading(mapping, array_of(one.path), column, one.path, one.line)
    for array in mapping.arrays:
        yield from _origin(mapping, array_of(array.path), array)
    for column in mapping.group_by:
        yield Reading("", column, "group_by", 0)
    for array_path in ("", *(one.path for one in mapping.arrays)):
        for lookup in lookups_of(mapping, array_path):
            yield from _origin(mapping, array_path, lookup)


def _origin(mapping: Mapping, outer: str, one: Array | Lookup) -> Iterator[Reading]:
    name = one.path if isinstance(one, Array) else one.name
    for ours in [column for written in our_columns(one.origin) for column in expanded(mapping, outer, written)]:
        yield from _reading(mapping, outer, ours, name, one.line)
    if isinstance(one.origin, Child):
        for theirs, _ in one.origin.on:
            yield Reading(one.origin.source, theirs, name, one.line)


def _reading(mapping: Mapping, array: str, column: str, path: str, line: int) -> Iterator[Reading]:
    if found := lookup_of(mapping, column):
        lookup, rest = found
        if isinstance(lookup.origin, Child):
            yield Reading(lookup.origin.source, rest, path, line)
    elif (source := rows_of(mapping, array)) is not None:
        yield Reading(source, column, path, line)


def columns_of(mapping: Mapping, source: str = "") -> dict[str, Reading]:
    """The columns of one source that are read, each with who asks for it first."""
    found: dict[str, Reading] = {}
    for one in readings(mapping):
        if one.source == source:
            found.setdefault(one.column, one)
    return found


def wide_of(origin: object) -> Columns | None:
    """What elements are made of columns by their names, if they are."""
    return origin.wide if isinstance(origin, Child) else origin if isinstance(origin, Columns) else None


def matched(mapping: Mapping, columns: Iterable[str], source: str = "") -> dict[str, tuple[str, ...]]:
    """The paths of fields and arrays that take columns of a source by their names, with the columns they take."""
    patterns = {one.path: one.matching for one in mapping.fields if one.matching and not source}
    patterns |= {one.path: wide.pattern for one in mapping.arrays if (wide := wide_of(one.origin)) and rows_of(mapping, one.path) == source}
    names = tuple(columns)
    return {path: tuple(name for name in names if re.search(pattern, name)) for path, pattern in patterns.items()}


def private_columns(mapping: Mapping, columns: Iterable[str], source: str = "") -> frozenset[str]:
    """Of the columns of a source (by default the document's) those that hold a private value, or one among others."""
    private = {one.path for one in mapping.fields if one.private}
    made = {one.path for one in mapping.arrays if not isinstance(one.origin, Child)}  # of a cell, which holds all of their values
    private |= {array for path in private for array in arrays_of(path) if array in made}
    taken = {name for path, names in matched(mapping, columns).items() if path in private for name in names} if not source else set()
    return frozenset({one.column for one in readings(mapping) if one.source == source and one.path in private} | taken)


def expand(mapping: Mapping, columns: Iterable[str]) -> Mapping:
    """The mapping with a field for each member that is named by a column. Raises DataError where a name is none, or there twice."""
    taken = matched(mapping, columns)
    fields = [each for one in mapping.fields for each in (_members(mapping, one, taken[one.path]) if one.matching else [one])]
    twice = [path for path, times in Counter(one.path for one in fields).items() if times > 1]
    if twice:
        hint = "make the expression match fewer columns"
        raise DataError(problem("duplicate_member", f"several columns become {twice[0]}", hint=hint, file=str(mapping.file)))
    return replace(mapping, fields=tuple(fields))


def _members(mapping: Mapping, one: Field, columns: Iterable[str]) -> Iterator[Field]:
    for column in columns:
        found = re.search(one.matching or "", column)
        name = (found[found.re.groups and 1] if found else "") or ""
        if not name or "." in name or name.startswith("$"):
            message = f"the column {column!r} gives the member {name!r}, which is no name of a field"
            raise DataError(problem("member_name", message, hint="let the first group be the name", file=str(mapping.file), line=one.line))
        yield replace(one, path=f"{one.path.removesuffix('*')}{name}", column=column, matching=None)
