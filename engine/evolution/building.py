"""The pipeline that builds a document of the new mapping whole, in its order, of values and elements that are known. Pure.

An array of which nothing differs is taken as it is; another is made with `$map`, its elements in the order of the new mapping's fields.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.documents.validators import stored_fields
from engine.evolution.outcomes import Elements, Expr, Value
from engine.evolution.values import root
from engine.expressions.tree import elements, variable
from engine.mapping.model import ID, Field
from engine.mapping.model import Mapping as Model
from engine.values.paths import MARK, array_of, arrays_of

Stage = dict[str, Any]
NONE: Mapping[str, Expr] = {"list": [], "null": None}
"""What no element becomes, where the array is not left out."""


class _Node(dict[str, Any]):
    """A nested document, or the document that an element is, where a plain dict is an expression."""


@dataclass(frozen=True)
class Build:
    """`every` are the fields that the document shall have, in order; `known` and `made` what they and their arrays are made of.

    Fields of an array that is not in `made` are carried along with it.
    """

    every: tuple[Field, ...]
    old: Model
    known: Mapping[str, Value]
    made: Mapping[str, Elements]

    @property
    def same(self) -> bool:
        """Whether the documents are those of the old mapping."""
        unmoved = all(self.known[one.path].stays and self.known[one.path].origin == one.path for one in self.every)
        whole = all(one.same and one.origin == path for path, one in self.made.items())
        return unmoved and whole and _shape(stored_fields(self.old)) == _shape(self.every)

    def stages(self) -> tuple[Stage, ...]:
        """What makes all values of the old document, then what is computed from them, and then builds the document of both."""
        late = [one for one in self.every if self.known[one.path].late]
        first = self._document([one for one in self.every if one not in late], self._early, self.made, self._whole)
        if not late:
            return (first,)
        again = {path: Elements(path, one.after, one.after) for path, one in self.made.items()}
        remade = {array for one in late for array in arrays_of(one.path)}
        last = self._document(self.every, self._final, again, lambda array: None if array in remade else array)
        return (first, *({"$set": setting(one.path, self._computed(one))} for one in _in_order(late)), last)

    def _computed(self, one: Field) -> Expr:
        """Its expression, where what it reads is of its type: a value that did not convert stays as it was, nothing to compute with."""
        types = {read.path: read.type.bson_type for read in self.every if read.path in one.reads}
        remade = [path for path in types if not (self.known[path].stays or self.known[path].late)]
        fits = [{"$in": [{"$type": variable(path)}, [types[path], "null", "missing"]]} for path in sorted(remade)]
        return {"$cond": [{"$and": fits}, self.known[one.path].expr, None]} if fits else self.known[one.path].expr

    def _early(self, one: Field) -> Expr:
        return _written(self.known[one.path], one)

    def _final(self, one: Field) -> Expr:
        return _written(Value(variable(one.path)), one) if self.known[one.path].late else variable(one.path)

    @cached_property
    def _alike(self) -> dict[str, str]:
        """New array → old array, of those that are the same inside."""
        return {path: one.origin for path, one in self.made.items() if self._is_alike(path, one.origin)} | {
            root(one.path): root(one.path) for one in self.every if MARK in one.path and root(one.path) not in self.made
        }

    def _is_alike(self, path: str, origin: str) -> bool:
        inside = [one for one in self.every if one.path.startswith(f"{path}{MARK}")]
        before = [one for one in stored_fields(self.old) if one.path.startswith(f"{origin}{MARK}")]
        unmoved = all(self.known[one.path].stays and self.known[one.path].origin == origin + one.path[len(path) :] for one in inside)
        arrays = [one for name, one in self.made.items() if f"{name}{MARK}".startswith(f"{path}{MARK}")]
        return unmoved and all(one.same for one in arrays) and _shape(before, len(origin)) == _shape(inside, len(path))

    def _whole(self, array: str) -> str | None:
        return self._alike.get(array)

    def _document(
        self, every: Iterable[Field], value: Callable[[Field], Expr], made: Mapping[str, Elements], whole: Callable[[str], str | None]
    ) -> Stage:
        """`whole` says which array an array is, as it is."""
        leaves: dict[str, Expr] = {}
        for one in every:
            around = [(array, origin) for array in arrays_of(one.path) if (origin := whole(array))]
            leaves |= {around[-1][0]: variable(around[-1][1])} if around else {one.path: value(one)}
        return _replacing(leaves, _always(self.every), made)


def trimming(new: Model) -> tuple[Stage, ...]:
    """What leaves nothing but the new mapping's fields, in its order."""
    every = stored_fields(new)
    return (_replacing({root(one.path): f"${root(one.path)}" for one in every}, _always(every), {}),)


