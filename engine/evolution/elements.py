"""Which elements an array of the new mapping has: those that are stored, some of them, or others that only the source tells. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from engine.evolution.diff import ordering
from engine.evolution.outcomes import Elements, Expr, NeedsSource
from engine.expressions.tree import variable
from engine.mapping.columns import is_own, level, lookup_of
from engine.mapping.model import Array, Field
from engine.mapping.model import Mapping as Model
from engine.values.paths import MARK, array_of, arrays_of

REMADE = frozenset({"path", "constraints", "empty", "sort"})  # attributes of an array that may change without making it anew
ANEW = NeedsSource("the elements of an array are made anew")
UNTOLD = NeedsSource("which elements would be there is not in the documents")
DROPS = NeedsSource("elements that break a check are left out, and not in the documents")


@dataclass(frozen=True)
class Compared:
    """Two mappings: which new path (of a field or array) came from which old one, and `made`: all that decides a field's text."""

    old: Model
    new: Model
    origins: Mapping[str, str]
    nothing_nulled: Collection[str]
    made: Any

    def array(self, path: str) -> Elements | NeedsSource:
        """The elements of one array of the new mapping."""
        after = next(one for one in self.new.arrays if one.path == path)
        before = next((one for one in self.old.arrays if one.path == self.origins.get(path)), None)
        if before is None or self.origins.get(array_of(path), "") != array_of(before.path) or not self._alike(before, after):
            return ANEW
        chain = {path, *arrays_of(path)}
        if any(one.on_error == "drop" or not one.embed for one in self.new.arrays if one.path in chain) and not self._untouched(path):
            return DROPS if after.embed else ANEW
        kept = self._kept(before.path, path)
        return kept if isinstance(kept, NeedsSource) else Elements(before.path, before.empty, after.empty, kept)

    def _alike(self, before: Array, after: Array) -> bool:
        same = all(getattr(before, one.name) == getattr(after, one.name) for one in fields(Array) if one.compare and one.name not in REMADE)
        return same and ordering(before, {old: new for new, old in self.origins.items()}) == after.sort

    def _untouched(self, path: str) -> bool:
        """Whether the fields of the array and of those inside it have the same values and checks."""
        before = {one.path: _checked(one) for one in self.old.fields if one.path.startswith(f"{self.origins[path]}{MARK}")}
        after = {self.origins.get(one.path, one.path): one for one in self.new.fields if one.path.startswith(f"{path}{MARK}")}
        known = all(_checked(one) == before[name] if name in before else _harmless(one) for name, one in after.items())
        return known and before.keys() <= after.keys()

    def _kept(self, origin: str, path: str) -> Expr | NeedsSource:
        """An element is there because of what its own columns hold: where fewer are read, fewer may be."""
        before, after = _own(self.old, origin), [self.made(one) for one in _own(self.new, path)]
        rest = [one for one in before if self.made(one) in after]
        inner = {one.path for one in self.old.arrays if array_of(one.path) == origin}
        left = {self.origins.get(one.path) for one in self.new.arrays if array_of(one.path) == path}
        if (len(rest) == len(before) and inner <= left) or any(one.required and one.default is None and not one.when for one in rest):
            return None
        if not rest or inner or any(self._unclear(one) for one in rest):
            return UNTOLD
        return {"$or": [{"$gt": [variable(one.path), None]} for one in rest]}

    def _unclear(self, one: Field) -> bool:
        """Whether a stored value does not tell that there was a text."""
        nulled = one.on_error == "null" and one.path not in self.nothing_nulled
        looked_up = any(lookup_of(self.old, column) for column in one.columns)
        return bool(nulled or looked_up or one.default is not None or one.labels or one.when)


def _own(mapping: Model, array: str) -> list[Field]:
    """The fields that can say that an element is there."""
    return [one for one in level(mapping, array) if any(is_own(mapping, array, column) for column in one.columns)]


def _checked(one: Field) -> Field:
    return replace(one, path="", was=None, description="", private=False)


def _harmless(one: Field) -> bool:
    """A constant has no way to break a check."""
    return one.value is not None and not one.constraints and one.when is None
