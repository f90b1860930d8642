"""The evidence about a column, as data; and that about several columns that are taken for one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.infer.texts import SHAPES

TYPES = ("int", "long", "decimal", "double", "uuid", "objectId")
MOST_VALUES = 300  # distinct cells of a column that are kept, with their counts
T = TypeVar("T")


@dataclass(frozen=True)
class Profile:
    """The evidence about one column.

    Counts are of cells, after blanks at the ends are stripped. `missing` and `doubtful` count the texts of those tables; a value is any
    other cell, and doubtful texts are values only to `filled` and `values`. `refused` counts, by type, the values that are none of it;
    `formats`, by date format, those that fit; `readings`, by a way of NUMBERS and type, those that are numbers written so. `ranges` are
    smallest and greatest value, by type or format. `values` are the cells as they are with their counts, None where they are too many.
    `digits` are the fewest and most digits behind the point. `blank` cells hold blanks alone, `edges` begin or end with one.
    """

    name: str
    rows: int
    filled: int
    blank: int
    edges: int
    missing: Mapping[str, int]
    doubtful: Mapping[str, int]
    shapes: Mapping[str, int]
    refused: Mapping[str, int]
    formats: Mapping[str, int]
    readings: Mapping[tuple[str, str], int]
    ranges: Mapping[str, tuple[Any, Any]]
    values: Mapping[str, int] | None
    digits: tuple[int, int]
    longest: int
    distinct: int | None = None

    @property
    def typed(self) -> int:
        """Values, doubtful texts not counted."""
        return self.filled - sum(self.doubtful.values())

    def fits(self, kind: str) -> bool:
        """Whether there are values, and each one is of the type."""
        return self.typed > 0 and self.refused.get(kind) == 0

    def all(self, shape: str) -> bool:
        """Whether there are values, and each one has the shape."""
        return self.typed > 0 and self.shapes[shape] == self.typed


def merged(name: str, columns: Sequence[Profile]) -> Profile:
    """Several columns as if they were one under another."""
    valued = [one for one in columns if one.typed] or list(columns)
    kinds = [kind for kind in TYPES if all(kind in one.refused for one in valued)]
    kept = [*kinds, *{written: None for one in valued for written in one.formats}]
    values: Counter[str] | None = Counter()
    for one in columns:
        values = None if values is None or one.values is None else values + Counter(one.values)
    return Profile(
        name=name,
        rows=sum(one.rows for one in columns),
        filled=sum(one.filled for one in columns),
        blank=sum(one.blank for one in columns),
        edges=sum(one.edges for one in columns),
        missing=_total(one.missing for one in columns),
        doubtful=_total(one.doubtful for one in columns),
        shapes=dict.fromkeys(SHAPES, 0) | _total(one.shapes for one in valued),
        formats=_total(one.formats for one in valued),
        readings=_total(one.readings for one in valued),
        refused={kind: sum(one.refused[kind] for one in valued) for kind in kinds},
        ranges={what: _widest([one.ranges[what] for one in valued if what in one.ranges]) for what in kept},
        values=values if values is not None and len(values) <= MOST_VALUES else None,
        digits=(min(one.digits[0] for one in valued), max(one.digits[1] for one in valued)),
        longest=max(one.longest for one in valued),
    )


def _total(counts: Iterable[Mapping[T, int]]) -> dict[T, int]:
    found: Counter[T] = Counter()
    for one in counts:
        found.update(one)
    return dict(found)


def _widest(ranges: Sequence[tuple[Any, Any]]) -> tuple[Any, Any]:
    known = [one for one in ranges if one[0] is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else (None, None)
