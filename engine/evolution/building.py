"""The pipeline that builds a whole document of the new mapping, in its order, from known values and elements. Pure.

An array without differences is taken as it is; any other is made with `$map`, its elements in the order of the new mapping's fields.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.documents.validators import stored_fields
from engine.evolution.outcomes import Expr, KeptElements, Value
from engine.evolution.values import root
from engine.expressions.tree import elements, variable
from engine.mapping.model import ID, Field
from engine.mapping.model import Mapping as Model
from engine.values.order import dependency_order
from engine.values.paths import MARK, array_of, arrays_of

Stage = dict[str, Any]
NONE: Mapping[str, Expr] = {"list": [], "null": None}
"""The value of an array without elements, by its `empty`, where it is not left out."""


class _ShapeNode(dict[str, Any]):
    """A nested document, or the document that an element is, where a plain dict is an expression."""


@dataclass(frozen=True)
class Build:
    """`fields` are those of the new document, in order; `values` and `arrays` what they and their arrays are made of.

    Fields of an array that is not in `arrays` are carried along with it.
    """

    fields: tuple[Field, ...]
    old: Model
    values: Mapping[str, Value]
    arrays: Mapping[str, KeptElements]

    @property
    def same(self) -> bool:
        """Whether the documents are those of the old mapping."""
        unmoved = all(self.values[field.path].unchanged and self.values[field.path].origin == field.path for field in self.fields)
        whole = all(kept.same and kept.origin == path for path, kept in self.arrays.items())
        return unmoved and whole and _shape(stored_fields(self.old)) == _shape(self.fields)

    def stages(self) -> tuple[Stage, ...]:
        """The stages that make all values from the old document, compute values from these, and build the document from both."""
        late = [field for field in self.fields if self.values[field.path].reads_new_fields]
        first = self._document([field for field in self.fields if field not in late], self._early, self.arrays, self._whole)
        if not late:
            return (first,)
        again = {path: KeptElements(path, kept.after, kept.after) for path, kept in self.arrays.items()}
        remade = {array for field in late for array in arrays_of(field.path)}
        last = self._document(self.fields, self._final, again, lambda array: None if array in remade else array)
        computed = {field.path: self._computed(field) for field in late}
        order = dependency_order({field.path: field.reads for field in late}).names
        return (first, *({"$set": setting(path, computed[path])} for path in order), last)

    def _computed(self, field: Field) -> Expr:
        """Its expression, where what it reads is of its type: a value that did not convert stays as it was, nothing to compute with."""
        types = {read.path: read.type.bson_type for read in self.fields if read.path in field.reads}
        remade = [path for path in types if not (self.values[path].unchanged or self.values[path].reads_new_fields)]
        fits = [{"$in": [{"$type": variable(path)}, [types[path], "null", "missing"]]} for path in sorted(remade)]
        return {"$cond": [{"$and": fits}, self.values[field.path].expr, None]} if fits else self.values[field.path].expr

    def _early(self, field: Field) -> Expr:
        return _written(self.values[field.path], field)

    def _final(self, field: Field) -> Expr:
        return _written(Value(variable(field.path)), field) if self.values[field.path].reads_new_fields else variable(field.path)

    @cached_property
    def _alike(self) -> dict[str, str]:
        """New array → old array, of those that are the same inside."""
        return {path: kept.origin for path, kept in self.arrays.items() if self._is_alike(path, kept.origin)} | {
            root(field.path): root(field.path) for field in self.fields if MARK in field.path and root(field.path) not in self.arrays
        }

    def _is_alike(self, path: str, origin: str) -> bool:
        inside = [field for field in self.fields if field.path.startswith(f"{path}{MARK}")]
        before = [field for field in stored_fields(self.old) if field.path.startswith(f"{origin}{MARK}")]
        unmoved = all(
            self.values[field.path].unchanged and self.values[field.path].origin == origin + field.path[len(path) :] for field in inside
        )
        arrays = [kept for name, kept in self.arrays.items() if f"{name}{MARK}".startswith(f"{path}{MARK}")]
        return unmoved and all(kept.same for kept in arrays) and _shape(before, len(origin)) == _shape(inside, len(path))

    def _whole(self, array: str) -> str | None:
        return self._alike.get(array)

    def _document(
        self,
        fields: Iterable[Field],
        value: Callable[[Field], Expr],
        arrays: Mapping[str, KeptElements],
        whole: Callable[[str], str | None],
    ) -> Stage:
        """`whole` says which array an array is, as it is."""
        leaves: dict[str, Expr] = {}
        for field in fields:
            around = [(array, origin) for array in arrays_of(field.path) if (origin := whole(array))]
            leaves |= {around[-1][0]: variable(around[-1][1])} if around else {field.path: value(field)}
        return _replacing(leaves, _always(self.fields), arrays)


def trimming(new: Model) -> tuple[Stage, ...]:
    """The stage that keeps only the new mapping's fields, in its order."""
    fields = stored_fields(new)
    return (_replacing({root(field.path): f"${root(field.path)}" for field in fields}, _always(fields), {}),)


