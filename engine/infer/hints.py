"""What the evidence suggests beyond one line a field: keys, near-duplicates, lookups, arrays, points, joins. As text for comments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.infer.fields import FieldPlan, FieldsPlan
from engine.infer.paths import families, headed
from engine.infer.relations import Join, Relations
from engine.infer.tables import Table
from engine.infer.words import number, snake
from engine.infer.writing import name_of
from engine.infer.yamltext import flow, scalar

MOST_KEYS, MOST_INDEXES = 5, 4
Hint = tuple[str, list[str]]


def hints(table: Table, planned: FieldsPlan, found: Relations | None, joined: Sequence[Join]) -> list[Hint]:
    """Sections of comments; those without lines are left out by the writer."""
    fields = [one for one in planned.fields if "[]" not in one.path]
    flat = [] if table.layout.invented else [one.keys["column"] for one in fields]
    return [
        ("Candidate keys (unique and complete):", list(_keys(found))),
        (
            "Near-duplicates: rows that repeat another but for one column. dedup: {on: [the other columns]} would drop them.",
            list(_near(found)),
        ),
        ("Likely lookups: the first column decides the others.", list(_dependencies(found))),
        ("Numbered columns, perhaps an array:", list(_families(flat))),
        ("Columns that are values of their headers, perhaps an array of {key, value}:", list(_headed(flat))),
        ("A place on earth:", list(_points(fields))),
        ("Other files:", list(_joins(table, joined))),
        ("indexes: for what is searched or sorted by, for example", list(_indexes(fields))),
    ]


def _keys(found: Relations | None) -> Iterator[str]:
    if found:
        yield from (" with ".join(map(scalar, key)) for key in found.keys[:MOST_KEYS])


def _near(found: Relations | None) -> Iterator[str]:
    if found:
        yield from (f"{number(times, 'row')} but for {scalar(name)}" for name, times in found.near)


def _dependencies(found: Relations | None) -> Iterator[str]:
    if found:
        yield from (f"{scalar(one)} -> {', '.join(map(scalar, others))}" for one, others in found.dependencies)


def _families(names: Sequence[str]) -> Iterator[str]:
    for one in families(names):
        path = snake(one.pattern.replace("{n}", "")) or "items"
        yield f"arrays: {{{path}: {{numbered: {int(one.numbers[0])}..{int(one.numbers[-1])}}}}}"
        yield f"fields: {{{path}[]: {{column: {scalar(one.pattern)}}}}}"


def _headed(names: Sequence[str]) -> Iterator[str]:
    if found := headed(names):
        yield f"{scalar(found[0])} to {scalar(found[-1])}, {len(found)} columns"


def _points(fields: Sequence[FieldPlan]) -> Iterator[str]:
    ends = {bounds: one for one in fields if (bounds := (one.keys.get("minimum"), one.keys.get("maximum"))) in ((-90, 90), (-180, 180))}
    if len(ends) == 2:  # noqa: PLR2004 - a latitude and a longitude
        longitude, latitude = ends[-180, 180].keys["column"], ends[-90, 90].keys["column"]
        yield "location: " + flow({"type": "point", "longitude": longitude, "latitude": latitude})


def _joins(table: Table, joined: Sequence[Join]) -> Iterator[str]:
    for one in joined:
        share = f"{one.matched:,} of {number(one.values, 'value')} found"
        if one.table == table.path:
            name = name_of(one.other)
            yield f"{'1' if one.unique else 'n'}-1: {scalar(one.column)} is {scalar(one.key)} of {one.other} ({share})"
            yield f"  lookups: {{{name}: {{source: {name}, on: {{{scalar(one.column)}: {scalar(one.key)}}}}}}}"
        elif one.other == table.path:
            name = name_of(one.table)
            yield f"1-{'1' if one.unique else 'n'}: {scalar(one.column)} of {one.table} is {scalar(one.key)} here ({share})"
            yield f"  arrays: {{{name}: {{source: {name}, on: {{{scalar(one.column)}: {scalar(one.key)}}}}}}}"


def _indexes(fields: Sequence[FieldPlan]) -> Iterator[str]:
    dates = [one for one in fields if one.choice.type == "date"]
    listed = [one for one in fields if "enum" in one.keys]
    for one in [*dates, *listed][:MOST_INDEXES]:
        order = -1 if one.choice.type == "date" else 1
        yield f"{one.path.replace('.', '_')}: {flow({'keys': {one.path: order}})}"
