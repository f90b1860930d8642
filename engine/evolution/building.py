"""The pipeline that makes a document of the new mapping out of any document, from known values and elements. Pure.

It is guarded path by path: only a path that holds an old value changes, so a document that has the new shape stays as it is, and making it
twice changes nothing. What neither mapping names stays, behind the mapped fields of its level. Only levels (the document, nested documents,
elements of arrays) whose names, order or values change are built anew; where something else than a document is found, it stays.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.evolution.outcomes import Expr, KeptElements, Value, bound
from engine.evolution.places import Places
from engine.evolution.reads import computable
from engine.evolution.shaping import Level, Stage, elements, in_order, setting, written
from engine.expressions.tree import variable
from engine.mapping.model import ID, Field
from engine.values.order import dependency_order
from engine.values.paths import MARK, in_element


@dataclass(frozen=True)
class Build:
    """`fields` are those of the new documents, in order; `before` those of the old ones that the new mapping still has.

    `values` and `arrays` say what the fields and their arrays are made of; `places` what has moved.
    """

    fields: tuple[Field, ...]
    before: tuple[Field, ...]
    values: Mapping[str, Value]
    arrays: Mapping[str, KeptElements]
    places: Places

    @property
    def moving(self) -> tuple[Stage, ...]:
        """The stage that makes the values that the old document shows, and nothing where it shows none."""
        return replace(
            self,
            fields=tuple(replace(field, empty="omit") for field in self.fields),
            before=tuple(replace(field, empty="omit") for field in self.before),
            values={path: replace(value.unfilled or value, nulls=False) for path, value in self.values.items()},
            arrays={path: replace(kept, before=kept.after) for path, kept in self.arrays.items()},
        ).making

    @property
    def making(self) -> tuple[Stage, ...]:
        """The stage that makes all values from the old document; none for the same ones."""
        known = replace(
            self, fields=tuple(field for field in self.fields if field.path not in self._late or self.values[field.path].origin)
        )
        return () if known.alike("", "") else (_Making(self).document(),)

    @property
    def computing(self) -> tuple[Stage, ...]:
        """Stages that compute values from those, and put all in order."""
        late = self._late
        order = dependency_order({path: field.reads for path, field in late.items()}).names
        ordering = [_Ordering(self, order).document()] if late else []
        return (*(setting(path, self._computed(late[path])) for path in order), *ordering)

    def ordering(self, paths: Iterable[str]) -> Stage:
        """The stage that gives what is at these paths its place among the fields of its level."""
        return in_order(_Ordering(self, [*paths]).tree(""))

    @property
    def _late(self) -> dict[str, Field]:
        return {field.path: field for field in self.fields if self.values[field.path].computed is not None}

    def _computed(self, field: Field) -> Expr:
        """Its expression, where what it reads is of its type: a value that did not convert stays as it was, nothing to compute with."""
        return written({"$cond": [computable(field, self.fields), self.values[field.path].computed, None]}, field)

    def alike(self, place: str, origin: str) -> bool:
        """Whether what is at paths with the new prefix is what was at those with the old one, in the same order."""
        inside = [field for field in self.fields if field.path.startswith(place)]
        before = [field for field in self.before if field.path.startswith(origin)]
        unmoved = all(
            self.values[field.path].unchanged and self.values[field.path].origin == origin + field.path[len(place) :] for field in inside
        )
        arrays = [(f"{path}{MARK}", kept) for path, kept in self.arrays.items() if f"{path}{MARK}".startswith(place)]
        same = all(kept.same and f"{kept.origin}{MARK}" == origin + path[len(place) :] for path, kept in arrays)
        return unmoved and same and _shape(before, len(origin)) == _shape(inside, len(place))

    def in_place(self, names: Iterable[str], changed: Iterable[str]) -> bool:
        """Whether the outermost names have the order of the old ones, and all old documents hold those that change."""
        roots = [*dict.fromkeys(_root(field.path) for field in self.before if field.path != ID)]
        return [name for name in names if name != ID] == roots and self._lasting.issuperset(changed)

    @property
    def _lasting(self) -> set[str]:
        """The outermost names that are always there, before and after, since a value in them is."""
        before = {field.path for field in self.before if field.always_written}
        return {_root(path) for field in self.fields
                if (path := field.path) in before and field.always_written and MARK not in path and path != ID
                and self.values[path].computed is None and self.values[path].origin == path}  # fmt: skip


def _root(path: str) -> str:
    return path.partition(".")[0].removesuffix(MARK)


def _shape(fields: Iterable[Field], start: int = 0) -> Any:
    """All that decides a document beside the values: names and their order, and which missing values are written as null."""
    tree: dict[str, Any] = {}
    for field in fields:
        node = tree
        *parents, last = field.path[start:].split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = field.writes_null
    return _ordered(tree)


def _ordered(tree: Any) -> Any:
    return [(name, _ordered(inner)) for name, inner in tree.items()] if isinstance(tree, dict) else tree


@dataclass(frozen=True)
class _Pass(ABC):
    """One walk over the levels of the new documents. What a field, an array and a level becomes is said by its two kinds."""

    build: Build

    def document(self) -> Stage:
        """The stage that makes the outermost document, or only what changes in it, where everything has its place already."""
        tree = self.tree("")
        changed = {name: node for name, node in tree.items() if node != variable(name)}
        return tree.setting(changed) if self.build.in_place(tree, changed) else in_order(tree)

    def tree(self, array: str) -> Level:
        """What the documents of this array's elements (of the outermost documents: empty) hold, by name."""
        tree, prefix = Level(), f"{array}{MARK}." if array else ""
        for field in self.build.fields:
            if field.path.startswith(prefix) and field.path != f"{array}{MARK}":
                name, inside, _ = field.path[len(prefix) :].partition(MARK)
                tree.put(name, lambda at=prefix + name, field=field, inside=inside: self.listed(at) if inside else self.made(field))  # type: ignore[misc]
        for origin in self.left(array):
            tree.put(in_element(origin), lambda origin=origin: self.build.places.remaining(origin))  # type: ignore[misc]
        return self._collapsed(tree, prefix)

    def _collapsed(self, tree: Level, prefix: str) -> Level:
        """With nested documents that stay as they are as one value."""
        found = Level()
        for name, node in tree.items():
            path = f"{prefix}{name}"
            if isinstance(node, Level):
                found[name] = variable(path) if self.whole(path) else self._collapsed(node, f"{path}.")
            else:
                found[name] = node
        found.instead_of = self.build.places.types_at(prefix.removesuffix("."))
        return found

    def made(self, field: Field) -> Expr:
        """The value of a field."""
        return variable(field.path)

    @abstractmethod
    def listed(self, array: str) -> Expr:
        """The value of an array."""

    @abstractmethod
    def whole(self, path: str) -> bool:
        """Whether a nested document stays as it is."""

    def left(self, _array: str) -> Iterable[str]:
        """Old paths in the elements that have another path now."""
        return ()


