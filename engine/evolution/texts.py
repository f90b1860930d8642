"""Transforms that a field has beyond those of a stored one: what they make of the stored text on the server. Pure.

Only transforms that both do alike are rows here, and that leave an empty text empty: the stored text is there only where a cell was none
of the null values before and after its own transforms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.expressions import FUNCTIONS, Unsupported
from engine.expressions.patterns import PatternError, read_pattern
from engine.mapping.model import Field

Expr = Any


def _function(name: str, *arguments: str) -> Callable[..., Expr]:
    """A function of the expression language of the same name and meaning."""
    form = FUNCTIONS[name].overloads[0].mongo
    assert not isinstance(form, Unsupported)
    return lambda text, given: form(text, *({"$literal": given[argument]} for argument in arguments))


def _extract(text: Expr, given: Mapping[str, str]) -> Expr | None:
    """The first group, where the pattern is written alike for Rust and PCRE."""
    try:
        pattern = read_pattern(given["pattern"])
    except PatternError:
        return None
    spelled = pattern.engine.replace("(?:", "(").replace("\\z", "$")
    if isinstance(pattern.mongo, Unsupported) or pattern.heavy or spelled != given["pattern"]:
        return None
    found = {"$regexFind": {"input": text, "regex": pattern.mongo.replace("(?:", "(")}}
    return {"$let": {"vars": {"found": found}, "in": {"$arrayElemAt": ["$$found.captures", 0]}}}


ON_THE_SERVER: dict[str, Callable[[Expr, Mapping[str, str]], Expr | None]] = {
    "strip": _function("strip"),
    "squish": _function("squish"),
    "replace": _function("replace", "find", "by"),
    "extract": _extract,
}


REPEATABLE = frozenset({"strip", "squish"})  # a second time, they change nothing


def further(before: Field, after: Field) -> bool:
    """Whether `after` reads the same cells, with further transforms."""
    length = len(before.transforms)
    return before.column is not None and length < len(after.transforms) and after.transforms[:length] == before.transforms


def repeatable(before: Field, after: Field) -> bool:
    """Whether the further transforms may be done to a text that has had them."""
    return not further(before, after) or {name for name, _ in after.transforms[len(before.transforms) :]} <= REPEATABLE


def transformed(before: Field, after: Field, stored: Expr) -> Expr | None:
    """What the further transforms make of the stored text, null where that is none; None where the server cannot do it."""
    plain = all(field.type.name == "string" and field.default is None and set(field.null_values) <= {""} for field in (before, after))
    if not plain or before.null_values != after.null_values:
        return None
    steps = after.transforms[len(before.transforms) :]
    if any(name not in ON_THE_SERVER or ON_THE_SERVER[name]("$$text", given) is None for name, given in steps):
        return None
    value = stored
    for name, given in steps:
        made = ON_THE_SERVER[name]("$$text", given)
        value = {"$let": {"vars": {"text": value}, "in": {"$cond": [{"$eq": [{"$type": "$$text"}, "string"]}, made, None]}}}
    if after.null_values:
        value = {"$let": {"vars": {"text": value}, "in": {"$cond": [{"$eq": ["$$text", ""]}, None, "$$text"]}}}
    return value
