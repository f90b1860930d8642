"""MongoDB expressions that make documents, elements and values in their place, and leave what is not as expected as it is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.evolution.outcomes import REMOVED, Expr, KeptElements, is_of, missing
from engine.mapping.model import ID, Field
from engine.values.paths import MARK

Stage = dict[str, Any]
ROOT = "$$ROOT"
EMPTY: Expr = {"$literal": {}}
NONE: Mapping[str, Expr] = {"list": [], "null": None}
"""The value of an array without elements, by its `empty`, where it is not left out."""


class Level(dict[str, Any]):
    """A nested document, or the document that an element is: what each name holds, where a plain dict is an expression.

    `instead_of`: BSON types of the old values in whose place it comes.
    """

    instead_of: tuple[str, ...] = ()

    def put(self, path: str, make: Callable[[], Expr]) -> None:
        """Put an expression at a path, unless there is something already, which needs the place."""
        *parents, last = path.split(".")
        node: Any = self
        for parent in parents:
            node = node.setdefault(parent, Level())
            if not isinstance(node, Level):
                return
        if last not in node:
            node[last] = make()

    def document(self, at: str, *, element: bool = False) -> Expr:
        """The document with these names in this order, and then what else is at the variable `at`; what is no document stays.

        A nested document that is left without any field is left out.
        """
        names = _expressions(self, "$" if at == ROOT else f"{at}.")
        whole = {"$mergeObjects": [names, self._rest(at, names)]}
        if at == ROOT:
            return whole
        if element:
            return {"$cond": [is_of(at, "object"), whole, at]}
        emptied = {"$and": [{"$eq": ["$$d", EMPTY]}, {"$ne": [at, EMPTY]}]}
        filled = {"$cond": [emptied, REMOVED, "$$d"]}
        return {"$cond": [is_of(at, "object", "missing", *self.instead_of), {"$let": {"vars": {"d": whole}, "in": filled}}, at]}

    def _rest(self, at: str, names: Iterable[str]) -> Expr:
        """The fields with other names."""
        unknown = {"$not": [{"$in": ["$$this.k", {"$literal": list(names)}]}]}
        known = {"$cond": [is_of(at, "object"), at, None]} if self.instead_of else at
        return {"$arrayToObject": {"$filter": {"input": {"$objectToArray": known}, "cond": unknown}}}

    def setting(self, names: Iterable[str]) -> Stage:
        """The stage that sets only these outermost names."""
        return {"$set": _expressions({name: self[name] for name in names}, "$")}


def _expressions(names: Mapping[str, Any], below: str) -> dict[str, Expr]:
    return {name: inner.document(f"{below}{name}") if isinstance(inner, Level) else inner for name, inner in names.items()}


def in_order(tree: Level) -> Stage:
    """The stage that makes the whole document; its `_id` comes first."""
    return {"$replaceWith": Level({ID: f"${ID}"} | tree).document(ROOT)}


def written(value: Expr, field: Field) -> Expr:
    """Null for a missing value, or nothing for a null, as the field says."""
    return {"$ifNull": [value, None if field.writes_null else REMOVED]}


def elements(path: str, kept: KeptElements, found: str, element: Expr) -> Expr:
    """The elements of an array, each made anew; what is no array stays."""
    name = f"e{path.count(MARK)}"
    chosen: Expr = found if kept.kept is None else {"$filter": {"input": found, "as": name, "cond": kept.kept}}
    made = {"$map": {"input": chosen, "as": name, "in": element}}
    if kept.same:
        return {"$cond": [{"$isArray": found}, made, found]}
    none = NONE.get(kept.after, REMOVED)
    some = {"$let": {"vars": {"all": made}, "in": {"$cond": [{"$eq": ["$$all", []]}, none, "$$all"]}}}
    absent = {"$cond": [{"$lte": [found, None]}, none, found]} if kept.before != kept.after else found
    return {"$cond": [{"$isArray": found}, some, absent]}


# setting a value in its place


def setting(path: str, expr: Expr) -> Stage:
    """The stage that sets a value where it is missing; inside an array, in each element."""
    name, rest = _split(path)
    return {"$set": {name: _set(f"${name}", rest, expr, path)}}


def _set(at: str, rest: str, expr: Expr, path: str) -> Expr:
    """What is at a place, with the value set that is at the `rest` of the path: empty, `.name` and more, or `[]` and more."""
    if not rest:
        return {"$cond": [missing(at), expr, at]}
    if not rest.startswith(MARK):
        return _inside(at, rest.removeprefix("."), expr, path, is_of(at, "object", "missing"))
    element = f"e{path[: len(path) - len(rest)].count(MARK)}"
    inside = _inside(f"$${element}", rest[len(MARK) :].removeprefix("."), expr, path, is_of(f"$${element}", "object"))
    return {"$cond": [{"$isArray": at}, {"$map": {"input": at, "as": element, "in": inside}}, at]}


def _inside(at: str, rest: str, expr: Expr, path: str, fits: Expr) -> Expr:
    name, further = _split(rest)
    merged = {"$mergeObjects": [at, {name: _set(f"{at}.{name}", further, expr, path)}]}
    filled = {"$let": {"vars": {"d": merged}, "in": {"$cond": [{"$eq": ["$$d", EMPTY]}, at, "$$d"]}}}  # nothing is made around nothing
    return {"$cond": [fits, filled, at]}


def _split(path: str) -> tuple[str, str]:
    """The first name, and what follows with its point or mark."""
    end = min((place for place in (path.find("."), path.find(MARK)) if place >= 0), default=len(path))
    return path[:end], path[end:]
