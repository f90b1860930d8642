"""Where a field's value comes from, and whether it identifies rows: its origin, load metadata, keys."""

from __future__ import annotations

from engine.expressions.constraints import is_query
from engine.mapping import model
from engine.mapping.semantics.columns import Written
from engine.mapping.semantics.regexes import columns_problem
from engine.mapping.semantics.scope import Place, Raw, Scope
from engine.values.metadata import META
from engine.values.paths import MARK, dotted
from engine.values.types import type_table

ORIGINS = ("column", "columns", "hash", "value", "compute", "meta")
PAIR = ("longitude", "latitude")
META_COLUMNS = frozenset(row.name for row in META.values() if not row.compute and not row.key)


def check_origin(scope: Scope, where: Place, raw: Raw) -> bool:
    """Whether exactly one origin is given; longitude and latitude are one, and need each other."""
    pair = [name for name in PAIR if name in raw]
    origins = [*(origin for origin in ORIGINS if origin in raw), *([" with ".join(pair)] if pair else [])]
    if len(origins) != 1:
        found, known = " and ".join(origins) or "none", ", ".join([*ORIGINS, " with ".join(PAIR)])
        scope.report(where, "origin", f"a field needs exactly one of {known}; found {found}", at_key=True)
    elif len(pair) == 1:
        missing = next(name for name in PAIR if name not in pair)
        scope.report(where, "origin", f"{pair[0]} also needs {missing}", f"add {missing}: COLUMN", at_key=True)
    elif raw.get("meta") in META_COLUMNS and MARK in str(where[-1]):
        hint = "use it in a field of the document"
        scope.report((*where, "meta"), "not_allowed", f"{raw['meta']} belongs to the document's row, not to an element", hint)
    elif ("columns" in raw) != str(where[-1]).endswith(".*"):
        hint = f"{where[-1]}.*: {{columns: …}}" if "columns" in raw else "columns: REGEX"
        scope.report(where, "not_allowed", "columns needs a path that ends in .*, and such a path needs columns", hint, at_key=True)
    elif "columns" in raw and (MARK in str(where[-1]) or _members_problem(raw)):
        scope.report(where, "not_allowed", _members_problem(raw) or "a path that ends in .* cannot be inside an array", at_key=True)
    else:
        return True
    return False


def _members_problem(raw: Raw) -> str:
    """What members that are known only from the file's header cannot have: the validator cannot name them."""
    wrong = [name for name in ("when", "required", "was", "split", "on_insert") if name in raw]
    if wrong:
        return f"{wrong[0]} cannot be combined with columns"
    kind = type_table[raw.get("type", model.DEFAULT_TYPE)]
    if any(is_query(name, kind.name) for name in kind.bson_range):
        return f"type {kind.name} cannot be combined with columns: MongoDB needs the path to limit its range"
    problem = columns_problem(raw["columns"])
    return f"columns is {problem}" if problem else ""


def with_meta(scope: Scope, raw: Raw) -> Raw:
    """The field without the short form: an expression or a constant, unless a source gives it as a column."""
    row = META[raw["meta"]]
    plain = {"type": row.type, **raw}
    if row.name in META_COLUMNS:
        return plain
    del plain["meta"]
    plain |= {"on_insert": True} if row.on_insert else {}
    return plain | ({"compute": row.compute} if row.compute else {"value": scope.raw.get(row.key, model.Mapping.version)})


def is_now(raw: Raw) -> bool:
    """Whether the field is the run's time and nothing else, written as an expression."""
    return "".join(str(raw.get("compute")).split()) == META["loaded_at"].compute


def is_key(raw: Raw, path: str, column: Written) -> bool:
    """Whether the field identifies rows: it is `_id`, in a key of rows or documents, or the only key of a unique index."""
    on = [raw.get("dedup", {}).get("on"), raw.get("id", {}).get("hash"), raw["target"].get("key")]
    alone = [list(index["keys"]) for index in raw.get("indexes", {}).values() if index.get("unique")]
    named = {name for names in on if isinstance(names, list) for name in names}
    return path == model.ID or bool(named & {path, *([column] if isinstance(column, str) else column)}) or [dotted(path)] in alone
