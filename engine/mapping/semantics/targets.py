"""`target` and `validation`: modes and actions that go with the rest of the mapping, and with what the server can do."""

from __future__ import annotations

from engine.mapping import model
from engine.mapping.profiles import PROFILES
from engine.mapping.semantics.scope import Scope
from engine.values.keys import read

SYNC_INSTEAD = "use mode: sync: it ends with the same documents, but readers see them change one after another"


def read_target(scope: Scope, identity: model.IdSource | None) -> model.Target:
    """Where documents go."""
    target = read(model.Target, scope.raw["target"])
    mode, profile = target.mode, PROFILES.get(target.profile or "")
    if mode != "replace" and identity and not identity.hash:
        message = f"with random ObjectIds a second run in mode {mode} would add every row again"
        scope.report(("id",), "random_id", message, "use id: {hash: [the columns that identify a row]}", at_key=True)
    for where, name, only in (("target", "on_match", "upsert"), ("target", "foreign_indexes", "replace"), ("limits", "deletions", "sync")):
        if name in scope.raw.get(where, {}) and mode != only:
            scope.report((where, name), "no_effect", f"{name} applies only to mode {only}", f"remove {name}", at_key=True)
    if profile and not profile.can_rename and mode == "replace":
        message = f"{profile.name} cannot rename a collection, so mode replace cannot publish a load at once"
        scope.report(("target",), "no_rename", message, SYNC_INSTEAD, at_key=True)
    if profile and (missing := profile.option_problem(target.options.as_written)):
        name, wrong = missing
        scope.report(("target", "options", name), "profile", f"{profile.name} {wrong}", "remove it, or change target.profile", at_key=True)
    return target


def check_collation(scope: Scope, mapping: model.Mapping) -> None:
    """Report a collation that would take different `_id`s for one."""
    if mapping.target.options.collates and mapping.text_ids:
        scope.report(
            ("target", "options", "collation"),
            "collated_ids",
            f"a collection with a collation: {model.COLLATED}",
            model.UNCOLLATED,
            at_key=True,
        )


def read_validation(scope: Scope) -> model.Validation:
    """How the server treats documents that break the validator."""
    validation, profile = read(model.Validation, scope.raw.get("validation", {})), PROFILES.get(scope.raw["target"].get("profile", ""))
    if profile and validation.action not in profile.actions:
        message = f"{profile.name} cannot accept invalid documents with a warning"
        scope.report(("validation", "action"), "profile", message, "use action: error, or another target.profile")
    return validation
