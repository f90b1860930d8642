"""The headers that a mapping expects against those that are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.errors import DataError, Finding, suggest
from engine.mapping.columns import Reading, columns_of, matched
from engine.mapping.model import Mapping, Source

SHOWN_COLUMNS = 20


def check_header(mapping: Mapping, columns: Sequence[str], source: str = "") -> tuple[set[str], list[str]]:
    """The mapped columns of a source that are missing, and notes.

    Raises:
        DataError: the mapping does not put up with what is missing or extra.
    """
    wanted, said = columns_of(mapping, source), mapping.sources[source] if source else mapping.source
    missing = {name for name in wanted if name not in columns}
    read = {name for one in (mapping, *mapping.siblings) for name in _read(one, columns, said)}
    extra = [name for name in columns if name not in read]
    always = set() if source else {*mapping.group_by}
    needed = missing if said.missing == "fail" else missing & always
    if needed and len(columns) == 1 and (other := _other_delimiter(columns[0], said)):
        message = f"{_named(source)} has a single column, which looks like several with {other!r} between them"
        raise DataError(Finding(0, 0, "missing_column", message, hint=f'csv: {{delimiter: "{other}"}}', file=str(mapping.file)))
    if needed:
        raise DataError([_missing(wanted[name], columns, extra, str(mapping.file), source) for name in sorted(needed)])
    if extra and said.extra == "fail":
        names = ", ".join(map(repr, extra))
        message = f"{_named(source)} has columns that no field reads: {names}"
        raise DataError(Finding(0, 0, "extra_column", message, hint="map them", file=str(mapping.file)))
    return missing, list(_notes(said, source, missing, extra))


def _read(mapping: Mapping, columns: Sequence[str], said: Source) -> Iterator[str]:
    """The columns of a source that a collection reads, whatever the source is to it."""
    for name, source in {"": mapping.source, **mapping.sources}.items():
        if source == said:
            yield from columns_of(mapping, name)
            yield from (column for names in matched(mapping, columns, name).values() for column in names)


def _other_delimiter(header: str, said: Source) -> str:
    """The usual delimiter that a header of one column holds."""
    return next((one for one in (";", ",", "\t", "|") if one in header and one != said.dialect.delimiter), "")


def _missing(one: Reading, columns: Sequence[str], extra: list[str], file: str, source: str) -> Finding:
    found = ", ".join(map(repr, columns[:SHOWN_COLUMNS])) + (" …" if len(columns) > SHOWN_COLUMNS else "")
    message = f"{_named(source)} has no column {one.column!r}; it has {found}"
    hint = suggest(one.column, extra) or suggest(one.column, columns) or "correct the column, or source.columns.missing: 'null'"
    return Finding(one.line, 1, "missing_column", message, one.path, hint, file)


def _notes(said: Source, source: str, missing: set[str], extra: list[str]) -> list[str]:
    notes = [f"column {name!r} is not in {_named(source)}: its cells count as empty" for name in sorted(missing)]
    if extra and said.extra == "warn":
        whose = f" of {_named(source)}" if source else ""
        notes.append(f"columns{whose} that no field reads: {', '.join(map(repr, extra))}")
    return notes


def _named(source: str) -> str:
    return f"the source {source}" if source else "the source"
