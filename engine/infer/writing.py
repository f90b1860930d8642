"""The mapping as text: what was decided, with its evidence in comments. Decides nothing itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from engine.errors import counted
from engine.infer.fields import ID, FieldPlan
from engine.infer.words import snake
from engine.infer.yamltext import flow, key, path_key, printable, scalar
from engine.mapping.model import Dialect

WIDEST_PATH = 32
MANY = 0.05  # of the rows
LONGEST_FLOW = 100
ENDINGS = re.compile(r"(?i)(\.(csv|tsv|txt|tab|dat|ndjson|jsonl|parquet))?(\.(gz|zst|zip))?$")
NEWLINES = {"\n": "lf", "\r": "cr"}


@dataclass(frozen=True)
class Draft:
    """The contents of a mapping. `hints` are commented sections: a title and its lines."""

    path: str
    rows: int
    dialect: Dialect
    csv_notes: dict[str, str]
    null_values: list[str]
    fields: list[FieldPlan]
    arrays: dict[str, Any]
    duplicates: int | None
    rejects: int
    hints: list[tuple[str, list[str]]]
    tests: list[dict[str, Any]]


def write(draft: Draft) -> str:
    """The mapping's text."""
    return "\n".join(_tidy(_lines(draft))) + "\n"


def name_of(path: str) -> str:
    """A name for a mapping and its collection, from that of the file."""
    bare = ENDINGS.sub("", Path(path).name)
    stem = re.sub(r"[^A-Za-z0-9_]+", "_", snake(bare)).strip("_")[:60]
    return stem if stem and not stem[0].isdigit() else f"data_{stem}".rstrip("_")


def _tidy(lines: Iterable[str]) -> Iterator[str]:
    return (printable(line).rstrip() for line in lines)


def _lines(draft: Draft) -> Iterator[str]:
    name = name_of(draft.path)
    yield f"# Written by `engine infer` from {counted(draft.rows, 'row')}. Each choice has its evidence beside it: review it, then run"
    yield "#   engine check, engine preview, engine run --dry-run"
    yield f"mapping: {name}"
    yield "version: 1"
    yield ""
    yield from _source(draft)
    yield ""
    yield f"target: {{database: {name}, collection: {name}, mode: replace}}    # named after the file: choose better names"
    yield ""
    yield from _identity(draft)
    yield ""
    yield from _fields(draft.fields)
    yield ""
    if draft.arrays:
        yield "arrays:"
        yield from (f"  {key(path)}: {flow(origin)}" for path, origin in draft.arrays.items())
        yield ""
    yield from _hints(draft.hints)
    yield f"limits: {{rejects: {draft.rejects}}}    # {_rejects(draft)}"
    yield ""
    yield "validation: {level: strict, action: error, additional: false}"
    yield from _tests(draft.tests)


def _source(draft: Draft) -> Iterator[str]:
    yield "source:"
    yield f"  path: {scalar(draft.path)}"
    said = _csv(draft.dialect)
    if said:
        yield "  csv:"
        yield from (_commented(f"    {name}: {flow(value)}", draft.csv_notes.get(name, "")) for name, value in said.items())
    nulls = draft.null_values
    yield _commented(
        f"  null_values: {flow(nulls)}", "texts that mean a missing value; counts are beside the fields" if len(nulls) > 1 else ""
    )
    yield "  columns: {missing: fail, extra: warn}"


def _csv(dialect: Dialect) -> dict[str, Any]:
    """The keys of the `csv` section that differ from the language's defaults."""
    said = {field.name: getattr(dialect, field.name) for field in fields(dialect) if getattr(dialect, field.name) != field.default}
    return (
        said
        | ({"newline": NEWLINES[dialect.newline]} if "newline" in said else {})
        | ({"names": _ranged(dialect.names)} if dialect.names else {})
    )


def _ranged(names: Sequence[str]) -> list[str]:
    """Names in the language's short form, where they are numbered."""
    if len(names) > 1 and list(names) == [f"column{place}" for place in range(1, len(names) + 1)]:
        return [f"column{{1..{len(names)}}}"]
    return list(names)


def _identity(draft: Draft) -> Iterator[str]:
    repeated = draft.duplicates
    doubt = (
        "; LOOK: so many may be separate records; then use id: {objectId: random} without dedup"
        if repeated and repeated > MANY * draft.rows
        else ""
    )
    unknown = f"duplicates were not searched: {'the file is too large' if draft.rows else 'there are no rows'}"
    said = unknown if repeated is None else f"{counted(repeated, 'row')} repeat another row in every cell"
    if repeated == 1:
        said = "1 row repeats another row in every cell"
    if not repeated and repeated is not None:
        said = "no row repeats another row in every cell"
    said += doubt
    if any(field.path == ID for field in draft.fields):
        yield (
            _commented("dedup: {on: row, keep: first}", said) if repeated else f"# {said}; _id is from a column that is unique and complete"
        )
        return
    yield _commented("dedup: {on: row, keep: first}", said)
    yield _commented("id: {hash: row}", "the same row gets the same _id in every run")


def _fields(fields: list[FieldPlan]) -> Iterator[str]:
    yield "fields:"
    width = min(WIDEST_PATH, max(len(path_key(field.path)) for field in fields) + 1)
    for field in fields:
        said = flow(field.keys) if len(field.keys) > 1 else scalar(field.keys["column"])
        yield _commented(f"  {path_key(field.path) + ':':<{width}} {said}", "; ".join(field.notes))


def _hints(hints: list[tuple[str, list[str]]]) -> Iterator[str]:
    for title, lines in hints:
        if lines:
            yield f"# {title}"
            yield from (f"#   {line}" for line in lines)
            yield ""


def _rejects(draft: Draft) -> str:
    if not draft.rejects:
        return "no row of the file is rejected; raise this if newer files may have bad rows"
    return f"LOOK: {counted(draft.rejects, 'record')} of the file {'is not a row' if draft.rejects == 1 else 'are not rows'} of the table"


def _tests(tests: list[dict[str, Any]]) -> Iterator[str]:
    if tests:
        yield ""
        yield "tests:    # invented values of the fields' types, no private values of the file"
        for test in tests:
            for place, (name, value) in enumerate(test.items()):
                long = len(flow(value)) > LONGEST_FLOW
                yield f"  {'- ' if place == 0 else '  '}{name}:" + ("" if long else f" {flow(value)}")
                yield from (f"      {key(one)}: {flow(cell)}" for one, cell in value.items()) if long else ()


def _commented(line: str, note: str) -> str:
    return f"{line}    # {note}" if note else line