def levels(path: str) -> int:
    """How deep the expression of a path's value lies, counted in documents."""
    return path.count(".") + 3 * path.count(MARK)


def _in_order(late: list[Field]) -> Iterator[Field]:
    """Computed fields after those that they read."""
    waiting = list(late)
    while waiting:
        names = {one.path for one in waiting}
        ready = [one for one in waiting if not one.reads & names]
        yield from ready
        waiting = [one for one in waiting if one not in ready]


def _always(every: Iterable[Field]) -> set[str]:
    """Paths that every document has, or every element, so that no document around them can be empty."""
    return {one.path for one in every if one.always_written}


def _shape(every: Iterable[Field], start: int = 0) -> Any:
    """All that decides a document beside the values: names and their order, and which missing values are written as null."""
    return _ordered(_tree({one.path[start:]: one.writes_null for one in every}))


def _ordered(tree: Any) -> Any:
    return [(name, _ordered(inner)) for name, inner in tree.items()] if isinstance(tree, dict) else tree


def _written(value: Value, one: Field) -> Expr:
    if (value.clean and not one.writes_null) or one.path.endswith(MARK):
        return value.expr
    return {"$ifNull": [value.expr, None if one.writes_null else "$$REMOVE"]}


# the expression of a document


def _replacing(leaves: Mapping[str, Expr], sure: Collection[str], made: Mapping[str, Elements]) -> Stage:
    tree = {ID: f"${ID}"} | _tree(leaves)
    return {"$replaceWith": {name.removesuffix(MARK): _node(inner, name, sure, made) for name, inner in tree.items()}}


def _tree(leaves: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *parents, last = path.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, _Node())
        node[last] = leaf
    return tree


def _node(node: Any, path: str, sure: Collection[str], made: Mapping[str, Elements]) -> Expr:
    """A value; a list of elements; or a nested document, which is left out where every one of its fields is."""
    built = node
    if isinstance(node, _Node):
        built = {name.removesuffix(MARK): _node(inner, f"{path}.{name}", sure, made) for name, inner in node.items()}
    if path.endswith(MARK):
        return _listed(path.removesuffix(MARK), built, made)
    if built is node or any(one.startswith(f"{path}.") and MARK not in one[len(path) :] for one in sure):
        return built
    return {"$let": {"vars": {"d": built}, "in": {"$cond": [{"$eq": ["$$d", {"$literal": {}}]}, "$$REMOVE", "$$d"]}}}


def _listed(array: str, element: Expr, made: Mapping[str, Elements]) -> Expr:
    one, name = made[array], f"e{array.count(MARK)}"
    found: Expr = elements(one.origin)
    if one.kept is not None:
        found = {"$filter": {"input": found, "as": name, "cond": one.kept}}
    found = {"$map": {"input": found, "as": name, "in": element}}
    if one.same and one.after == "list":
        return found
    return {"$let": {"vars": {"all": found}, "in": {"$cond": [{"$eq": ["$$all", []]}, NONE.get(one.after, "$$REMOVE"), "$$all"]}}}


# setting a computed value in its place


def setting(path: str, expr: Expr) -> dict[str, Expr]:
    """The specification of `$set`; a value in elements is put into each of them."""
    array = root(path)
    return {array: _each(array, path[len(array) + len(MARK) + 1 :], expr)} if MARK in path else {path: expr}


def _each(array: str, rest: str, expr: Expr) -> Expr:
    name = f"e{array.count(MARK)}"
    return {"$map": {"input": elements(array), "as": name, "in": _with(f"{array}{MARK}", rest, expr)}}


def _with(place: str, rest: str, expr: Expr) -> Expr:
    """The document at a place, with a value inside it."""
    if not rest:
        return expr
    name, _, further = rest.partition(".")
    inner = f"{place}.{name}"
    if name.endswith(MARK):
        expr = _each(array_of(inner), further, expr)
    elif further:
        expr = _with(inner, further, expr)
    return {"$mergeObjects": [variable(place), {name.removesuffix(MARK): expr}]}
