"""What a field says of where its value comes from, and what it is to rows: its origin, load metadata, a key."""

from __future__ import annotations

import re

from engine.expressions.constraints import is_query
from engine.mapping import model
from engine.mapping.semantics.scope import Place, Raw, Scope
from engine.values.metadata import META
from engine.values.paths import MARK, dotted
from engine.values.types import type_table

ORIGINS = ("column", "columns", "hash", "value", "compute", "meta")
PAIR = ("longitude", "latitude")
META_COLUMNS = frozenset(row.name for row in META.values() if not row.compute and not row.key)


def check_origin(scope: Scope, where: Place, raw: Raw) -> bool:
    """Whether exactly one origin is said; longitude and latitude are one, and stand together."""
    pair = [name for name in PAIR if name in raw]
    origins = [*(origin for origin in ORIGINS if origin in raw), *([" with ".join(pair)] if pair else [])]
    if len(origins) != 1:
        found, known = " and ".join(origins) or "none", ", ".join([*ORIGINS, " with ".join(PAIR)])
        scope.report(where, "origin", f"a field needs exactly one of {known}; found {found}", at_key=True)
    elif len(pair) == 1:
        missing = next(name for name in PAIR if name not in pair)
        scope.report(where, "origin", f"{pair[0]} needs {missing} beside it", f"{missing}: COLUMN", at_key=True)
    elif raw.get("meta") in META_COLUMNS and MARK in str(where[-1]):
        hint = "hold it in a field of the document"
        scope.report((*where, "meta"), "not_allowed", f"{raw['meta']} is of the document's row, not of an element", hint)
    elif ("columns" in raw) != str(where[-1]).endswith(".*"):
        hint = f"{where[-1]}.*: {{columns: …}}" if "columns" in raw else "columns: REGEX"
        scope.report(where, "not_allowed", "columns and a path that ends in .* go together", hint, at_key=True)
    elif "columns" in raw and (MARK in str(where[-1]) or _members_problem(raw)):
        scope.report(
            where, "not_allowed", _members_problem(raw) or "members by column names are for the document, not for elements", at_key=True
        )
    else:
        return True
    return False


def _members_problem(raw: Raw) -> str:
    """What does not go with members that are known only when the file is: the server cannot be told of each."""
    wrong = [name for name in ("when", "required", "was", "split") if name in raw]
    if wrong:
        return f"{wrong[0]} does not go with columns"
    if any(is_query(name, type_table[raw.get("type", "string")].name) for name in type_table[raw.get("type", "string")].domain):
        return f"type {raw['type']} does not go with columns: MongoDB bounds it by path"
    try:
        re.compile(raw["columns"])
    except re.error as error:
        return f"columns is not a regular expression: {error}"
    return ""


def with_meta(scope: Scope, raw: Raw) -> Raw:
    """The field as it would be without the short form: an expression or a constant, unless a source gives it as a column."""
    row = META[raw["meta"]]
    plain = {"type": row.type, **raw}
    if row.name in META_COLUMNS:
        return plain
    del plain["meta"]
    return plain | ({"compute": row.compute} if row.compute else {"value": scope.raw.get(row.key, 1)})


def is_key(raw: Raw, path: str, column: str | None) -> bool:
    """Whether rows are told apart by the field: it is `_id`, in a key of rows, or the only key of a unique index."""
    on = [raw.get("dedup", {}).get("on"), raw.get("id", {}).get("hash")]
    alone = [list(index["keys"]) for index in raw.get("indexes", {}).values() if index.get("unique")]
    named = {name for names in on if isinstance(names, list) for name in names}
    return path == model.ID or bool(named & {path, column}) or [dotted(path)] in alone
