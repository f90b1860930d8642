"""What other rows and cells a document is made of: arrays, lookups."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Any

from engine.values.paths import array_of


@dataclass(frozen=True)
class Columns:
    """Elements from the columns of one row whose names a regular expression matches: `{key}` is the name, `{value}` the cell."""

    pattern: str


@dataclass(frozen=True)
class Child:
    """Elements from the rows of another source, or of the document's own (a group) where `source` is empty.

    `on` pairs their columns with ours; `orphans`, what becomes of rows that no document has: warn, fail or ignore. With `wide`, each row
    gives an element for each column that matches.
    """

    source: str
    on: tuple[tuple[str, str], ...]
    orphans: str = "warn"
    wide: Columns | None = None


@dataclass(frozen=True)
class Numbered:
    """Elements from columns of one row whose names hold `{n}`, for each of these texts in its place."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """Elements from one cell, cut at a separator: `{value}`."""

    column: str
    separator: str


@dataclass(frozen=True)
class Json:
    """Elements, or members, from a cell that holds a JSON text, or (`syntax: python`) a Python literal."""

    column: str
    syntax: str = "json"


Origin = Child | Numbered | Columns | Split | Json


@dataclass(frozen=True)
class Array:
    """Where the elements of the array at `path` come from, their order, and what becomes of none and of bad ones.

    `sort` names paths inside the element, or columns, each with whether it is descending. `constraints` are those of arrays. `on_error`
    is reject (the document) or drop (the element). Without `embed` the array only feeds aggregates.
    """

    path: str
    origin: Origin
    sort: tuple[tuple[str, bool], ...] = ()
    empty: str = "list"
    constraints: MappingOf[str, Any] = field(default_factory=dict)
    on_error: str = "reject"
    embed: bool = True
    line: int = field(default=0, compare=False)

    @property
    def always_written(self) -> bool:
        """Whether every document (or element, for an array in an array) has it."""
        return self.embed and self.empty != "omit"


def rows_source(arrays: MappingOf[str, Array], array: str) -> str:
    """The source whose rows the elements of an array are, or are made of; empty for the document's."""
    while array:
        origin = arrays[array].origin
        if isinstance(origin, Child):
            return origin.source
        array = array_of(array)
    return ""


@dataclass(frozen=True)
class Lookup:
    """A row of another source, or the members of a JSON cell, as columns `NAME.column`. `unmatched` is reject, null or fail."""

    name: str
    origin: Child | Json
    unmatched: str = "reject"
    line: int = field(default=0, compare=False)
