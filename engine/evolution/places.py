"""Which fields and arrays have moved to another path, and the guards that tell whether a document has the old path or the new one. Pure.

A place is a path as the document has it now: that of an old path lies in the array under its new name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from engine.evolution.outcomes import REMOVED, Expr, is_of, missing
from engine.expressions.tree import variable
from engine.values.paths import MARK, array_of, arrays_of, in_element


@dataclass(frozen=True)
class Places:
    """`origins`: new path → old path, of every stored field and array that both mappings have; `arrays` likewise, of the arrays alone.

    `paths` are those of all new fields. `types`: by old path, of all that the old mapping stores, the BSON types that it has.
    """

    paths: tuple[str, ...]
    origins: Mapping[str, str]
    arrays: Mapping[str, str]
    types: Mapping[str, tuple[str, ...]]

    @cached_property
    def _new(self) -> dict[str, str]:
        """Old path → new path."""
        return {origin: path for path, origin in self.origins.items()}

    @cached_property
    def _by_place(self) -> dict[str, str]:
        """Place → old path."""
        return {self.place(origin): origin for origin in self.types}

    def place(self, origin: str) -> str:
        """Where the value of an old path is in a document of the old shape, with arrays under their new names."""
        array = array_of(origin)
        if not array:
            return origin
        known = next((path for path, old in self.arrays.items() if old == array), None)
        inside = in_element(origin)
        return (known or self.place(array)) + MARK + (f".{inside}" if inside else "")

    def origin_of(self, level: str) -> str | None:
        """The old path of a nested document, None where it lies in an array that is new."""
        array = array_of(level)
        return level if not array else f"{self.arrays[array]}{MARK}.{in_element(level)}" if array in self.arrays else None

    @property
    def circular(self) -> str:
        """A field that exchanges its path with others, so that no document shows which shape it has; empty where there is none."""
        for path in self.origins:
            seen, next_path = [path], self._after(path)
            while next_path and next_path not in seen:
                seen.append(next_path)
                next_path = self._after(next_path)
            if next_path == path:
                return path
        return ""

    def _after(self, path: str) -> str:
        """Where what is at a moved field's new path moves to; empty where nothing is there, or it is removed."""
        return self._new.get(self._by_place.get(path, ""), "") if self._moved(path) else ""

    def _moved(self, path: str) -> bool:
        return self.place(self.origins[path]) != path

    @property
    def reused(self) -> list[str]:
        """New paths of what has moved, where its old path is another one's now, or its new one was that of something that is removed.

        Then a document without it may have either shape. A path is one's also where it lies in the nested document of another one.
        """
        there = [*self.paths, *(array for path in self.paths for array in arrays_of(path))]
        gone = [place for place, origin in self._by_place.items() if origin not in self._new]
        moved = [(path, self.place(origin)) for path, origin in self.origins.items() if self._moved(path)]
        return [
            path for path, place in moved if any(_meet(place, one) for one in there if one != path) or any(_meet(path, one) for one in gone)
        ]

    @property
    def exchanged(self) -> tuple[tuple[str, str], ...]:
        """Old and new path of fields outside of arrays that have moved, where none of the two is another field's too."""
        moved = [(self.place(origin), path) for path, origin in self.origins.items() if self._moved(path) and MARK not in path + origin]
        return tuple((old, path) for old, path in moved if old not in self.paths and path not in self._by_place)

    def left(self, array: str) -> Iterator[str]:
        """Old paths in the documents of an array (of the outermost ones: empty) whose values have another path now."""
        return (origin for path, origin in self.origins.items() if array_of(path) == array and self._moved(path))

    def types_at(self, level: str) -> tuple[str, ...]:
        """The BSON types that old values have where the new mapping has a nested document."""
        return self.types.get(self._by_place.get(level, ""), ())

    # expressions

    def found(self, path: str, origin: str) -> Expr:
        """What a document has of a field or array: at its new path, or else at its old one."""
        leaving = self._by_place.get(path, "") if not origin else ""
        if leaving in self._new:  # another field's old value, which moves away
            return self.remaining(leaving)
        if not origin or self.place(origin) == path:
            return {"$cond": [self._vacant(path), REMOVED, variable(path)]} if self._beneath(path) else variable(path)
        return {"$cond": [self._free(path, origin), self._held(origin), variable(path)]}

    def remaining(self, origin: str) -> Expr:
        """What stays at an old path: nothing, unless the new one holds a value of its own."""
        return {"$cond": [self._free(self._new[origin], origin), REMOVED, variable(self.place(origin))]}

    def _held(self, origin: str) -> Expr:
        """The value at an old path, where the documents around it are such."""
        place = self.place(origin)
        value = variable(place)
        if self._beneath_new(place):
            return {"$cond": [is_of(value, "object"), REMOVED, value]}
        around = _parent(place)
        return {"$cond": [is_of(variable(around), "object"), value, REMOVED]} if around else value

    def _free(self, path: str, origin: str) -> Expr:
        """Whether a value may move from its old path to this one."""
        occupant = self._by_place.get(path)
        if occupant is None:
            free = self._vacant(path)
        elif occupant in self._new:
            free = {"$or": [missing(variable(path)), self._free(self._new[occupant], occupant)]}
        else:  # what was there is removed, and must make room
            free = {"$not": [missing(self._held(origin))]}
        place = self.place(origin)
        around = [level for level in _parents(path) if not place.startswith(f"{level}.")]
        fits = [is_of(variable(level), "object", "missing", *self.types_at(level)) for level in around]
        return {"$and": [*fits, free]} if fits else free

    def _vacant(self, path: str) -> Expr:
        """Whether nothing is at a path, or only an old document of which all fields are known."""
        if not (names := self._beneath(path)):
            return missing(variable(path))
        keys = {"$map": {"input": {"$objectToArray": variable(path)}, "in": "$$this.k"}}
        old = {"$cond": [is_of(variable(path), "object"), {"$setIsSubset": [keys, {"$literal": names}]}, False]}
        return {"$or": [missing(variable(path)), old]}

    def _beneath(self, path: str) -> list[str]:
        """Names that old documents have in a nested document at a path that is a value now."""
        return list(dict.fromkeys(place[len(path) + 1 :].partition(".")[0].partition(MARK)[0]
                                  for place in self._by_place if place.startswith(f"{path}.")))  # fmt: skip

    def _beneath_new(self, place: str) -> bool:
        """Whether the new mapping has a nested document at a place."""
        return any(path.startswith(f"{place}.") for path in self.paths)


def _parent(path: str) -> str:
    """The nested document that a path lies in; empty for the element itself, and the outermost document."""
    return path.rpartition(".")[0] if "." in in_element(path) else ""


def _parents(path: str) -> Iterator[str]:
    """All of them, the innermost first."""
    while path := _parent(path):
        yield path


def _meet(one: str, other: str) -> bool:
    """Whether two paths are the same, or one lies in the nested document at the other."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
