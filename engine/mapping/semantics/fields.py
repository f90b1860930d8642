"""`fields`: each target path and where its value comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from functools import partial

from engine.expressions import Expression, ExpressionError, Typed, parse, typed
from engine.mapping import model
from engine.mapping.semantics.columns import Written, resolve
from engine.mapping.semantics.origins import check_origin, is_key, is_now, with_meta
from engine.mapping.semantics.scope import Place, Raw, Scope
from engine.mapping.semantics.values import read_constraints, read_options, read_text, read_transforms, read_value_map
from engine.values.columns import VALUE, ColumnRef
from engine.values.keys import read
from engine.values.metadata import META
from engine.values.order import dependency_order
from engine.values.paths import MARK, MAX_LEVELS, array_of, arrays_of
from engine.values.types import Type, type_table


@dataclass(frozen=True)
class SourcesInScope:
    """What the cells of fields come from: the document's source, the other ones, and the arrays and lookups that use them."""

    source: model.Source
    sources: MappingOf[str, model.Source]
    arrays: MappingOf[str, model.Array]
    lookups: MappingOf[str, model.Lookup]

    def column(self, path: str, written: Written) -> ColumnRef:
        """The column that a name, or several, mean in the field at `path`."""
        return resolve(self.arrays, self.lookups, array_of(path), written)

    def null_values(self, path: str, column: Written | None) -> tuple[str, ...]:
        """What means a missing value where the field at `path` reads `column`."""
        found = self.column(path, column) if column else None
        if found and found.lookup and found.source is not None:
            return self.sources[found.source].null_values
        name = model.rows_source(self.arrays, array_of(path)) if array_of(path) in self.arrays else ""
        return self.sources[name].null_values if name else self.source.null_values


def read_fields(scope: Scope, rows: SourcesInScope) -> dict[str, model.Field]:
    """The fields by path, in the order of the file."""
    raws: dict[str, Raw] = {path: {"column": spec} if isinstance(spec, str) else spec for path, spec in scope.raw["fields"].items()}
    _check_nesting(scope, raws)
    fields: dict[str, model.Field] = {}
    for path in _computed_last(scope, raws):
        if built := _field(scope, path, raws[path], fields, rows):
            fields[path] = built
    return {path: fields[path] for path in raws if path in fields}


def read_expression(
    scope: Scope, where: Place, text: str, fields: MappingOf[str, model.Field], arrays: Iterable[str], *, inside: str | None = None
) -> Typed | None:
    """An expression over these fields, whose value belongs to an element of the array `inside`; None where it was reported."""
    expression = _parse(scope, where, text)
    try:
        types = dict.fromkeys(arrays, "array") | {path: field.type.name for path, field in fields.items()}
        found = typed(expression, types) if expression else None
        return _placed(found, found.array if inside is None else inside, fields) if found else None
    except ExpressionError as error:
        scope.report(where, "expression", error.message, error.hint, offset=error.offset)
        return None


def _placed(found: Typed, inside: str, fields: MappingOf[str, model.Field]) -> Typed:
    """The expression, if all that it reads is there where elements of the array `inside` are made."""
    around = {inside, *arrays_of(inside), ""}
    for path in sorted(found.paths):
        if array_of(path) not in around:
            raise ExpressionError(f"`{path}` has several values here", 0, f"aggregate them, such as sum({path}) or count({array_of(path)})")
        if array_of(path) != inside and fields[path].depends_on_fields:
            raise ExpressionError(f"`{path}` is computed after the elements of {inside}", 0, "use the fields that it is computed from")
    for node in found.aggregate_calls:
        outer = array_of(node.array)
        if (outer != inside and inside in arrays_of(outer)) or (outer and not inside):
            hint = f"aggregate those in turn, such as sum({node.name}(…))"
            raise ExpressionError(f"{node.name} over {node.array} has a value for each element of {outer}", 0, hint)
        if outer != inside:
            raise ExpressionError(f"{node.name} over {node.array} is known only after {inside}", 0, "compute it in a field of the document")
        if node.inner is not None:
            _placed(Typed(node.inner), node.array, fields)
    return found


