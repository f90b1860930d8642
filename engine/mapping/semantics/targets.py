"""`target` and `validation`: modes and actions that go with the rest of the mapping, and with what the server can do."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf

from engine.errors import suggest
from engine.mapping import model
from engine.mapping.profiles import PROFILES
from engine.mapping.semantics.scope import Place, Scope
from engine.values.keys import read
from engine.values.metadata import META
from engine.values.paths import MARK

NOTHING_KEPT = {"replace": "every document is new", "update": "no document is inserted", "delete": "no document is inserted"}
"""Why a mode has no use for values that are written only when a document is inserted."""
MATCHED = "map _id, use id: {hash: [the columns that identify a row]}, or target.key: [the fields that identify a document]"
ONLY_IN = {
    ("target", "on_match"): ("upsert", "update"),
    ("target", "foreign_indexes"): ("replace",),
    ("limits", "deletions"): ("sync", "delete"),
    ("limits", "unmatched"): ("update",),
}
"""Keys that only some modes read."""
SYNC_INSTEAD = "use mode: sync: it ends with the same documents, but readers see them change one after another"


def read_target(scope: Scope, identity: model.IdSource | None, fields: MappingOf[str, model.Field]) -> model.Target:
    """Where documents go."""
    target = read(model.Target, scope.raw["target"])
    mode, profile = target.mode, PROFILES.get(target.profile or "")
    _check_key(scope, target, fields)
    _check_on_insert(scope, target, fields)
    if mode != "replace" and identity and not identity.hash and not target.key_paths:
        message = f"with random ObjectIds a second run in mode {mode} would add every row again"
        message = "random ObjectIds match no live document" if target.amends else message
        hint = "use id: {hash: [the columns that identify a row]}, or target.key: [the fields that identify a document]"
        scope.report(("id",), "random_id", message, hint, at_key=True)
    _check_modes(scope, target, identity)
    if profile and not profile.can_rename and mode == "replace":
        message = f"{profile.name} cannot rename a collection, so mode replace cannot publish a load at once"
        scope.report(("target",), "no_rename", message, SYNC_INSTEAD, at_key=True)
    if profile and (missing := profile.option_problem(target.creation)):
        name, wrong = missing
        place = ("target", name) if name == "timeseries" else ("target", "options", name)
        scope.report(place, "profile", f"{profile.name} {wrong}", "remove it, or change target.profile", at_key=True)
    return target


def check_collation(scope: Scope, mapping: model.Mapping) -> None:
    """Report a collation that would take different `_id`s, or keys, for one."""
    if mapping.target.options.collates and mapping.text_keys:
        message = f"a collection with a collation: {model.COLLATED.format(mapping.text_keys[0])}"
        scope.report(("target", "options", "collation"), "collated_ids", message, model.UNCOLLATED, at_key=True)


def _check_modes(scope: Scope, target: model.Target, identity: model.IdSource | None) -> None:
    """Report keys that have no effect in the mode, and `_id`s of whole rows where rows are changed."""
    if target.mode == "update" and identity and identity.hash == model.ROW_KEY and not target.key_paths:
        message = "in mode update, a changed row has another hash, and matches no live document"
        scope.report(("target", "mode"), "not_allowed", message, MATCHED)
    for (where, name), modes in ONLY_IN.items():
        if name in scope.raw.get(where, {}) and target.mode not in modes:
            message = f"{name} applies only to mode {' and '.join(modes)}"
            scope.report((where, name), "no_effect", message, f"remove {name}", at_key=True)
    if (target.mode, target.on_match) == ("update", "ignore"):
        message = "mode update has nothing to do with on_match: ignore"
        scope.report(("target", "on_match"), "contradiction", message, "use on_match: replace or merge")


def _check_key(scope: Scope, target: model.Target, fields: MappingOf[str, model.Field]) -> None:
    """Report paths that cannot tell documents apart."""
    for number, path in enumerate(target.key_paths):
        where: Place = ("target", "key", number)
        field = fields.get(path)
        if path == model.ID:
            scope.report(where, "not_allowed", "_id is not part of a key", "without target.key, documents are matched by _id")
        elif field is None:
            scope.report(where, "unknown_path", f"there is no field {path}", suggest(path, fields))
        elif MARK in path:
            scope.report(where, "not_allowed", f"{path} has several values in a document", "use a field that has one")
        elif field.type.geojson:
            scope.report(where, "not_allowed", f"{path} is a place, and places cannot tell documents apart", "use another field")
        elif not field.always_written or field.writes_null:
            scope.report(where, "optional_key", f"{path} may be missing in a document", f"add required: true to {path}")


def _check_on_insert(scope: Scope, target: model.Target, fields: MappingOf[str, model.Field]) -> None:
    """Report `on_insert` where there is nothing to keep."""
    for path in (path for path, field in fields.items() if field.on_insert):
        meta = scope.raw["fields"][path].get("meta")
        key, hint = ("meta", "use meta: loaded_at") if meta and META[meta].on_insert else ("on_insert", "remove on_insert")
        where: Place = ("fields", path, key)
        if MARK in path:
            scope.report(where, "not_allowed", f"{path} is part of an array, not of a document", "use it in a field of the document")
        elif path == model.ID or path in target.key_paths:
            scope.report(where, "no_effect", f"{path} is what a document is known by, and never changes", hint, at_key=True)
        elif target.mode in NOTHING_KEPT:
            scope.report(where, "no_effect", f"in mode {target.mode} {NOTHING_KEPT[target.mode]}", hint, at_key=True)


def with_key_index(target: model.Target, indexes: tuple[model.Index, ...], line: int) -> tuple[model.Index, ...]:
    """The indexes, with the unique one that the target's key needs, unless it is among them."""
    if not target.key_paths or any(index.tells_apart(target.key_paths) for index in indexes):
        return indexes
    return (*indexes, model.Index(model.KEY_INDEX, tuple((path, 1) for path in target.key_paths), {"unique": True}, line))


def read_validation(scope: Scope) -> model.Validation:
    """How the server treats documents that break the validator."""
    validation, profile = read(model.Validation, scope.raw.get("validation", {})), PROFILES.get(scope.raw["target"].get("profile", ""))
    if profile and validation.action not in profile.actions:
        message = f"{profile.name} cannot accept invalid documents with a warning"
        scope.report(("validation", "action"), "profile", message, "use action: error, or another target.profile")
    if validation.existing == "keep" and (level := scope.raw["validation"].get("level", "moderate")) != "moderate":
        message = f"existing: keep means level: moderate, and level is {level}"
        scope.report(("validation", "level"), "contradiction", message, "remove level, or remove existing", at_key=True)
    return validation