def levels(path: str) -> int:
    """How deeply the expression of a path's value is nested, counted in documents."""
    return path.count(".") + 3 * path.count(MARK)


def _always(fields: Iterable[Field]) -> set[str]:
    """Paths that every document has, or every element, so that no document around them can be empty."""
    return {field.path for field in fields if field.always_written}


def _shape(fields: Iterable[Field], start: int = 0) -> Any:
    """All that decides a document beside the values: names and their order, and which missing values are written as null."""
    return _ordered(_tree({field.path[start:]: field.writes_null for field in fields}))


def _ordered(tree: Any) -> Any:
    return [(name, _ordered(inner)) for name, inner in tree.items()] if isinstance(tree, dict) else tree


def _written(value: Value, field: Field) -> Expr:
    if (value.never_null and not field.writes_null) or field.path.endswith(MARK):
        return value.expr
    return {"$ifNull": [value.expr, None if field.writes_null else "$$REMOVE"]}


# the expression of a document


def _replacing(leaves: Mapping[str, Expr], always: Collection[str], arrays: Mapping[str, KeptElements]) -> Stage:
    tree = {ID: f"${ID}"} | _tree(leaves)
    return {"$replaceWith": {name.removesuffix(MARK): _node(inner, name, always, arrays) for name, inner in tree.items()}}


def _tree(leaves: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *parents, last = path.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, _ShapeNode())
        node[last] = leaf
    return tree


def _node(node: Any, path: str, always: Collection[str], arrays: Mapping[str, KeptElements]) -> Expr:
    """A value; a list of elements; or a nested document, which is left out where every one of its fields is."""
    built = node
    if isinstance(node, _ShapeNode):
        built = {name.removesuffix(MARK): _node(inner, f"{path}.{name}", always, arrays) for name, inner in node.items()}
    if path.endswith(MARK):
        return _listed(path.removesuffix(MARK), built, arrays)
    if built is node or any(place.startswith(f"{path}.") and MARK not in place[len(path) :] for place in always):
        return built
    return {"$let": {"vars": {"d": built}, "in": {"$cond": [{"$eq": ["$$d", {"$literal": {}}]}, "$$REMOVE", "$$d"]}}}


def _listed(array: str, element: Expr, arrays: Mapping[str, KeptElements]) -> Expr:
    kept, name = arrays[array], f"e{array.count(MARK)}"
    found: Expr = elements(kept.origin)
    if kept.kept is not None:
        found = {"$filter": {"input": found, "as": name, "cond": kept.kept}}
    found = {"$map": {"input": found, "as": name, "in": element}}
    if kept.same and kept.after == "list":
        return found
    return {"$let": {"vars": {"all": found}, "in": {"$cond": [{"$eq": ["$$all", []]}, NONE.get(kept.after, "$$REMOVE"), "$$all"]}}}


# setting a computed value in its place


def setting(path: str, expr: Expr) -> dict[str, Expr]:
    """The specification of `$set`; a value inside an array is set in each element."""
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
