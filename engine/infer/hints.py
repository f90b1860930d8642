"""What the evidence suggests beyond single fields: keys, near-duplicates, lookups, arrays, points, joins. As text for comments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.errors import counted
from engine.infer.fields import FieldPlan, FieldsPlan
from engine.infer.paths import families, headed
from engine.infer.relations import JoinCandidate, Relations
from engine.infer.tables import FileProfile
from engine.infer.words import snake
from engine.infer.writing import name_of
from engine.infer.yamltext import flow, scalar

MOST_KEYS, MOST_INDEXES = 5, 4
Hint = tuple[str, list[str]]


def hints(table: FileProfile, planned: FieldsPlan, found: Relations | None, joined: Sequence[JoinCandidate]) -> list[Hint]:
    """Sections of comments; the writer leaves out those without lines."""
    fields = [field for field in planned.fields if "[]" not in field.path]
    flat = [] if table.layout.invented else [field.keys["column"] for field in fields]
    return [
        ("Candidate keys (unique and complete):", list(_keys(found))),
        (
            "Near-duplicates: rows that equal another row except in one column. dedup: {on: [the other columns]} would drop them.",
            list(_near(found)),
        ),
        ("Likely lookups: the first column determines the others.", list(_dependencies(found))),
        ("Numbered columns, perhaps an array:", list(_families(flat))),
        ("Columns named by years or months, perhaps an array of {key, value}:", list(_headed(flat))),
        ("A point on the map:", list(_points(fields))),
        ("Other files:", list(_joins(table, joined))),
        ("indexes: for fields that queries search or sort by, for example", list(_indexes(fields))),
    ]


def _keys(found: Relations | None) -> Iterator[str]:
    if found:
        yield from (" with ".join(map(scalar, key)) for key in found.keys[:MOST_KEYS])


def _near(found: Relations | None) -> Iterator[str]:
    if found:
        yield from (f"{counted(times, 'row')} except in {scalar(name)}" for name, times in found.near)


def _dependencies(found: Relations | None) -> Iterator[str]:
    if found:
        yield from (f"{scalar(one)} -> {', '.join(map(scalar, others))}" for one, others in found.dependencies)


def _families(names: Sequence[str]) -> Iterator[str]:
    for family in families(names):
        path = snake(family.pattern.replace("{n}", "")) or "items"
        yield f"arrays: {{{path}: {{numbered: {int(family.numbers[0])}..{int(family.numbers[-1])}}}}}"
        yield f"fields: {{{path}[]: {{column: {scalar(family.pattern)}}}}}"


def _headed(names: Sequence[str]) -> Iterator[str]:
    if found := headed(names):
        yield f"{scalar(found[0])} to {scalar(found[-1])}, {len(found)} columns"


def _points(fields: Sequence[FieldPlan]) -> Iterator[str]:
    ends = {
        bounds: field for field in fields if (bounds := (field.keys.get("minimum"), field.keys.get("maximum"))) in ((-90, 90), (-180, 180))
    }
    if len(ends) == 2:  # noqa: PLR2004 - a latitude and a longitude
        longitude, latitude = ends[-180, 180].keys["column"], ends[-90, 90].keys["column"]
        yield "location: " + flow({"type": "point", "longitude": longitude, "latitude": latitude})


def _joins(table: FileProfile, joined: Sequence[JoinCandidate]) -> Iterator[str]:
    for join in joined:
        share = f"{join.matched:,} of {counted(join.values, 'value')} found"
        if join.table == table.path:
            name = name_of(join.other)
            yield f"{'1' if join.unique else 'n'}-1: {scalar(join.column)} is {scalar(join.key)} of {join.other} ({share})"
            yield f"  lookups: {{{name}: {{source: {name}, on: {{{scalar(join.column)}: {scalar(join.key)}}}}}}}"
        elif join.other == table.path:
            name = name_of(join.table)
            yield f"1-{'1' if join.unique else 'n'}: {scalar(join.column)} of {join.table} is {scalar(join.key)} here ({share})"
            yield f"  arrays: {{{name}: {{source: {name}, on: {{{scalar(join.column)}: {scalar(join.key)}}}}}}}"


def _indexes(fields: Sequence[FieldPlan]) -> Iterator[str]:
    dates = [field for field in fields if field.choice.type == "date"]
    listed = [field for field in fields if "enum" in field.keys]
    for field in [*dates, *listed][:MOST_INDEXES]:
        order = -1 if field.choice.type == "date" else 1
        yield f"{field.path.replace('.', '_')}: {flow({'keys': {field.path: order}})}"
