"""Columns that certainly form arrays: numbered ones, values by year, cells that are lists. Less certain ones become hints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from engine.infer.evidence import ColumnProfile
from engine.infer.paths import families, headed
from engine.infer.proposers import TypeProposal
from engine.infer.texts import SEPARATORS
from engine.infer.words import snake

CERTAIN = ("|", ";")
COMMONEST = ("str", "txt", "int", "num")
LISTED = 0.2


@dataclass(frozen=True)
class Member:
    """A field of the elements: its path inside the element, the column as the mapping writes it, and the columns that this means."""

    path: str
    column: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class ArrayPlan:
    """An array: its path, its entry in `arrays`, the fields of its elements, and why it is an array."""

    path: str
    origin: Mapping[str, Any]
    members: tuple[Member, ...]
    why: str

    @property
    def columns(self) -> frozenset[str]:
        """All columns that go into it."""
        return frozenset(name for member in self.members for name in member.columns)


def plan_arrays(columns: Sequence[ColumnProfile], *, invented: bool, ragged: bool) -> list[ArrayPlan]:
    """The arrays of a file. Columns with invented names form one array where the file is ragged, and none otherwise."""
    filled = {column.name: column.filled for column in columns}
    names = list(filled)
    if invented:
        members = (Member("", "column{n}", tuple(names)),)
        found = [ArrayPlan("items", {"numbered": f"1..{len(names)}"}, members, "rows of different length, without names")]
        return found if ragged and _filled_in_order([filled[name] for name in names]) else []
    return _distinct([*_numbered(names, filled), *_years(names)], names)


def lists(columns: Sequence[ColumnProfile], choices: Mapping[str, TypeProposal]) -> dict[str, str]:
    """The separator of the columns whose cells are lists, by column."""
    found = {}
    for column in columns:
        if choices[column.name].type != "string" or column.shapes["breaks"] or column.shapes["json"]:
            continue
        for shape, separator in SEPARATORS.items():
            if separator in CERTAIN and column.typed and column.shapes[shape] > LISTED * column.typed:
                found[column.name] = separator
    return found


def _filled_in_order(counts: Sequence[int]) -> bool:
    """Whether no column has more values than one before it: numbered columns are filled from the first on."""
    return all(one >= other for one, other in pairwise(counts))


def _numbered(names: Sequence[str], filled: Mapping[str, int]) -> Iterator[ArrayPlan]:
    """Numbered columns; those with the same numbers are parallel sets of one array."""
    sets: dict[tuple[str, ...], list[Any]] = {}
    for family in families(names):
        if _filled_in_order([filled[name] for name in family.columns]):
            sets.setdefault(family.numbers, []).append(family)
    for numbers, parallel in sets.items():
        stems = [_stem(gathering.pattern) for gathering in parallel]
        if not all(stems) or len(set(stems)) < len(stems):
            continue
        single = len(parallel) == 1
        members = tuple(
            Member("" if single else stem, one.pattern, one.columns) for stem, one in zip(stems, parallel, strict=True)
        )  # fmt: skip
        plain = list(numbers) == [str(number) for number in range(int(numbers[0]), int(numbers[-1]) + 1)]
        origin = {"numbered": f"{numbers[0]}..{numbers[-1]}" if plain else list(numbers)}
        yield ArrayPlan(_plural(stems[0]), origin, members, "numbered columns, filled from the first on")


def _years(names: Sequence[str]) -> Iterator[ArrayPlan]:
    found = tuple(name for name in headed(names) if len(name) == 4 and name.isdigit())  # noqa: PLR2004 - the digits of a year
    if len(found) >= 3 and set(found) == {name for name in names if len(name) == 4 and name.isascii() and name.isdigit()}:  # noqa: PLR2004
        members = (Member("year", "{key}", ()), Member("value", "{value}", found))
        yield ArrayPlan("years", {"columns": "^[0-9]{4}$"}, members, "columns named by years")


def _stem(pattern: str) -> str:
    words = [word for word in snake(pattern.replace("{n}", " ")).split("_") if word]
    return "_".join(words[1:] if len(words) > 1 and words[0] in COMMONEST else words)


def _plural(stem: str) -> str:
    return stem if stem.endswith("s") and not stem.endswith("ss") else f"{stem}es" if stem.endswith("ss") else f"{stem}s"


def _distinct(found: Sequence[ArrayPlan], names: Sequence[str]) -> list[ArrayPlan]:
    """The arrays whose path nothing else has; a column of the same name keeps it."""
    taken = {snake(name).partition("_")[0] for name in names} | {snake(name) for name in names}
    result: list[ArrayPlan] = []
    for array in found:
        own = {snake(name) for name in array.columns}
        if array.path not in taken - own:
            taken.add(array.path)
            result.append(array)
    return result
