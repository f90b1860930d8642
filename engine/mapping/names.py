"""Columns with several names: which ones there are, and a mapping in which each is called by one of them everywhere.

A column's first name is its present one: cells, messages and rejects files use it, whichever name a header has. Its last name is the
oldest one: where whole rows are hashed, their cells are ordered by it, so that a name that is added in front changes no `_id`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from engine.mapping.columns import columns_of, sort_field, written_columns
from engine.mapping.model import ROW_KEY, Array, Field, Json, Lookup, Mapping, Near, RowsOrigin, Split
from engine.values.columns import ColumnRef

Names = MappingOf[str, tuple[str, ...]]
"""First name → all names of a column, of those that have several."""
Calls = MappingOf[str, MappingOf[str, str]]
"""By source (empty for the document's): a name → the one to use instead."""
Part = TypeVar("Part", Array, Lookup)


def stated_names(mapping: Mapping) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each list of names that the mapping gives a column, behind its source. Of numbered columns, also the names with `{n}`."""
    for column in written_columns(mapping):
        if column.others and column.source is not None:
            every = (column, *column.others)
            lists = [*zip(*(one.names for one in every), strict=False), *([] if column.lookup else [column.all_written])]
            yield from ((column.source, names) for names in dict.fromkeys(lists))


def with_one_name(mapping: Mapping) -> Mapping:
    """A mapping with its sources knowing the names of their columns, and with each column called by the first of them everywhere."""
    known: dict[str, dict[str, tuple[str, ...]]] = {}
    for source, names in stated_names(mapping):
        known.setdefault(source, {})[names[0]] = names
    return called(mapping, known, {source: first_names(names) for source, names in known.items()}) if known else mapping


def first_names(names: Names) -> dict[str, str]:
    """The name to use, by each other name."""
    return {name: first for first, every in names.items() for name in every if name != first}


# two mappings


def called_alike(old: Mapping, new: Mapping) -> Mapping:
    """The old mapping with its columns called as the new one calls them; their own names stay in `Source.column_names`.

    A column is the same where both mappings have one of its names.
    """
    calls = {source: found for source in _of_both(old, new) if (found := _calls(old, new, source))}
    names = {source: {calls[source].get(name, name): every for name, every in _with_single(old, source, calls[source]).items()}
             for source in calls}  # fmt: skip
    return called(old, names, calls) if calls else old


def _calls(old: Mapping, new: Mapping, source: str) -> dict[str, str]:
    if not (_names(old, source) or _names(new, source)):
        return {}
    found = first_names(_names(new, source))
    there = {name: name for name in _mentioned(new, source)} | found
    for first, names in _names(old, source).items():
        if now := next((there[name] for name in names if name in there), None):
            found.setdefault(first, now)
    return {name: now for name, now in found.items() if name != now}


def _mentioned(mapping: Mapping, source: str) -> Iterator[str]:
    """The columns of a source as the mapping names them."""
    yield from columns_of(mapping, source)
    yield from (_bare(column) for column in written_columns(mapping) if column.source == source)
    if not source:
        near = mapping.dedup.near.ignored_columns if mapping.dedup and mapping.dedup.near else ()
        listed = (mapping.dedup and mapping.dedup.on, mapping.identity and mapping.identity.hash, near)
        yield from (name for names in listed if isinstance(names, tuple) for name in names)


def _bare(column: ColumnRef) -> str:
    """The column as it is written, without its lookup."""
    return column.written.removeprefix(f"{column.lookup}.") if column.lookup else column.written


def _with_single(old: Mapping, source: str, calls: MappingOf[str, str]) -> Names:
    """The names of the columns that are called otherwise now, and of those that have several."""
    return {name: (name,) for name in columns_of(old, source) if name in calls} | dict(_names(old, source))


def _names(mapping: Mapping, source: str) -> Names:
    known = mapping.sources.get(source) if source else mapping.source
    return known.column_names if known else {}


@dataclass(frozen=True)
class OtherNames:
    """A column that both of two mappings read, and its names in each."""

    source: str
    column: str
    before: tuple[str, ...]
    after: tuple[str, ...]


def other_names(old: Mapping, new: Mapping) -> Iterator[OtherNames]:
    """The columns that have other names in the new mapping; `old` calls columns as that one does."""
    for source in _of_both(old, new):
        before, after = _names(old, source), _names(new, source)
        for name in dict.fromkeys((*after, *before)):
            found = OtherNames(source, name, before.get(name, (name,)), after.get(name, (name,)))
            if found.before != found.after and name in columns_of(new, source) and name in columns_of(old, source):
                yield found


def _of_both(old: Mapping, new: Mapping) -> list[str]:
    return ["", *(name for name in new.sources if name in old.sources)]


def same_rows(old: Mapping, new: Mapping) -> bool:
    """Whether rows that have the same cells get the same `_id`; `old` calls columns as the new mapping does, and has its `id`."""
    rows = new.identity is not None and new.identity.hash == ROW_KEY
    return not rows or all(one.before[-1] == one.after[-1] for one in other_names(old, new) if not one.source)


# calling


def called(mapping: Mapping, names: MappingOf[str, Names], calls: Calls) -> Mapping:
    """The mapping with columns called otherwise wherever they are named; `names` are those that its sources have for them then."""
    row = calls.get("", {})
    paths = {field.path for field in mapping.fields}
    dedup, identity = mapping.dedup, mapping.identity
    return replace(
        mapping,
        source=replace(mapping.source, column_names=names.get("", mapping.source.column_names)),
        sources={name: replace(source, column_names=names.get(name, source.column_names)) for name, source in mapping.sources.items()},
        fields=tuple(_field(field, calls) for field in mapping.fields),
        arrays=tuple(_sorted(_of_origin(array, calls), mapping, calls) for array in mapping.arrays),
        lookups=tuple(_of_origin(lookup, calls) for lookup in mapping.lookups),
        group_by=_all(mapping.group_by, row),
        dedup=dedup and replace(dedup, on=_parts(dedup.on, row, paths), near=dedup.near and _near(dedup.near, row)),
        identity=identity and replace(identity, hash=_parts(identity.hash, row, paths)),
    )


def _all(names: Sequence[str], calls: MappingOf[str, str]) -> tuple[str, ...]:
    return tuple(calls.get(name, name) for name in names)


def _parts(on: Any, calls: MappingOf[str, str], paths: Collection[str]) -> Any:
    """Columns and paths that identify a row; a name that is a path is no column."""
    return tuple(name if name in paths else calls.get(name, name) for name in on) if isinstance(on, tuple) else on


def _near(near: Near, calls: MappingOf[str, str]) -> Near:
    return replace(near, ignored_columns=_all(near.ignored_columns, calls))


def _field(field: Field, calls: Calls) -> Field:
    zone = field.options.timezone_column
    return replace(
        field,
        column=field.column and _column(field.column, calls),
        pair=field.pair and (_column(field.pair[0], calls), _column(field.pair[1], calls)),
        hashed=tuple(_column(column, calls) for column in field.hashed),
        options=replace(field.options, timezone_column=_column(zone, calls)) if zone else field.options,
    )


def _of_origin(part: Part, calls: Calls) -> Part:
    match part.origin:
        case RowsOrigin(source, on, _):
            theirs = calls.get(source, {})
            pairs = tuple((theirs.get(name, name), _column(column, calls)) for name, column in on)
            return replace(part, origin=replace(part.origin, on=pairs))
        case Split(column, _) | Json(column, _):
            return replace(part, origin=replace(part.origin, column=_column(column, calls)))
    return part


def _sorted(array: Array, mapping: Mapping, calls: Calls) -> Array:
    """The columns that its elements are sorted by."""
    if not isinstance(array.origin, RowsOrigin) or not (theirs := calls.get(array.origin.source)):
        return array
    fields = {field.path: field for field in mapping.fields}
    sort = tuple((name if sort_field(fields, array.path, name) else theirs.get(name, name), down) for name, down in array.sort)
    return replace(array, sort=sort)


def _column(column: ColumnRef, calls: Calls) -> ColumnRef:
    keys = tuple(_column(key, calls) for key in column.keys)
    theirs = calls.get(column.source, {}) if column.source is not None else {}
    bare = _bare(column)
    written = column.written.removesuffix(bare) + theirs.get(bare, bare)
    return replace(column, written=written, names=_all(column.names, theirs), keys=keys)
