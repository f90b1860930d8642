"""`sources`, `arrays`, `lookups` and `group_by`: what other rows and cells a document is made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import replace
from functools import partial

from engine.errors import suggest
from engine.mapping import model
from engine.mapping.semantics.columns import Lookups, Written, first_name, lookup_name, resolve
from engine.mapping.semantics.regexes import columns_problem
from engine.mapping.semantics.scope import Place, Raw, Scope
from engine.values.columns import ColumnRef
from engine.values.keys import attribute_keys, read
from engine.values.order import dependency_order
from engine.values.paths import MARK, array_of, arrays_of

ORIGINS = ("source", "rows", "numbered", "columns", "split", "json")
OF_ROWS = ("source", "rows")  # origins that may have `columns` as well
CONSTRAINTS = tuple(stated.name for stated in attribute_keys(model.Array) if stated.attribute == "constraints")
MOST_SETS = 10_000
Resolve = Callable[[Written], ColumnRef]


def read_arrays(scope: Scope, paths: Iterable[str], sources: Iterable[str], lookups: Lookups) -> dict[str, model.Array]:
    """The arrays by path, outer ones first; those of fields with `split` among them."""
    raws: dict[str, Raw] = dict(scope.raw.get("arrays", {}))
    paths = list(paths)
    for path in paths:
        spec = scope.raw["fields"][path]
        if isinstance(spec, dict) and "split" in spec and _may_split(scope, path, spec, raws):
            raws[array_of(path)] = {"split": {"column": spec["column"], "separator": spec["split"]}}
    _check_used(scope, paths, raws)
    found: dict[str, model.Array] = {}
    for path in sorted(raws, key=lambda path: path.count(MARK)):
        if array_of(path) and array_of(path) not in found:
            scope.report(("arrays", path), "unknown_path", f"{array_of(path)} is not an array", "add it to arrays", at_key=True)
        elif origin := _origin(scope, ("arrays", path), raws[path], set(sources), partial(resolve, found, lookups, array_of(path))):
            found[path] = _array(scope, path, raws[path], origin, paths)
    return found


def _may_split(scope: Scope, path: str, spec: Raw, raws: MappingOf[str, Raw]) -> bool:
    where = ("fields", path, "split")
    if not path.endswith(MARK) or "column" not in spec:
        hint = f"{path.removesuffix(MARK)}{MARK}: {{column: …, split: …}}"
        scope.report(where, "no_effect", "split needs a column, and a path that ends in []", hint, at_key=True)
    elif array_of(path) in raws:
        scope.report(where, "contradiction", f"{array_of(path)} is declared in arrays as well", "keep one of them", at_key=True)
    else:
        return True
    return False


def _check_used(scope: Scope, paths: list[str], raws: MappingOf[str, Raw]) -> None:
    inside = {array for path in paths for array in arrays_of(path)}
    for path in paths:
        for array in arrays_of(path):
            if array not in raws:
                message, hint = (
                    f"{array} is not an array",
                    suggest(array, raws) or f"say in arrays where its elements come from: {array}: …",
                )
                scope.report(("fields", path), "unknown_path", message, hint, at_key=True)
    for path, raw in raws.items():
        if path.endswith(MARK):
            scope.report(("arrays", path), "path", "an array is named without [] here", path.removesuffix(MARK), at_key=True)
        elif path not in inside and raw.get("embed", model.Array.embed):
            scope.report(("arrays", path), "no_effect", f"no field is inside {path}[]", "add one, or remove the array", at_key=True)


def _origin(scope: Scope, where: Place, raw: Raw, sources: set[str], outer: Resolve) -> model.Origin | None:
    """What elements are made of; `outer` resolves columns of the surrounding row."""
    origins = [name for name in ORIGINS if name in raw]
    if "columns" in origins and origins[0] in OF_ROWS:
        origins.remove("columns")
    if len(origins) != 1:
        found = " and ".join(origins) or "none"
        scope.report(where, "origin", f"an array needs exactly one of {', '.join(ORIGINS)}; found {found}", at_key=True)
        return None
    for name in ("on", "orphans"):
        if name in raw and origins != ["source"]:
            scope.report((*where, name), "no_effect", f"{name} applies only to arrays with source", f"remove {name}", at_key=True)
    match origins[0]:
        case "source":
            return _wide(scope, where, raw, _child(scope, where, raw, sources, outer))
        case "rows":
            return _wide(scope, where, raw, _group(scope, where, outer))
        case "numbered":
            return _numbered(scope, (*where, "numbered"), raw["numbered"])
        case "columns":
            return _columns(scope, (*where, "columns"), raw["columns"])
        case "split":
            return read(model.Split, raw["split"], column=outer(raw["split"]["column"]))
    return _json(raw["json"], outer)


def _json(raw: Raw, outer: Resolve) -> model.Json:
    return read(model.Json, raw, column=outer(raw["column"]))


def _wide(scope: Scope, where: Place, raw: Raw, child: model.RowsOrigin | None) -> model.RowsOrigin | None:
    """With `columns`, the rows are wide."""
    if child and "columns" in raw:
        wide = _columns(scope, (*where, "columns"), raw["columns"])
        return replace(child, wide=wide) if wide else None
    return child


def _child(scope: Scope, where: Place, raw: Raw, sources: set[str], outer: Resolve) -> model.RowsOrigin | None:
    if raw["source"] not in sources:
        message = f"there is no source {raw['source']}"
        scope.report((*where, "source"), "unknown_source", message, suggest(raw["source"], sources) or "add it to sources")
        return None
    if "on" not in raw:
        scope.report(
            where, "missing_key", "the key on (the columns to match) is missing", "add on: {their column: our column}", at_key=True
        )
        return None
    return read(model.RowsOrigin, raw, on=tuple((name, outer(column)) for name, column in _pairs(raw["on"])))


def _pairs(raw: list[str] | dict[str, str]) -> list[tuple[str, str]]:
    """Columns of the secondary source, each with the one of the row that it must equal; a list names those that are called alike."""
    return [*raw.items()] if isinstance(raw, dict) else [(name, name) for name in raw]


def _group(scope: Scope, where: Place, outer: Resolve) -> model.RowsOrigin | None:
    if "group_by" not in scope.raw or MARK in str(where[-1]):
        message = "rows: true needs group_by, and an array of the document itself"
        scope.report((*where, "rows"), "no_effect", message, "add group_by: [the columns that identify a document]", at_key=True)
        return None
    return model.RowsOrigin("", tuple((name, outer(name)) for name in scope.group_columns), "ignore")


def _numbered(scope: Scope, where: Place, raw: str | list[str]) -> model.Numbered | None:
    """A list of texts, or a range; `01..12` are all as long as the first."""
    if isinstance(raw, list):
        return model.Numbered(tuple(raw))
    first, last = raw.split("..")
    if not 0 <= int(last) - int(first) < MOST_SETS:
        scope.report(
            where, "range", f"expected a range of 1 to {MOST_SETS:,} numbers, the lower one first; found {raw}", "for example 1..15"
        )
        return None
    return model.Numbered(tuple(str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)))


def _columns(scope: Scope, where: Place, pattern: str) -> model.Columns | None:
    if wrong := columns_problem(pattern):
        scope.report(where, "pattern", wrong)
        return None
    return model.Columns(pattern)


def _array(scope: Scope, path: str, raw: Raw, origin: model.Origin, paths: list[str]) -> model.Array:
    where = ("arrays", path)
    array = read(model.Array, raw, path=path, origin=origin, line=scope.line(where) or scope.line(("fields", f"{path}{MARK}")))
    if "uniqueItems" in raw and f"{path}{MARK}" not in paths:
        scope.report((*where, "uniqueItems"), "no_effect", "uniqueItems applies only to arrays of values", "remove it", at_key=True)
    for name in ("empty", *CONSTRAINTS) if not array.embed else ():
        if name in raw:
            hint = f"write a rule over count({path})"
            scope.report((*where, name), "no_effect", f"with embed: false, {path} is not stored in the document", hint, at_key=True)
    if raw.get("minItems", 0) > raw.get("maxItems", raw.get("minItems", 0)):
        scope.report((*where, "minItems"), "contradiction", "minItems is greater than maxItems")
    return array


def read_lookups(scope: Scope, sources: Iterable[str]) -> dict[str, model.Lookup]:
    """The lookups by name, their own columns resolved for rows of the document."""
    raws: dict[str, Raw] = scope.raw.get("lookups", {})
    found: dict[str, model.Lookup] = {}
    ordered, circular = dependency_order({name: _needs(raw, raws) for name, raw in raws.items()})
    for name in circular:
        scope.report(("lookups", name), "cycle", f"found in a circle with {', '.join(circular)}", at_key=True)
    for name in ordered:
        if origin := _lookup_origin(scope, ("lookups", name), raws[name], set(sources), partial(resolve, {}, found, "")):
            found[name] = read(model.Lookup, raws[name], name=name, origin=origin, line=scope.line(("lookups", name)))
    return {name: found[name] for name in raws if name in found}


def _needs(raw: Raw, names: Collection[str]) -> set[str]:
    """The lookups that the columns of a lookup come from."""
    columns = [*([first_name(raw["json"]["column"])] if "json" in raw else []), *(column for _, column in _pairs(raw.get("on", [])))]
    return {name for column in columns if (name := lookup_name(column, names))}


def _lookup_origin(scope: Scope, where: Place, raw: Raw, sources: set[str], outer: Resolve) -> model.RowsOrigin | model.Json | None:
    if ("source" in raw) == ("json" in raw):
        scope.report(where, "origin", "a lookup needs either source or json", at_key=True)
        return None
    if "source" in raw:
        return _child(scope, where, raw, sources, outer)
    for key in {"on", "unmatched"} & raw.keys():
        scope.report((*where, key), "no_effect", f"{key} applies only to lookups with source", f"remove {key}", at_key=True)
    return _json(raw["json"], outer)
