"""`sources`, `arrays`, `lookups` and `group_by`: what other rows and cells a document is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import replace

from engine.errors import suggest
from engine.mapping import model
from engine.mapping.semantics.scope import Place, Raw, Scope
from engine.values.paths import MARK, array_of, arrays_of

ORIGINS = ("source", "rows", "numbered", "columns", "split", "json")
OF_ROWS = ("source", "rows")  # origins that may have `columns` as well
CONSTRAINTS = ("minItems", "maxItems", "uniqueItems")
MOST_SETS = 10_000


def read_arrays(scope: Scope, paths: Iterable[str], sources: Iterable[str]) -> dict[str, model.Array]:
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
            scope.report(("arrays", path), "unknown_path", f"{array_of(path)} is no array", "add it to arrays", at_key=True)
        elif origin := _origin(scope, ("arrays", path), raws[path], set(sources)):
            found[path] = _array(scope, path, raws[path], origin, paths)
    return found


def _may_split(scope: Scope, path: str, spec: Raw, raws: MappingOf[str, Raw]) -> bool:
    where = ("fields", path, "split")
    if not path.endswith(MARK) or "column" not in spec:
        hint = f"{path.removesuffix(MARK)}{MARK}: {{column: …, split: …}}"
        scope.report(where, "no_effect", "split makes an array of values of a column", hint, at_key=True)
    elif array_of(path) in raws:
        scope.report(where, "contradiction", f"{array_of(path)} stands in arrays as well", "keep one of them", at_key=True)
    else:
        return True
    return False


def _check_used(scope: Scope, paths: list[str], raws: MappingOf[str, Raw]) -> None:
    inside = {array for path in paths for array in arrays_of(path)}
    for path in paths:
        for array in arrays_of(path):
            if array not in raws:
                message, hint = f"{array} is no array", suggest(array, raws) or f"say in arrays where its elements come from: {array}: …"
                scope.report(("fields", path), "unknown_path", message, hint, at_key=True)
    for path, raw in raws.items():
        if path.endswith(MARK):
            scope.report(("arrays", path), "path", "an array is named without [] behind it", path.removesuffix(MARK), at_key=True)
        elif path not in inside and raw.get("embed", True):
            scope.report(("arrays", path), "no_effect", f"no field lies in {path}[]", "add one, or remove the array", at_key=True)


def _origin(scope: Scope, where: Place, raw: Raw, sources: set[str]) -> model.Origin | None:
    origins = [name for name in ORIGINS if name in raw]
    if "columns" in origins and origins[0] in OF_ROWS:
        origins.remove("columns")
    if len(origins) != 1:
        found = " and ".join(origins) or "none"
        scope.report(where, "origin", f"an array needs exactly one of {', '.join(ORIGINS)}; found {found}", at_key=True)
        return None
    for name in ("on", "orphans"):
        if name in raw and origins != ["source"]:
            scope.report((*where, name), "no_effect", f"{name} goes with source", f"remove {name}", at_key=True)
    match origins[0]:
        case "source":
            return _wide(scope, where, raw, _child(scope, where, raw, sources))
        case "rows":
            return _wide(scope, where, raw, _group(scope, where))
        case "numbered":
            return _numbered(scope, (*where, "numbered"), raw["numbered"])
        case "columns":
            return _columns(scope, (*where, "columns"), raw["columns"])
        case "split":
            return model.Split(raw["split"]["column"], raw["split"]["separator"])
    return model.Json(raw["json"]["column"], raw["json"].get("syntax", "json"))


def _wide(scope: Scope, where: Place, raw: Raw, child: model.Child | None) -> model.Child | None:
    """With `columns`, the rows are wide."""
    if child and "columns" in raw:
        wide = _columns(scope, (*where, "columns"), raw["columns"])
        return replace(child, wide=wide) if wide else None
    return child


def _child(scope: Scope, where: Place, raw: Raw, sources: set[str]) -> model.Child | None:
    if raw["source"] not in sources:
        message = f"there is no source {raw['source']}"
        scope.report((*where, "source"), "unknown_source", message, suggest(raw["source"], sources) or "add it to sources")
        return None
    if "on" not in raw:
        scope.report(where, "missing_key", "which rows belong together is missing", "add on: {their column: our column}", at_key=True)
        return None
    pairs = raw["on"].items() if isinstance(raw["on"], dict) else ((name, name) for name in raw["on"])
    return model.Child(raw["source"], tuple(pairs), raw.get("orphans", "warn"))


def _group(scope: Scope, where: Place) -> model.Child | None:
    if "group_by" not in scope.raw or MARK in str(where[-1]):
        message = "rows: true is for an array of the document, with group_by"
        scope.report((*where, "rows"), "no_effect", message, "add group_by: [the columns that name a document]", at_key=True)
        return None
    raw = scope.raw["group_by"]
    return model.Child("", tuple((name, name) for name in (raw if isinstance(raw, list) else raw["columns"])), "ignore")


def _numbered(scope: Scope, where: Place, raw: str | list[str]) -> model.Numbered | None:
    """A list of texts, or a range; `01..12` are all as long as the first."""
    if isinstance(raw, list):
        return model.Numbered(tuple(raw))
    first, last = raw.split("..")
    if not 0 <= int(last) - int(first) < MOST_SETS:
        scope.report(where, "range", f"expected a range of 1 to {MOST_SETS:,} numbers, the least first; found {raw}", "1..15")
        return None
    return model.Numbered(tuple(str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)))


def _columns(scope: Scope, where: Place, pattern: str) -> model.Columns | None:
    try:
        re.compile(pattern)
    except re.error as error:
        scope.report(where, "pattern", f"not a regular expression: {error}")
        return None
    return model.Columns(pattern)


def _array(scope: Scope, path: str, raw: Raw, origin: model.Origin, paths: list[str]) -> model.Array:
    where = ("arrays", path)
    if "uniqueItems" in raw and f"{path}{MARK}" not in paths:
        scope.report((*where, "uniqueItems"), "no_effect", "uniqueItems is for arrays of values", "remove it", at_key=True)
    for name in ("empty", *CONSTRAINTS) if not raw.get("embed", True) else ():
        if name in raw:
            hint = f"write a rule over count({path})"
            scope.report((*where, name), "no_effect", f"without embed, {path} is not in the document", hint, at_key=True)
    if raw.get("minItems", 0) > raw.get("maxItems", raw.get("minItems", 0)):
        scope.report((*where, "minItems"), "contradiction", "minItems is above maxItems")
    return model.Array(
        path=path,
        origin=origin,
        sort=tuple((name.removeprefix("-"), name.startswith("-")) for name in raw.get("sort", ())),
        empty=raw.get("empty", "list"),
        constraints={name: raw[name] for name in CONSTRAINTS if name in raw},
        on_error=raw.get("on_error", "reject"),
        embed=raw.get("embed", True),
        line=scope.line(where) or scope.line(("fields", f"{path}{MARK}")),
    )


def read_lookups(scope: Scope, sources: Iterable[str]) -> dict[str, model.Lookup]:
    """The lookups by name."""
    found: dict[str, model.Lookup] = {}
    for name, raw in scope.raw.get("lookups", {}).items():
        where = ("lookups", name)
        if ("source" in raw) == ("json" in raw):
            scope.report(where, "origin", "a lookup needs either source or json", at_key=True)
            continue
        if "json" in raw:
            for key in {"on", "unmatched"} & raw.keys():
                scope.report((*where, key), "no_effect", f"{key} goes with source", f"remove {key}", at_key=True)
            origin: model.Child | model.Json | None = model.Json(raw["json"]["column"], raw["json"].get("syntax", "json"))
        else:
            origin = _child(scope, where, raw, set(sources))
        if origin:
            found[name] = model.Lookup(name, origin, raw.get("unmatched", "reject"), scope.line(where))
    return found