class _Making(_Pass):
    """Makes all values that the old document shows."""

    def made(self, field: Field) -> Expr:
        """The value of a field, where the computed ones are left as they are or out."""
        value = self.build.values[field.path]
        found = value.of(self.build.places.found(field.path, value.origin))
        nulls = value.nulls if value.origin else False
        plain = value.computed is not None or field.path.endswith(MARK) or nulls == field.writes_null
        return found if plain else written(found, field)

    def listed(self, array: str) -> Expr:
        """An array with its elements made anew, unless they stay as they are."""
        kept = self.build.arrays[array]
        found = self.build.places.found(array, kept.origin)
        if kept.same and self.build.alike(f"{array}{MARK}", f"{kept.origin}{MARK}"):
            return found
        return bound("a", found, lambda value: elements(array, kept, value, self._element(array)))

    def _element(self, array: str) -> Expr:
        of_values = next((field for field in self.build.fields if field.path == f"{array}{MARK}"), None)
        return self.made(of_values) if of_values else self.tree(array).document(variable(f"{array}{MARK}"), element=True)

    def whole(self, path: str) -> bool:
        """Where nothing in it has changed."""
        origin = self.build.places.origin_of(path)
        return origin is not None and self.build.alike(f"{path}.", f"{origin}.")

    def left(self, array: str) -> Iterable[str]:
        """Those of fields and arrays."""
        return self.build.places.left(array)


@dataclass(frozen=True)
class _Ordering(_Pass):
    """Puts computed values, which were set behind all others, in their order."""

    computed: list[str]

    def listed(self, array: str) -> Expr:
        """Only the order of fields in elements with computed values changes."""
        if self._without(f"{array}{MARK}."):
            return variable(array)
        element = self.tree(array).document(variable(f"{array}{MARK}"), element=True)
        return elements(array, KeptElements(array, "list", "list"), variable(array), element)

    def whole(self, path: str) -> bool:
        """Where nothing is computed in it."""
        return self._without(f"{path}.")

    def _without(self, prefix: str) -> bool:
        return not any(path.startswith(prefix) for path in self.computed)
