"""The pipeline that drops the values of removed fields, which the rewriting has left where they were. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from engine.evolution.outcomes import REMOVED, Expr, is_of
from engine.evolution.shaping import Stage
from engine.mapping.model import Field
from engine.values.paths import MARK, dotted

Tree = dict[str, Any]  # the levels around removed fields, by name; the elements of an array are its one level, named by the mark


def trimming(removed: Iterable[Field], fields: Iterable[Field]) -> tuple[Stage, ...]:
    """Stages that drop removed fields, which have their places as paths, and the documents and arrays that this leaves without any field.

    `fields` are those of the new mapping; what has the place of one of them is not dropped.
    """
    kept = list(fields)
    gone = [field.path for field in removed if not any(conflicting(field.path, other.path) for other in kept)]
    trim = _Trim(tuple(field.path for field in kept), tuple(field.path for field in kept if field.always_written))
    emptied = {name: trim.left(name, f"${name}", inner) for name, inner in _tree(gone).items() if inner}
    return ({"$unset": [dotted(place) for place in gone]}, *({"$set": {name: left}} for name, left in emptied.items())) if gone else ()


def conflicting(one: str, other: str) -> bool:
    """Whether a document cannot hold values at both paths."""
    one, other = dotted(one), dotted(other)
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _tree(paths: Iterable[str]) -> Tree:
    tree: Tree = {}
    for path in paths:
        node = tree
        for name in path.removesuffix(MARK).replace(MARK, f".{MARK}").split("."):
            node = node.setdefault(name, {})
    return tree


@dataclass(frozen=True)
class _Trim:
    """`paths` are those of the new mapping's fields; `lasting` those of which every document has a value."""

    paths: tuple[str, ...]
    lasting: tuple[str, ...]

    def left(self, path: str, at: str, inner: Tree) -> Expr:
        """What is left at a place: nothing of a document without fields that may be missing, or of a removed array without any."""
        if MARK in inner:
            return self._array(path, at, inner[MARK])
        made = self._document(path, at, inner)
        if not any(lasting.startswith(f"{path}.") for lasting in self.lasting):
            made = {"$let": {"vars": {"d": made}, "in": {"$cond": [{"$eq": ["$$d", {"$literal": {}}]}, REMOVED, "$$d"]}}}
        return {"$cond": [is_of(at, "object"), made, at]}

    def _document(self, path: str, at: str, inner: Tree) -> Expr:
        made: Expr = at
        for name, further in inner.items():
            if further:
                left = self.left(f"{path}.{name}", f"{at}.{name}", further)
                made = {"$setField": {"field": {"$literal": name}, "input": made, "value": left}}
        return made

    def _array(self, path: str, at: str, inner: Tree) -> Expr:
        element = f"e{path.count(MARK)}"
        each = {"$cond": [is_of(f"$${element}", "object"), self._document(f"{path}{MARK}", f"$${element}", inner), f"$${element}"]}
        made: Expr = {"$map": {"input": at, "as": element, "in": each}} if any(inner.values()) else at
        if not any(known.startswith(f"{path}{MARK}") for known in self.paths):
            nothing = {"$eq": [{"$setDifference": ["$$a", [{"$literal": {}}]]}, []]}
            made = {"$let": {"vars": {"a": made}, "in": {"$cond": [nothing, REMOVED, "$$a"]}}}
        return {"$cond": [{"$isArray": at}, made, at]}
