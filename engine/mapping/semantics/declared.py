"""`steps`: what a step makes are fields of the document itself."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import suggest
from engine.mapping import model
from engine.mapping.semantics.scope import Raw, Scope
from engine.values.keys import read
from engine.values.paths import MARK

DONE = "a step that has been carried out can be removed"


def read_declared(scope: Scope, name: str, raw: Raw, fields: Mapping[str, model.Field]) -> model.DeclaredStep:
    """One step."""
    where = ("steps", name)
    for number, path in enumerate(raw.get("makes", ())):
        if path not in fields:
            scope.report((*where, "makes", number), "unknown_path", f"there is no field {path}", suggest(path, fields) or DONE)
        elif MARK in path or path == model.ID:
            message, hint = f"{path} is not a field that a step can make", "name fields outside arrays, and not _id"
            scope.report((*where, "makes", number), "not_allowed", message, hint)
    return read(model.DeclaredStep, raw, name=name, line=scope.line(where))
