"""`dedup`, `id` and `rules`: the keys about whole rows and documents."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as MappingOf

from engine.errors import suggest
from engine.mapping import model
from engine.mapping.semantics.fields import read_expression
from engine.mapping.semantics.scope import Place, Raw, Scope
from engine.values.keys import read
from engine.values.paths import MARK
from engine.values.types import type_table


def read_dedup(scope: Scope, fields: MappingOf[str, model.Field]) -> model.Dedup | None:
    """Which rows are duplicates, and which of them is kept."""
    raw = scope.raw.get("dedup")
    if not raw:
        if "duplicates" in scope.raw.get("limits", {}):
            scope.report(
                ("limits", "duplicates"), "no_effect", "without dedup, rows cannot be duplicates", "add `dedup: {on: row}`", at_key=True
            )
        return None
    ordered = {}
    if isinstance(raw.get("keep"), dict):
        ((keep, by),) = raw["keep"].items()
        _check_order(scope, ("dedup", "keep", keep), by, fields)
        ordered = {"keep": keep, "by": by}
    dedup = read(model.Dedup, raw, on=_row_key(scope, ("dedup", "on"), raw["on"]), **ordered)
    if dedup.near and dedup.reads_twice and dedup.on != model.ROW_KEY:
        message = f"with on: [COLUMNS], near-duplicates need keep: first, not {dedup.keep}"
        scope.report(("dedup", "near"), "not_allowed", message, "use on: row, or keep: first", at_key=True)
    return dedup


def _check_order(scope: Scope, where: Place, path: str, fields: MappingOf[str, model.Field]) -> None:
    ordered = [name for name, field in fields.items() if field.type.ordered and "[]" not in name]
    if path not in fields:
        scope.report(where, "unknown_path", f"there is no field {path}", suggest(path, ordered))
    elif path not in ordered:
        kinds = ", ".join(row.name for row in type_table.values() if row.ordered)
        scope.report(where, "not_allowed", f"rows cannot be compared by {path}, because of its type", f"map it as one of {kinds}")


def read_identity(scope: Scope, fields: MappingOf[str, model.Field]) -> model.IdSource | None:
    """Where `_id` comes from; None where a field gives it."""
    raw = scope.raw.get("id")
    if model.ID in fields:
        if raw:
            scope.report(("id",), "contradiction", "_id is mapped in fields as well", "keep one of them", at_key=True)
        return None
    if raw and "objectId" in raw:
        return model.IdSource(None)
    return model.IdSource(_row_key(scope, ("id", "hash"), raw["hash"]) if raw else model.ROW_KEY)


def check_identity(scope: Scope, dedup: model.Dedup | None, identity: model.IdSource | None, fields: MappingOf[str, model.Field]) -> None:
    """Report what would give two rows the same `_id`, and keys that do not exist yet when they are needed."""
    given = model.ID in scope.raw["fields"] or "key" in scope.raw["target"]  # by a key, the second of two rows is known without an `_id`
    if identity and identity.hash and dedup is None and not given and not _grouped(scope, identity.hash):
        what = "identical rows" if identity.hash == model.ROW_KEY else f"rows with the same {', '.join(identity.hash)}"
        hint = "add `dedup: {on: row}`, or `id: {objectId: random}` to keep them all"
        scope.report(("id",), "same_id", f"{what} would get the same _id", hint, at_key=True)
    for key, on in (("dedup", dedup and dedup.on), ("id", identity and identity.hash)):
        for name in on if isinstance(on, tuple) else ():
            if MARK in name:
                scope.report((key,), "not_allowed", f"{name} has several values; use fields of the document instead", at_key=True)
            if name in fields and fields[name].compute:
                scope.report((key,), "not_allowed", f"{name} is computed; use the fields that it is computed from", at_key=True)


def _grouped(scope: Scope, on: str | tuple[str, ...]) -> bool:
    """Whether rows are grouped, so that no two documents can agree in `on`."""
    columns = set(scope.group_columns)
    return bool(columns) and (on == model.ROW_KEY or columns <= set(on))


def _row_key(scope: Scope, where: Place, raw: str | list[str]) -> str | tuple[str, ...]:
    if isinstance(raw, str) and raw != model.ROW_KEY:
        scope.report(where, "unknown_value", f"expected row or a list, found {raw}", f"write row, or a list: [{raw}]")
    return raw if isinstance(raw, str) else tuple(raw)


def read_rule(scope: Scope, name: str, raw: Raw, fields: MappingOf[str, model.Field], arrays: Iterable[str]) -> model.Rule | None:
    """A check over several fields; None where it was reported."""
    where = ("rules", name)
    check = read_expression(scope, (*where, "check"), raw["check"], fields, arrays)
    if check and check.type != "bool":
        scope.report((*where, "check"), "expression", f"a check must be true or false; this gives {check.type}")
    return read(model.Rule, raw, name=name, check=check, line=scope.line(where)) if check else None
