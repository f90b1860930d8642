"""Hypothesis strategies: mappings with arrays of every origin, two levels deep, and tables whose keys meet, miss and repeat.

Many names of columns and paths are patterns to polars (`*`, `^…$`), and names here.
"""

import json
import random
from typing import Any

from hypothesis import strategies as st
from oracle import text_of

COLUMNS = {
    "root": ["id", "k", "m", "*", "tags", "js", "v1", "v2", "v3", "w1", "w2", "w3", "2001", "2002"],
    "child": ["fk", "ck", "m", "^x$", "^.*$", "tags", "v1", "v2", "v3", "w1", "w2", "w3", "2001", "2002"],
    "grand": ["fk", "^x$", "*", "m"],
    "look": ["key", "*", "next"],
    "more": ["key", "^name$"],
}
WORDS = ["", "NULL", "1", "2", "3", "10", "-4", "2.5", "x", "yy"]
KEYS = ["", "1", "2", "3", "4", "9"]
JSON = [
    "", "NULL", "null", "[]", "{}", "[1, 2.50, 10]", '["x", null, "yy"]', '[{"a": 1, "b": "x"}, {"a": 3, "o": {"c": 2.50}}]', "[", "7",
    '{"p": {"a": 4}, "q": 5, "r": null}', '[{"a": true, "b": [1, 2]}, {"b": {"z": 1.0}}, {}]', '[[1], {"a": "NULL"}]',
]  # fmt: skip


def tables(seed: int) -> dict[str, list[dict[str, str]]]:
    chance = random.Random(seed)

    def cell(column: str) -> str:
        if column in ("k", "fk", "ck", "m", "next"):
            return chance.choice(KEYS)
        if column == "tags":
            return "|".join(chance.choice(WORDS) for _ in range(chance.randrange(4)))
        return chance.choice(JSON) if column == "js" else chance.choice(WORDS)

    sizes = {"root": 8, "child": chance.choice([0, 14]), "grand": chance.choice([0, 14])}
    found = {name: [{column: cell(column) for column in COLUMNS[name]} for _ in range(size)] for name, size in sizes.items()}
    for number, row in enumerate(found["root"], start=1):
        row["id"] = str(number)
    for name in ("look", "more"):
        found[name] = [{**{column: cell(column) for column in COLUMNS[name]}, "key": key} for key in ["", *chance.sample(KEYS[1:], 3)]]
    return found


@st.composite
def fields(draw: st.DrawFn, column: str, kinds: tuple[str, ...] = ("string", "int", "double", "decimal")) -> dict[str, Any]:
    kind = draw(st.sampled_from(kinds))
    found: dict[str, Any] = {"column": column, "type": kind}
    found |= draw(st.sampled_from([{}, {}, {"empty": "null"}, {"required": True}, {"default": "2"}]))
    if kind == "int":
        found |= draw(st.sampled_from([{}, {"minimum": 1}, {"enum": [1, 2, 10]}]))
    if "required" not in found:
        found |= draw(st.sampled_from([{}, {"on_error": "null"}, {"on_error": "null"}]))
    return found


