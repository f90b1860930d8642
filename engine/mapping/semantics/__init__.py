"""From a tree that fits the JSON Schema to a `Mapping`: what JSON Schema cannot express is checked here and reported at its place.

One module for each part of a mapping; all of them report to the tree and go on, so that all problems are reported at once.
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
from engine.mapping.names import with_one_name
from engine.mapping.semantics.arrays import read_arrays, read_lookups
from engine.mapping.semantics.cases import read_cases
from engine.mapping.semantics.declared import read_declared
from engine.mapping.semantics.elements import check_elements
from engine.mapping.semantics.fields import SourcesInScope, read_fields
from engine.mapping.semantics.increments import check_increments
from engine.mapping.semantics.index_limits import check_together
from engine.mapping.semantics.indexes import read_index
from engine.mapping.semantics.names import check_names
from engine.mapping.semantics.rows import check_identity, read_dedup, read_identity, read_rule
from engine.mapping.semantics.scope import Raw, Scope
from engine.mapping.semantics.source import read_source
from engine.mapping.semantics.targets import check_collation, read_target, read_validation, with_key_index
from engine.mapping.semantics.timeseries import check_timeseries
from engine.mapping.yamltree import YamlDocument
from engine.values.keys import read

__all__ = ["build"]


def build(tree: YamlDocument, text: str) -> tuple[model.Mapping, ...]:
    """The mapping, or one for each of its collections; none when something was reported."""
    sources = _sources(tree)
    built = [mapping for scope in _scopes(tree) if (mapping := _mapping(scope, text, sources))]
    if tree.findings:
        return ()
    return tuple(replace(mapping, siblings=tuple(other for other in built if other is not mapping)) for mapping in built)


def _sources(tree: YamlDocument) -> dict[str, model.Source]:
    """All sources by name; a single source has the empty name."""
    scope, raw = Scope(tree, tree.value), tree.value
    if "source" in raw and "sources" in raw:
        scope.report(("source",), "contradiction", "source and sources are both given", "keep one of them", at_key=True)
        return {}
    if "source" not in raw and "sources" not in raw:
        scope.report((), "missing_key", "the mapping needs either source or sources", "add source: {path: …}")
        return {}
    if "source" in raw:
        return {"": read_source(scope, ("source",), raw["source"])}
    return {name: read_source(scope, ("sources", name), spec) for name, spec in raw["sources"].items()}


def _scopes(tree: YamlDocument) -> Iterator[Scope]:
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
        Scope(tree, raw).report((name,), "contradiction", f"with collections, {name} belongs in each one", "move it there", at_key=True)
    if "was" in target:
        Scope(tree, raw).report(("target", "was"), "contradiction", "with collections, no one of them is meant", "remove it", at_key=True)
    if "collection" in target:
        Scope(tree, raw).report(("target", "collection"), "contradiction", "collections are named by their keys", "remove it", at_key=True)
    for name, own in raw["collections"].items():
        place = dict.fromkeys(own, ("collections", name))
        yield Scope(tree, {**shared, **own, "target": {**target, "collection": name}}, place)


def _mapping(scope: Scope, text: str, sources: dict[str, model.Source]) -> model.Mapping | None:
    raw = scope.raw
    if (source := _document(scope, sources)) is None:
        return None
    lookups = read_lookups(scope, sources)
    arrays = read_arrays(scope, raw["fields"], sources, lookups)
    fields = read_fields(scope, SourcesInScope(source, sources, arrays, lookups))
    rules = tuple(rule for name, spec in raw.get("rules", {}).items() if (rule := read_rule(scope, name, spec, fields, arrays)))
    check_elements(scope, arrays, fields)
    dedup, identity = read_dedup(scope, fields), read_identity(scope, fields)
    check_identity(scope, dedup, identity, fields)
    target = read_target(scope, identity, fields)
    indexes = tuple(read_index(scope, name, spec, fields) for name, spec in raw.get("indexes", {}).items())
    check_together(scope, indexes)
    check_increments(scope, target, arrays, fields)
    mapping = read(
        model.Mapping,
        {**raw, "group_by": {"columns": raw["group_by"]}} if isinstance(raw.get("group_by"), list) else raw,
        name=raw["mapping"] if "collections" not in scope.tree.value else f"{raw['mapping']}.{raw['target']['collection']}",
        source=source,
        target=target,
        fields=tuple(fields.values()),
        rules=rules,
        dedup=dedup,
        identity=identity,
        indexes=with_key_index(target, indexes, scope.line(("target", "key"))),
        validation=read_validation(scope),
        digest=_digest(raw),
        steps=tuple(read_declared(scope, name, spec, fields) for name, spec in raw.get("steps", {}).items()),
        tests=(),
        file=Path(scope.tree.file),
        text=text,
        arrays=tuple(arrays.values()),
        lookups=tuple(lookups.values()),
        sources=_used(sources, arrays, lookups),
    )
    check_names(scope, mapping)
    mapping = with_one_name(mapping)
    check_collation(scope, mapping)
    check_timeseries(scope, mapping)
    refused = raw.get("arrays", {}).keys() - arrays.keys()
    return None if refused else replace(mapping, tests=read_cases(scope, mapping))


def _document(scope: Scope, sources: dict[str, model.Source]) -> model.Source | None:
    """The source whose rows are the documents."""
    if "source" in scope.raw:
        if "document" in scope.raw:
            scope.report(("document",), "no_effect", "there is only one source", "remove document", at_key=True)
        return sources.get("")
    name = scope.raw.get("document", "")
    if name not in sources:
        message = f"there is no source {name}" if name else "the mapping does not name the source whose rows become the documents"
        scope.report(("document",), "unknown_source", message, suggest(name, sources) or f"add document: {next(iter(sources), 'NAME')}")
        return None
    return sources[name]


def _used(sources: dict[str, model.Source], arrays: dict[str, model.Array], lookups: dict[str, model.Lookup]) -> dict[str, model.Source]:
    """The sources that arrays and lookups read."""
    origins: list[model.Origin] = [array.origin for array in arrays.values()]
    origins += [lookup.origin for lookup in lookups.values()]
    return {origin.source: sources[origin.source] for origin in origins if isinstance(origin, model.RowsOrigin) and origin.source}


def _digest(raw: Raw) -> str:
    """SHA-256 of the parsed mapping without the source's path: a source file is identified by its content."""
    content = raw | {key: _without_path(raw[key]) for key in ("source", "sources") if key in raw}
    return sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _without_path(raw: Raw) -> Raw:
    return {name: _without_path(value) if isinstance(value, dict) else value for name, value in raw.items() if name != "path"}
