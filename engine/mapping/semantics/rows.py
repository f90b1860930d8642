"""`dedup`, `id`, `rules` and `limits`: what is said of whole rows and documents."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as MappingOf

from engine.errors import suggest
from engine.mapping import model
from engine.mapping.semantics.fields import read_expression
from engine.mapping.semantics.scope import Place, Raw, Scope
from engine.values.paths import MARK
from engine.values.types import type_table


def read_dedup(scope: Scope, fields: MappingOf[str, model.Field]) -> model.Dedup | None:
    """Which rows are the same, and which of them stays."""
    raw = scope.raw.get("dedup")
    if not raw:
        if "duplicates" in scope.raw.get("limits", {}):
            scope.report(
                ("limits", "duplicates"), "no_effect", "without dedup no row is a duplicate", "add `dedup: {on: row}`", at_key=True
            )
        return None
    keep, by = raw.get("keep", "first"), None
    if isinstance(keep, dict):
        ((keep, by),) = keep.items()
        _check_order(scope, ("dedup", "keep", keep), by, fields)
    near = model.Near(tuple(raw["near"]["except"]), raw["near"].get("action", "report")) if "near" in raw else None
    dedup = model.Dedup(_row_key(scope, ("dedup", "on"), raw["on"]), keep, by, near)
    if near and dedup.looks_ahead and dedup.on != model.ROW_KEY:
        message = f"near-duplicates among rows that are told apart by columns go with keep: first, not {keep}"
        scope.report(("dedup", "near"), "not_allowed", message, "on: row, or keep: first", at_key=True)
    return dedup


def _check_order(scope: Scope, where: Place, path: str, fields: MappingOf[str, model.Field]) -> None:
    ordered = [name for name, one in fields.items() if one.type.ordered and "[]" not in name]
    if path not in fields:
        scope.report(where, "unknown_path", f"no field {path}", suggest(path, ordered))
    elif path not in ordered:
        kinds = ", ".join(row.name for row in type_table.values() if row.ordered)
        scope.report(where, "not_allowed", f"{path} is not of a type with an order of bounded size", f"map it as one of {kinds}")


def read_identity(scope: Scope, fields: MappingOf[str, model.Field]) -> model.Identity | None:
    """Where `_id` comes from; None where a field says it."""
    raw = scope.raw.get("id")
    if model.ID in fields:
        if raw:
            scope.report(("id",), "contradiction", "_id is mapped in fields as well", "keep one of them", at_key=True)
        return None
    if raw and "objectId" in raw:
        return model.Identity(None)
    return model.Identity(_row_key(scope, ("id", "hash"), raw["hash"]) if raw else model.ROW_KEY)


def check_identity(scope: Scope, dedup: model.Dedup | None, identity: model.Identity | None, fields: MappingOf[str, model.Field]) -> None:
    """Report what would give two rows one `_id`, and keys that are not there yet when they are needed."""
    if identity and identity.hash and dedup is None and model.ID not in scope.raw["fields"] and not _grouped(scope, identity.hash):
        what = "rows" if identity.hash == model.ROW_KEY else f"rows with the same {', '.join(identity.hash)}"
        hint = "add `dedup: {on: row}`, or `id: {objectId: random}` to keep them all"
        scope.report(("id",), "same_id", f"{what} that are equal would get the same _id", hint, at_key=True)
    for key, on in (("dedup", dedup and dedup.on), ("id", identity and identity.hash)):
        for name in on if isinstance(on, tuple) else ():
            if MARK in name:
                scope.report((key,), "not_allowed", f"{name} has many values; name fields of the document", at_key=True)
            if name in fields and fields[name].compute:
                scope.report((key,), "not_allowed", f"{name} is computed; name the fields it is computed from", at_key=True)


def _grouped(scope: Scope, on: str | tuple[str, ...]) -> bool:
    """Whether rows are grouped, so that no two documents can agree in `on`."""
    raw = scope.raw.get("group_by", [])
    columns = set(raw if isinstance(raw, list) else raw["columns"])
    return bool(columns) and (on == model.ROW_KEY or columns <= set(on))


def _row_key(scope: Scope, where: Place, raw: str | list[str]) -> str | tuple[str, ...]:
    if isinstance(raw, str) and raw != model.ROW_KEY:
        scope.report(where, "unknown_value", f"{raw} is not row", f"row, or a list: [{raw}]")
    return raw if isinstance(raw, str) else tuple(raw)


def read_rule(scope: Scope, name: str, raw: Raw, fields: MappingOf[str, model.Field], arrays: Iterable[str]) -> model.Rule | None:
    """A check over several fields; None where it was reported."""
    where = ("rules", name)
    check = read_expression(scope, (*where, "check"), raw["check"], fields, arrays)
    if check and check.type != "bool":
        scope.report((*where, "check"), "expression", f"a check must be true or false; this gives {check.type}")
    if not check:
        return None
    return model.Rule(name, check, raw["check"], raw.get("on_fail", "reject"), raw.get("description", ""), scope.line(where))


def read_limit(raw: str | int | None) -> model.Limit:
    """A count, or a share such as 0.5%."""
    if isinstance(raw, str):
        return model.Limit(share=float(raw.removesuffix("%")) / 100)
    return model.Limit(count=raw)
