"""The evidence about one column, or about several columns taken together, as data."""

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
class ColumnProfile:
    """The evidence about one column.

    Counts are numbers of cells, after whitespace at the ends is stripped. `missing` and `doubtful` count the texts of those tables; a value
    is any other cell, and doubtful texts are values only in `filled` and `values`. `refused` counts, by type, values of other types;
    `formats`, by date format, those that fit; `readings`, by a key of NUMBERS and type, those that are numbers written so. `ranges` are the
    smallest and greatest value, by type or format. `values` are the original cells with their counts, None where there are too many.
    `digits` are the fewest and most digits after the point. `blank` cells hold only whitespace, `edges` begin or end with whitespace.
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
        """Whether there are values, and each one has the type."""
        return self.typed > 0 and self.refused.get(kind) == 0

    def all(self, shape: str) -> bool:
        """Whether there are values, and each one has the shape."""
        return self.typed > 0 and self.shapes[shape] == self.typed


def merged(name: str, columns: Sequence[ColumnProfile]) -> ColumnProfile:
    """Several columns as if they were one under another."""
    valued = [column for column in columns if column.typed] or list(columns)
    kinds = [kind for kind in TYPES if all(kind in column.refused for column in valued)]
    kept = [*kinds, *{written: None for column in valued for written in column.formats}]
    values: Counter[str] | None = Counter()
    for column in columns:
        values = None if values is None or column.values is None else values + Counter(column.values)
    return ColumnProfile(
        name=name,
        rows=sum(column.rows for column in columns),
        filled=sum(column.filled for column in columns),
        blank=sum(column.blank for column in columns),
        edges=sum(column.edges for column in columns),
        missing=_total(column.missing for column in columns),
        doubtful=_total(column.doubtful for column in columns),
        shapes=dict.fromkeys(SHAPES, 0) | _total(column.shapes for column in valued),
        formats=_total(column.formats for column in valued),
        readings=_total(column.readings for column in valued),
        refused={kind: sum(column.refused[kind] for column in valued) for kind in kinds},
        ranges={what: _widest([column.ranges[what] for column in valued if what in column.ranges]) for what in kept},
        values=values if values is not None and len(values) <= MOST_VALUES else None,
        digits=(min(column.digits[0] for column in valued), max(column.digits[1] for column in valued)),
        longest=max(column.longest for column in valued),
    )


def _total(counts: Iterable[Mapping[T, int]]) -> dict[T, int]:
    found: Counter[T] = Counter()
    for mapping in counts:
        found.update(mapping)
    return dict(found)


def _widest(ranges: Sequence[tuple[Any, Any]]) -> tuple[Any, Any]:
    known = [bounds for bounds in ranges if bounds[0] is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else (None, None)