def _parse(scope: Scope, where: Place, text: str) -> Expression | None:
    try:
        return parse(text)
    except ExpressionError as error:
        if not scope.reported(where):
            scope.report(where, "expression", error.message, error.hint, offset=error.offset)
        return None


def _check_nesting(scope: Scope, raws: Iterable[str]) -> None:
    kinds = {model.ID: "field"}
    for path in raws:
        if path.count(".") + path.count(MARK) >= MAX_LEVELS:
            message = f"the path has more than {MAX_LEVELS} levels, the most that a document may have"
            scope.report(("fields", path), "path_too_deep", message, at_key=True)
            continue
        if any(MARK in segment.removesuffix(MARK) for segment in path.split(".")):
            scope.report(("fields", path), "path", "[] is allowed only at the end of a name, where the path enters an array", at_key=True)
            continue
        for place, kind in _way_to(path):
            if (other := kinds.setdefault(place, kind)) != kind:
                scope.report(("fields", path), "path_conflict", CONFLICTS[other if other in CONFLICTS else kind].format(place), at_key=True)


CONFLICTS = {
    "field": "{} is itself a field, so it cannot contain other fields",
    "array": "{} is used both as an array and as a document or value",
}


def _way_to(path: str) -> Iterator[tuple[str, str]]:
    """Every place on the way to a field, itself included, and what is there."""
    segments = path.split(".")
    for length, segment in enumerate(segments, start=1):
        place = ".".join(segments[:length])
        if segment.endswith(MARK):
            yield place.removesuffix(MARK), "array"
        yield place, "field" if length == len(segments) else "document"


def _computed_last(scope: Scope, raws: MappingOf[str, Raw]) -> list[str]:
    """Paths in an order in which computed and conditional fields come after those they read."""
    needs = {path: _references(scope, path, spec) for path, spec in raws.items() if {"compute", "when"} & spec.keys()}
    ordered, circular = dependency_order(needs)
    for path in circular:
        key = "compute" if "compute" in raws[path] else "when"
        scope.report(("fields", path, key), "cycle", f"these fields depend on each other in a circle: {', '.join(circular)}")
    return [*(path for path in raws if path not in needs), *ordered]


def _references(scope: Scope, path: str, spec: Raw) -> frozenset[str]:
    found = [_parse(scope, ("fields", path, name), spec[name]) for name in ("compute", "when") if name in spec]
    return frozenset().union(*(expression.references for expression in found if expression))


