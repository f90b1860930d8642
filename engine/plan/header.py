"""Compares the headers that a mapping expects with those of the sources.

The first line of a file without a header is a record, whose cells may be private. So a message shows the names of a source only if at
least one of them is mapped (whatever its case).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from engine.errors import DataError, Finding, suggest
from engine.mapping.columns import ColumnUse, columns_of, matched
from engine.mapping.model import Mapping, Source

SHOWN_COLUMNS = 20


def check_header(mapping: Mapping, columns: Sequence[str], source: str = "") -> tuple[set[str], list[str]]:
    """The mapped columns of a source that are missing, and notes.

    Raises:
        DataError: the mapping does not allow the missing or extra columns.
    """
    wanted, declared = columns_of(mapping, source), mapping.sources[source] if source else mapping.source
    missing = {name for name in wanted if name not in columns}
    read = {name for collection in (mapping, *mapping.siblings) for name in _read(collection, columns, declared)}
    extra = [name for name in columns if name not in read]
    always = set() if source else {*mapping.group_by}
    needed = missing if declared.missing == "fail" else missing & always
    if needed and len(columns) == 1 and (other := _other_delimiter(columns[0], declared)):
        message = f"{_named(source)} has a single column, whose name looks like several with {other!r} between them"
        raise DataError(
            Finding(declared.line, 1, "missing_column", message, hint=f'set csv: {{delimiter: "{other}"}}', file=str(mapping.file))
        )
    known = _is_header(columns, read)
    if needed and not known:
        lines = [wanted[name].line for name in needed if wanted[name].line]
        message = f"{_named(source)} has none of the columns that the mapping reads"
        hint = "has the file a header? if not, give the names with csv.names"
        raise DataError(Finding(min(lines, default=declared.line), 1, "missing_column", message, hint=hint, file=str(mapping.file)))
    if needed:
        found = [_missing(wanted[name], columns, extra, source, declared.names_of(name)) for name in sorted(needed)]
        raise DataError([replace(item, line=item.line or declared.line, file=str(mapping.file)) for item in found])
    if extra and declared.extra == "fail":
        message = f"{_named(source)} has columns that no field reads: {_unread(extra, known=known)}"
        hint = "map them, or set source.columns.extra: warn"
        raise DataError(Finding(declared.line, 1, "extra_column", message, hint=hint, file=str(mapping.file)))
    return missing, list(_notes(declared, source, missing, _unread(extra, known=known) if extra else ""))


def names_to_show(mapping: Mapping, columns: Sequence[str]) -> Sequence[str]:
    """The names of the source's columns where one of them is mapped, else none."""
    return columns if _is_header(columns, _read(mapping, columns, mapping.source)) else ()


def _is_header(columns: Sequence[str], read: Iterable[str]) -> bool:
    """Whether one of the names is mapped; in another case it is a slip in a header rather than a cell."""
    mapped = {name.lower() for name in read}
    return any(name.strip().lower() in mapped for name in columns)


def _unread(extra: list[str], *, known: bool) -> str:
    return ", ".join(map(repr, extra)) if known else f"all {len(extra)} (the file may have no header)"


def _read(mapping: Mapping, columns: Sequence[str], declared: Source) -> Iterator[str]:
    """The columns of a source that a collection reads, whatever the source is to it."""
    for name, source in {"": mapping.source, **mapping.sources}.items():
        if source == declared:
            yield from columns_of(mapping, name)
            yield from (one for names in source.column_names.values() for one in names)
            yield from (column for names in matched(mapping, columns, name).values() for column in names)


def _other_delimiter(header: str, declared: Source) -> str:
    """The usual delimiter that a header of one column holds."""
    return next((usual for usual in (";", ",", "\t", "|") if usual in header and usual != declared.dialect.delimiter), "")


def _missing(use: ColumnUse, columns: Sequence[str], extra: list[str], source: str, names: Sequence[str]) -> Finding:
    found = ", ".join(map(repr, columns[:SHOWN_COLUMNS])) + (" …" if len(columns) > SHOWN_COLUMNS else "")
    message = f"{_named(source)} has no column {use.column!r}{_or_others(names)}; it has {found}"
    hint = suggest(use.column, extra) or suggest(use.column, columns) or "correct the column, or set source.columns.missing: 'null'"
    return Finding(use.line, 1, "missing_column", message, use.path, hint)


def _notes(declared: Source, source: str, missing: set[str], extra: str) -> list[str]:
    shown = [f"{name!r}{_or_others(declared.names_of(name))}" for name in sorted(missing)]
    notes = [f"column {name} is not in {_named(source)}: its cells count as empty" for name in shown]
    if extra and declared.extra == "warn":
        whose = f" of {_named(source)}" if source else ""
        notes.append(f"columns{whose} that no field reads: {extra}")
    return notes


def _or_others(names: Sequence[str]) -> str:
    """The other names of a column."""
    return f" (or {', '.join(map(repr, names[1:]))})" if len(names) > 1 else ""


def _named(source: str) -> str:
    return f"the source {source}" if source else "the source"
