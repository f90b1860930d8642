"""From a tree that is of the language to a `Mapping`: what JSON Schema cannot say is checked here, and reported at its place.

One module for each part of a mapping; all of them report to the tree and go on, so that everything wrong is said at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from engine.errors import suggest
from engine.mapping import model
from engine.mapping.language import OF_A_COLLECTION
from engine.mapping.profiles import PROFILES
from engine.mapping.semantics.arrays import read_arrays, read_lookups
from engine.mapping.semantics.cases import read_cases
from engine.mapping.semantics.elements import check_elements
from engine.mapping.semantics.fields import Rows, read_fields
from engine.mapping.semantics.indexes import read_index
from engine.mapping.semantics.rows import check_identity, read_dedup, read_identity, read_limit, read_rule
from engine.mapping.semantics.scope import Raw, Scope
from engine.mapping.semantics.source import read_source
from engine.mapping.yamltree import Tree

__all__ = ["build"]
SYNC_INSTEAD = "mode: sync ends with the same documents, but readers see them change one after another"


def build(tree: Tree, text: str) -> tuple[model.Mapping, ...]:
    """The mapping, or one for each of its collections; none when something was reported."""
    sources = _sources(tree)
    found = [mapping for scope in _scopes(tree) if (mapping := _mapping(scope, text, sources))]
    return () if tree.findings else tuple(replace(one, siblings=tuple(other for other in found if other is not one)) for one in found)


def _sources(tree: Tree) -> dict[str, model.Source]:
    """All sources by name; a single one has none."""
    scope, raw = Scope(tree, tree.value), tree.value
    if ("source" in raw) == ("sources" in raw):
        scope.report((), "missing_key", "the mapping needs either source or sources", "add source: {path: …}")
        return {}
    if "source" in raw:
        return {"": read_source(scope, ("source",), raw["source"])}
    return {name: read_source(scope, ("sources", name), spec) for name, spec in raw["sources"].items()}


def _scopes(tree: Tree) -> Iterator[Scope]:
    """The parts of the file that say what one collection is."""
    raw: Raw = tree.value
    target = raw["target"]
    if "collections" not in raw:
        if "fields" not in raw:
            Scope(tree, raw).report((), "missing_key", "the mapping lacks the key fields", "add fields: …")
        elif "collection" not in target:
            Scope(tree, raw).report(("target",), "missing_key", "target lacks the key collection", "add collection: …")
        else:
            yield Scope(tree, raw)
        return
    shared = {name: value for name, value in raw.items() if name != "collections"}
    for name in [name for name in OF_A_COLLECTION if name in shared]:
        Scope(tree, raw).report((name,), "contradiction", f"with collections, {name} is said in each of them", "move it there", at_key=True)
    if "collection" in target:
        Scope(tree, raw).report(("target", "collection"), "contradiction", "collections have their names", "remove it", at_key=True)
    for name, own in raw["collections"].items():
        place = dict.fromkeys(own, ("collections", name))
        yield Scope(tree, {**shared, **own, "target": {**target, "collection": name}}, place)


def _mapping(scope: Scope, text: str, sources: dict[str, model.Source]) -> model.Mapping | None:
    raw = scope.raw
    if (source := _document(scope, sources)) is None:
        return None
    arrays, lookups = read_arrays(scope, raw["fields"], sources), read_lookups(scope, sources)
    fields = read_fields(scope, Rows(source, sources, arrays, lookups))
    rules = tuple(rule for name, spec in raw.get("rules", {}).items() if (rule := read_rule(scope, name, spec, fields, arrays)))
    check_elements(scope, arrays, lookups, fields)
    dedup, identity = read_dedup(scope, fields), read_identity(scope, fields)
    check_identity(scope, dedup, identity, fields)
    _check_profile(scope)
    _check_mode(scope, identity)
    group = raw.get("group_by", [])
    mapping = model.Mapping(
        name=raw["mapping"] if "collections" not in scope.tree.value else f"{raw['mapping']}.{raw['target']['collection']}",
        version=raw.get("version", 1),
        description=raw.get("description", ""),
        source=source,
        target=model.Target(**raw["target"]),
        fields=tuple(fields.values()),
        rules=rules,
        dedup=dedup,
        identity=identity,
        indexes=tuple(read_index(scope, name, spec, fields) for name, spec in raw.get("indexes", {}).items()),
        validation=model.Validation(**raw.get("validation", {})),
        limit=read_limit(raw.get("limits", {}).get("rejects")),
        deletions=read_limit(raw.get("limits", {}).get("deletions", "10%")),
        duplicates=read_limit(raw.get("limits", {}).get("duplicates")),
        private_rejects=raw.get("rejects", {}).get("private", "keep"),
        digest=_digest(raw),
        tests=(),
        file=Path(scope.tree.file),
        text=text,
        arrays=tuple(arrays.values()),
        lookups=tuple(lookups.values()),
        sources=_used(sources, arrays, lookups),
        group_by=tuple(group if isinstance(group, list) else group["columns"]),
        conflicts="warn" if isinstance(group, list) else group.get("conflicts", "warn"),
    )
    refused = raw.get("arrays", {}).keys() - arrays.keys()
    return None if refused else replace(mapping, tests=read_cases(scope, mapping))


def _document(scope: Scope, sources: dict[str, model.Source]) -> model.Source | None:
    """The source whose rows are the documents."""
    if "source" in scope.raw:
        if "document" in scope.raw:
            scope.report(("document",), "no_effect", "there is one source only", "remove document", at_key=True)
        return sources.get("")
    name = scope.raw.get("document", "")
    if name not in sources:
        message = f"there is no source {name}" if name else "which source's rows are the documents is missing"
        scope.report(("document",), "unknown_source", message, suggest(name, sources) or f"document: {next(iter(sources), 'NAME')}")
        return None
    return sources[name]


def _used(sources: dict[str, model.Source], arrays: dict[str, model.Array], lookups: dict[str, model.Lookup]) -> dict[str, model.Source]:
    """The sources that arrays and lookups read."""
    origins: list[model.Origin] = [one.origin for one in arrays.values()]
    origins += [one.origin for one in lookups.values()]
    return {one.source: sources[one.source] for one in origins if isinstance(one, model.Child) and one.source}


def _check_mode(scope: Scope, identity: model.Identity | None) -> None:
    target, mode = scope.raw["target"], scope.raw["target"].get("mode", "replace")
    if mode != "replace" and identity and not identity.hash:
        message = f"with random ObjectIds a second run in mode {mode} would add every row again"
        scope.report(("id",), "random_id", message, "id: {hash: [the columns that name a row]}", at_key=True)
    for where, name, only in (("target", "on_match", "upsert"), ("limits", "deletions", "sync")):
        if name in scope.raw.get(where, {}) and mode != only:
            scope.report((where, name), "no_effect", f"{name} is for mode {only}", f"remove {name}", at_key=True)
    profile = PROFILES.get(target.get("profile", ""))
    if profile and not profile.rename and mode == "replace":
        message = f"{profile.name} cannot rename a collection, so a load could not be made live at once"
        scope.report(("target",), "no_rename", message, SYNC_INSTEAD, at_key=True)


def _check_profile(scope: Scope) -> None:
    profile, validation = PROFILES.get(scope.raw["target"].get("profile", "")), scope.raw.get("validation", {})
    if profile and validation.get("action", "error") not in profile.actions:
        message = f"{profile.name} cannot only warn about documents"
        scope.report(("validation", "action"), "profile", message, "action: error, or another target.profile")


def _digest(raw: Raw) -> str:
    """SHA-256 of the mapping as it is meant, the source's path apart: the file is known by its content."""
    said = raw | {key: _without_path(raw[key]) for key in ("source", "sources") if key in raw}
    return sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _without_path(raw: Raw) -> Raw:
    return {name: _without_path(value) if isinstance(value, dict) else value for name, value in raw.items() if name != "path"}
