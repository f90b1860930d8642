"""`indexes`: keys that exist, options that go together, and that the target's profile can build."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from itertools import combinations

from engine.errors import suggest
from engine.mapping import model
from engine.mapping.profiles import PROFILES
from engine.mapping.semantics.index_limits import check_limits
from engine.mapping.semantics.scope import Raw, Scope
from engine.values.keys import read
from engine.values.paths import MARK, arrays_of, dotted


def read_index(scope: Scope, name: str, raw: Raw, fields: MappingOf[str, model.Field]) -> model.Index:
    """One index."""
    where = ("indexes", name)
    known = _indexable(fields)
    for path in raw["keys"]:
        if path.removesuffix(".$**").removesuffix("$**") not in {*known, ""}:
            scope.report((*where, "keys", path), "unknown_path", f"there is no field {path}", suggest(path, known), at_key=True)
    for path in _no_places(raw["keys"], fields):
        hint = "index a field of type point or linestring; in an array, one inside its elements"
        scope.report((*where, "keys", path), "not_allowed", f"2dsphere cannot index {path}", hint, at_key=True)
    if pair := _parallel(list(raw["keys"]), fields):
        message, hint = f"{' and '.join(pair)} are in different arrays", "MongoDB indexes one array at a time; make two indexes"
        scope.report((*where, "keys", pair[1]), "not_allowed", message, hint, at_key=True)
    index = read(model.Index, raw, name=name, line=scope.line(where))
    check_limits(scope, index)
    profile = PROFILES.get(scope.raw["target"].get("profile", ""))
    if profile and (wrong := profile.index_problem(index.keys, index.options)):
        scope.report(where, "profile", f"{profile.name} {wrong}", "change the index, or target.profile", at_key=True)
    key = scope.raw["target"].get("key")
    if name == model.KEY_INDEX and key and not index.tells_apart(key):
        message = f"the index of target.key is called {name}"
        scope.report(where, "contradiction", message, "give this index another name", at_key=True)
    ttl = "expireAfterSeconds" in index.options
    if ttl and (len(raw["keys"]) > 1 or any(path in fields and fields[path].type.bson_type != "date" for path in raw["keys"])):
        scope.report((*where, "expireAfterSeconds"), "no_effect", "a TTL index has one key, a date field", at_key=True)
    if {"sparse", "partialFilterExpression"} <= index.options.keys():
        scope.report((*where, "sparse"), "contradiction", "sparse and partialFilterExpression cannot be combined", at_key=True)
    return index


def _no_places(keys: MappingOf[str, int | str], fields: MappingOf[str, model.Field]) -> list[str]:
    """Keys of 2dsphere that are values of another type, or arrays of places, which MongoDB takes for numbers."""
    places = {dotted(path): field.type.geojson and not path.endswith(MARK) for path, field in fields.items()}
    return [path for path, kind in keys.items() if kind == "2dsphere" and not places.get(path, True)]


def _parallel(keys: list[str], fields: MappingOf[str, model.Field]) -> tuple[str, str] | None:
    """Two keys of which neither is in all arrays of the other."""
    arrays = {dotted(array) for path in fields for array in arrays_of(path)}
    inside = {key: {array for array in arrays if f"{key}.".startswith(f"{array}.")} for key in keys}
    return next(((a, b) for a, b in combinations(keys, 2) if inside[a] - inside[b] and inside[b] - inside[a]), None)


def _indexable(fields: MappingOf[str, model.Field]) -> set[str]:
    """Every path and every document on the way to it, as MongoDB writes them: arrays are not marked."""
    paths = [dotted(path) for path in fields]
    parents = {".".join(path.split(".")[:length]) for path in paths for length in range(1, path.count(".") + 1)}
    return {*paths, *parents, model.ID}
