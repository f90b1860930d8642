"""Which elements an array of the new mapping has: the stored ones, some of them, or others that only the source has. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from engine.evolution.diff import ordering
from engine.evolution.outcomes import Expr, KeptElements, NeedsSource, missing
from engine.expressions.tree import variable
from engine.mapping.columns import fields_at
from engine.mapping.model import Array, Field
from engine.mapping.model import Mapping as Model
from engine.values.paths import MARK, array_of, arrays_of

REMADE = frozenset({"path", "constraints", "empty", "sort", "on_match"})  # attributes of an array that may change while it stays
ANEW = NeedsSource("the array's elements must be built again")
UNCLEAR = NeedsSource("the documents do not show which elements there would be")
DROPS = NeedsSource("elements that break a check are dropped, so the documents do not have them")


@dataclass(frozen=True)
class ArrayComparison:
    """Two mappings: which new path (of a field or array) came from which old one, and `text_source`: all that decides a field's text."""

    old: Model
    new: Model
    origins: Mapping[str, str]
    nothing_nulled: Collection[str]
    text_source: Any

    def array(self, path: str) -> KeptElements | NeedsSource:
        """The elements of one array of the new mapping."""
        after = next(array for array in self.new.arrays if array.path == path)
        before = next((array for array in self.old.arrays if array.path == self.origins.get(path)), None)
        if before is None or self.origins.get(array_of(path), "") != array_of(before.path) or not self._alike(before, after):
            return ANEW
        chain = {path, *arrays_of(path)}
        if any(array.on_error == "drop" or not array.embed for array in self.new.arrays if array.path in chain) and not self._untouched(
            path
        ):
            return DROPS if after.embed else ANEW
        kept = self._kept(before.path, path)
        return kept if isinstance(kept, NeedsSource) else KeptElements(before.path, before.empty, after.empty, kept)

    def _alike(self, before: Array, after: Array) -> bool:
        same = all(
            getattr(before, field.name) == getattr(after, field.name)
            for field in fields(Array)
            if field.compare and field.name not in REMADE
        )
        return same and ordering(before, {old: new for new, old in self.origins.items()}) == after.sort

    def _untouched(self, path: str) -> bool:
        """Whether the fields of the array and of those inside it have the same values and checks."""
        before = {field.path: _checked(field) for field in self.old.fields if field.path.startswith(f"{self.origins[path]}{MARK}")}
        after = {self.origins.get(field.path, field.path): field for field in self.new.fields if field.path.startswith(f"{path}{MARK}")}
        known = all(_checked(field) == before[name] if name in before else _harmless(field) for name, field in after.items())
        return known and before.keys() <= after.keys()

    def _kept(self, origin: str, path: str) -> Expr | NeedsSource:
        """An element exists because its own columns have values: where fewer columns are read, there may be fewer elements."""
        before, after = _own(self.old, origin), [(field, self.text_source(field)) for field in _own(self.new, path)]
        rest = [field for field in before if any(self.text_source(field) == text for _, text in after)]
        inner = {array.path for array in self.old.arrays if array_of(array.path) == origin}
        left = {self.origins.get(array.path) for array in self.new.arrays if array_of(array.path) == path}
        if (len(rest) == len(before) and inner <= left) or any(
            field.required and field.default is None and not field.when for field in rest
        ):
            return None
        if not rest or inner or any(self._unclear(field) for field in rest):
            return UNCLEAR
        gone, known = [field for field in before if field not in rest], [self.text_source(field) for field in rest]
        paths = dict.fromkeys(field.path for field in (*rest, *(field for field, text in after if text in known)))
        shown = [{"$gt": [variable(place), None]} for place in paths]  # under the new names too: an element may be rewritten already
        return {"$or": [*shown, {"$and": [missing(variable(field.path)) for field in gone]}]}

    def _unclear(self, field: Field) -> bool:
        """Whether the stored value does not show if there was a text."""
        nulled = field.on_error == "null" and field.path not in self.nothing_nulled
        looked_up = any(column.lookup for column in field.columns)
        return bool(nulled or looked_up or field.default is not None or field.value_map or field.when)


def _own(mapping: Model, array: str) -> list[Field]:
    """The fields that decide whether an element exists."""
    return [field for field in fields_at(mapping, array) if any(column.own for column in field.columns)]


def _checked(field: Field) -> Field:
    return replace(field, path="", was=None, description="", private=False)


def _harmless(field: Field) -> bool:
    """A constant cannot break a check."""
    return field.value is not None and not field.constraints and field.when is None