def _field(scope: Scope, path: str, raw: Raw, others: MappingOf[str, model.Field], rows: SourcesInScope) -> model.Field | None:
    where = ("fields", path)
    if not check_origin(scope, where, raw):
        return None
    of_load = "meta" in raw or is_now(raw)
    raw = with_meta(scope, raw) if "meta" in raw else raw
    when = _condition(scope, where, raw, others, rows) if "when" in raw else None
    compute = (
        read_expression(scope, (*where, "compute"), raw["compute"], others, rows.arrays, inside=array_of(path))
        if "compute" in raw
        else None
    )
    if ("compute" in raw and compute is None) or ("when" in raw and when is None):
        return None
    raw = {"type": "uuid", **raw} if "hash" in raw else raw
    if "hash" in raw and raw["type"] != "uuid":
        scope.report((*where, "type"), "type", "the type of a hash is always uuid", "remove type")
    column = partial(rows.column, path)
    kind = type_table[raw.get("type", compute.type if compute and compute.type in type_table else model.DEFAULT_TYPE)]
    if compute:
        _check_storable(scope, (*where, "compute"), compute, kind)
    if "meta" in raw and not kind.any_text and not (kind.numeric and type_table[META[raw["meta"]].type].numeric):
        scope.report((*where, "type"), "type", f"{raw['meta']} is not of type {kind.name}", f"use type: {META[raw['meta']].type}")
    _check_policies(scope, where, raw)
    options = read_options(scope, where, raw, kind, column)
    written = VALUE if "split" in raw else raw.get("column")
    key = is_key(scope.raw, path, raw.get("column", []))
    if key and "order" in kind.options:
        scope.report(where, "not_allowed", "a place cannot identify rows", "name its columns in dedup and id", at_key=True)
    return read(
        model.Field,
        {**scope.raw.get("defaults", {}), **raw},
        path=path,
        type=kind,
        column=column(written) if written is not None else None,
        matching=raw.get("columns"),
        value=read_text(scope, (*where, "value"), raw, kind, options),
        compute=compute,
        hashed=tuple(map(column, raw.get("hash", ()))),
        pair=(column(raw["longitude"]), column(raw["latitude"])) if "longitude" in raw else None,
        meta=raw.get("meta"),
        when=when,
        options=options,
        transforms=read_transforms(scope, where, raw),
        null_values=tuple(raw.get("null_values", rows.null_values(path, _first_column(raw)))),
        value_map=read_value_map(scope, where, raw, kind, options),
        default=read_text(scope, (*where, "default"), raw, kind, options),
        constraints=read_constraints(scope, where, raw, kind),
        required=raw.get("required", path == model.ID),
        identifies_row=key,
        of_load=of_load and not key,
        line=scope.line(where),
    )


def _condition(scope: Scope, where: Place, raw: Raw, others: MappingOf[str, model.Field], rows: SourcesInScope) -> Typed | None:
    """When the field has a value; None where it was reported."""
    found = read_expression(scope, (*where, "when"), raw["when"], others, rows.arrays, inside=array_of(str(where[-1])))
    if found and found.type != "bool":
        scope.report((*where, "when"), "expression", f"a condition must be true or false; this gives {found.type}")
        return None
    return found


def _first_column(raw: Raw) -> Written | None:
    """The column that tells which source's null values count."""
    return next((column for column in (raw.get("column"), raw.get("longitude"), *raw.get("hash", ())) if column), None)


def _check_storable(scope: Scope, where: Place, compute: Typed, kind: Type) -> None:
    try:
        compute.to(kind.name)
    except ExpressionError as error:
        scope.report(where, "expression", error.message, error.hint)


def _check_policies(scope: Scope, where: tuple[str, str], raw: Raw) -> None:
    if not {"column", "columns", "longitude", "hash"} & raw.keys():
        for name in ("transform", "null_values", "default"):
            if name in raw:
                scope.report((*where, name), "no_effect", f"{name} needs a column", f"remove {name}", at_key=True)
    if "value" in raw and "on_error" in raw:
        scope.report((*where, "on_error"), "no_effect", "a constant cannot break its type", "remove on_error", at_key=True)
    if "map" in raw and not {"column", "columns"} & raw.keys():
        scope.report((*where, "map"), "no_effect", "map needs a column", "remove map", at_key=True)
    if raw.get("required") and raw.get("empty") in ("null", "omit") and "when" not in raw:
        scope.report((*where, "empty"), "contradiction", f"a required field cannot have empty: {raw['empty']}", "keep one of them")
    if raw.get("required") and "default" in raw:
        scope.report((*where, "required"), "no_effect", "a field with a default is never empty", "remove required", at_key=True)
    if where[1] == model.ID and "when" in raw:
        scope.report((*where, "when"), "contradiction", "_id is always required", "remove when", at_key=True)
    if where[1] == model.ID and raw.get("required") is False:
        scope.report((*where, "required"), "contradiction", "_id is always required", "remove required")
    if raw.get("was") == where[1]:
        scope.report((*where, "was"), "no_effect", "was names the path that the field has now", "remove was", at_key=True)