def policies(*, values: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    optional = {
        "empty": st.sampled_from(["list", "omit", "null"]),
        "minItems": st.sampled_from([1, 2]),
        "maxItems": st.sampled_from([2, 3]),
        "on_error": st.sampled_from(["drop", "drop", "reject"]),
    }
    return st.fixed_dictionaries({}, optional=optional | ({"uniqueItems": st.just(True)} if values else {}))


@st.composite
def in_rows(draw: st.DrawFn, prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arrays and fields made of the cells of a row: each origin, or none of them. `prefix` is of the paths."""
    arrays, found = {}, {}
    origin = draw(st.sampled_from(["none", "numbered", "columns", "split", "values"]))
    path = f"{prefix}^{origin}"
    if origin == "numbered":
        arrays[path] = {"numbered": "1..3", **draw(policies())}
        found = {f"{path}[].v$": draw(fields("v{n}")), f"{path}[].w": draw(fields("w{n}")), f"{path}[].n": {"column": "{n}", "type": "int"}}
        found |= {f"{path}[].m": draw(fields("m", ("string",)))} if draw(st.booleans()) else {}
    elif origin == "columns":
        arrays[path] = {"columns": "^20(..)$" if draw(st.booleans()) else "^20..$", **draw(policies())}
        found = {f"{path}[].key": {"column": "{key}", "type": "int"}, f"{path}[].^*$": draw(fields("{value}"))}
    elif origin == "split":
        arrays[path] = {"split": {"column": "tags", "separator": "|"}, **draw(policies())}
        found = {f"{path}[].o.t$": draw(fields("{value}")), f"{path}[].n": {"column": "{n}", "type": "int"}}
        arrays[path] |= {"sort": ["-o.t$"]} if draw(st.booleans()) else {}
    elif origin == "values":
        arrays[path] = {"split": {"column": "tags", "separator": "|"}, **draw(policies(values=True))}
        found = {f"{path}[]": {name: one for name, one in draw(fields("{value}")).items() if name not in ("empty", "required")}}
    return arrays, found


@st.composite
def mappings(draw: st.DrawFn) -> dict[str, Any]:
    """A mapping as YAML holds it, but that expressions are trees."""
    found: dict[str, Any] = {"_id": {"column": "id", "type": "int"}, "^a$": draw(fields("*"))}
    arrays, rules, lookups = {}, {}, {}
    inner, of_inner = draw(in_rows(""))
    arrays |= inner
    found |= of_inner
    if draw(st.booleans()):
        arrays["^js"] = {"json": {"column": "js"}, **draw(policies())}
        found |= {"^js[].a$": draw(fields("a")), "^js[].c": draw(fields("o.c"))}
        found |= {"^js[].k": draw(fields("{key}")), "^js[].*$": draw(fields("{value}"))} if draw(st.booleans()) else {}
    if children := draw(st.booleans()):
        order = draw(st.sampled_from([{}, {}, {"sort": ["^x$"]}, {"sort": ["-^x$", "^.*$"]}, {"sort": ["-n"]}]))
        arrays["lines"] = {"source": "child", "on": {"fk": draw(st.sampled_from(["id", "k"]))}, **order, **draw(policies())}
        found |= {"lines[].^x$": draw(fields("^x$")), "lines[].n": {"column": "{n}", "type": "int"}}
        found |= {"lines[].p.^y$": draw(fields("^.*$"))} if draw(st.booleans()) else {}
        within, of_within = draw(in_rows("lines[]."))
        arrays |= within
        found |= of_within
        if draw(st.booleans()):
            arrays["lines[].subs"] = {"source": "grand", "on": {"fk": "ck"}, **draw(policies())}
            found["lines[].subs[].^x"] = draw(fields("^x$"))
            arrays["lines[].subs"] |= {"sort": ["-^x"]} if draw(st.booleans()) else {}
        if "maxItems" not in arrays["lines"] and draw(st.integers(0, 5)) == 0:
            arrays["lines"] = {name: one for name, one in arrays["lines"].items() if name not in ("empty", "minItems")} | {"embed": False}
    if draw(st.booleans()):
        levels = [("", "m"), *([("lines[].", "m")] if children else []), *([("lines[].subs[].", "m")] if "lines[].subs" in arrays else [])]
        for prefix, ours in draw(st.lists(st.sampled_from(levels), min_size=1, unique=True)):
            lookups["look"] = {"source": "look", "on": {"key": ours}, "unmatched": draw(st.sampled_from(["reject", "null"]))}
            found[f"{prefix}look"] = draw(fields("look.*", ("string",)))
            if draw(st.booleans()):
                lookups["more"] = {"source": "more", "on": {"key": "look.next"}, "unmatched": draw(st.sampled_from(["reject", "null"]))}
                found[f"{prefix}more"] = draw(fields("more.^name$", ("string",)))
    computed(draw, found, arrays, rules)
    return {"document": "root", "fields": found, "arrays": arrays, "lookups": lookups, "rules": rules}


def computed(draw: st.DrawFn, found: dict[str, Any], arrays: dict[str, Any], rules: dict[str, Any]) -> None:
    """Values and rules of elements, and aggregates of them."""
    for path in list(arrays):
        inside = f"{path}[]."
        numbers = [
            name for name, one in found.items() if name.startswith(inside) and "[]" not in name[len(inside) :] and one["type"] == "int"
        ]
        place = path[: path.rindex("[]") + 3] if "[]" in path else ""
        if numbers and draw(st.booleans()):
            one, other = ("path", draw(st.sampled_from(numbers))), ("path", draw(st.sampled_from(numbers)))
            found[f"{inside}sum"] = {"compute": (draw(st.sampled_from("+*")), one, other), "type": "long"}
        if numbers and draw(st.integers(0, 2)) == 0:
            rules[f"r{len(rules)}"] = {"check": ("<=", ("path", numbers[0]), 3), "array": path}
        if draw(st.booleans()):
            found[f"{place}count{len(found)}"] = {"compute": ("count", path), "type": "long"}
        known = [*numbers, *([f"{inside}sum"] if f"{inside}sum" in found else [])]
        for name in draw(st.lists(st.sampled_from(["sum", "mean", "min", "max", "count", "first", "last", "any", "all"]), max_size=2)):
            if not known:
                continue
            value = ("path", draw(st.sampled_from(known)))
            inner = ("<=", value, 2) if name in ("any", "all") else ("+", value, 1) if draw(st.booleans()) else value
            kind = {"mean": "double", "any": "bool", "all": "bool"}.get(name, "long")
            found[f"{place}{name}{len(found)}"] = {"compute": ("of", name, path, inner), "type": kind}
        if draw(st.integers(0, 3)) == 0:
            rules[f"r{len(rules)}"] = {"check": ("<=", ("count", path), 2), "array": path[: path.rindex("[]")] if "[]" in path else ""}
    if "lines[].subs" in arrays and draw(st.booleans()):
        found["nested"] = {"compute": ("of", "sum", "lines", ("count", "lines[].subs")), "type": "long"}


def as_yaml(mapping: dict[str, Any]) -> str:
    """The mapping's file, whose sources are never opened."""
    written = {name: {**one, "compute": text_of(one["compute"])} if "compute" in one else one for name, one in mapping["fields"].items()}
    rules = {name: {"check": text_of(one["check"])} for name, one in mapping["rules"].items()}
    used = {"root", *(one["source"] for part in ("arrays", "lookups") for one in mapping[part].values() if "source" in one)}
    sources = {name: {"path": f"{name}.csv", "null_values": ["", "NULL"], "columns": {"extra": "ignore"}} for name in sorted(used)}
    top = {"mapping": "m", "sources": sources, "document": "root", "target": {"database": "d", "collection": "c"}}
    return json.dumps(
        top
        | {"fields": written}
        | {name: one for name in ("arrays", "lookups") if (one := mapping[name])}
        | ({"rules": rules} if rules else {})
    )
