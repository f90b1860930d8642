"""Queries for the documents that may hold an old value, which others write meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from engine.evolution.building import Build
from engine.evolution.outcomes import Expr, Value, is_of
from engine.evolution.trimming import conflicting
from engine.mapping.model import ID, Field
from engine.values.paths import MARK, dotted

Query = dict[str, Any]
THERE: Query = {"$exists": True}
NULL = {"$type": "null"}


def old_values(build: Build) -> tuple[Query, ...]:
    """A document that meets none of these is as the rewriting would make it, but for an order that neither has; others may be too."""
    return tuple(_distinct([*_of_fields(build), *_of_arrays(build), *_of_order(build)]))


def removed_values(removed: Iterable[Field], fields: Iterable[Field]) -> tuple[Query, ...]:
    """The same for the trim; removed fields have their places as paths."""
    kept = [field.path for field in fields]
    return tuple({dotted(field.path): THERE} for field in removed if not any(conflicting(field.path, other) for other in kept))


def _of_fields(build: Build) -> Iterator[Query]:
    for field in build.fields:
        value = build.values[field.path]
        if value.origin and build.places.place(value.origin) != field.path:
            yield {dotted(build.places.place(value.origin)): THERE}
        if value.convert:
            yield {dotted(field.path): dict(value.old)}
        if value.fill is not None or value.computed is not None:
            yield _without(field.path, value)
        if value.nulls != field.writes_null and value.origin:
            yield {dotted(field.path): NULL} if value.nulls else _without(field.path, value)


def _without(path: str, value: Value) -> Query:
    """Documents that have no value there; elements of arrays count as perhaps without."""
    if MARK in path:
        return {path.partition(MARK)[0]: THERE}
    return {dotted(path): None if value.fills_null else {"$exists": False}}


def _of_arrays(build: Build) -> Iterator[Query]:
    for path, kept in build.arrays.items():
        if build.places.place(kept.origin) != path:
            yield {dotted(build.places.place(kept.origin)): THERE}
        if kept.kept is not None:
            yield {path.partition(MARK)[0]: THERE}
        if kept.before != kept.after:
            yield {dotted(path): {"$in": [None, []]}} if MARK not in path else {path.partition(MARK)[0]: THERE}


def _of_order(build: Build) -> Iterator[Query]:
    """Documents in whose levels the order of the fields is not the new one, where the old one differs from it."""
    before, after = _names(build.before), _names(build.fields)
    for level, names in after.items():
        old = [name for name in before.get(level, ()) if name in names]
        if old != [name for name in names if name in old]:
            yield {level.partition(MARK)[0]: THERE} if MARK in level else {"$expr": _disordered(f"${level or '$ROOT'}", names)}


def _names(fields: Iterable[Field]) -> dict[str, list[str]]:
    """The names in each level of a document, by its path, in order. `_id` always comes first."""
    found: dict[str, list[str]] = {}
    for field in fields:
        parts = field.path.split(".") if field.path != ID else []
        for depth, part in enumerate(parts):
            names = found.setdefault(".".join(parts[:depth]), [])
            if part not in names:
                names.append(part)
    return found


def _disordered(level: str, names: Iterable[str]) -> Expr:
    """Whether these names have another order in a document."""
    wanted = {"$literal": [name.removesuffix(MARK) for name in names]}
    pairs = {"$objectToArray": {"$cond": [is_of(level, "object"), level, None]}}
    found = {"$ifNull": [{"$map": {"input": pairs, "in": "$$this.k"}}, []]}
    here = {"$filter": {"input": "$$found", "cond": {"$in": ["$$this", wanted]}}}
    expected = {"$filter": {"input": wanted, "cond": {"$in": ["$$this", "$$found"]}}}
    return {"$let": {"vars": {"found": found}, "in": {"$ne": [here, expected]}}}


def _distinct(queries: Iterable[Query]) -> list[Query]:
    found: list[Query] = []
    for query in queries:
        if query not in found:
            found.append(query)
    return found
