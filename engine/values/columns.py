"""A column as a mapping names it, resolved at its level. The mapping's semantics make these; later wings only read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

NUMBER, KEY, VALUE = "{n}", "{key}", "{value}"
"""What elements of arrays have as cells, beside columns of a file."""


class ColumnKind(Enum):
    """What a written column stands for: a cell, one cell for each number that `{n}` has in a name, or what only elements have."""

    CELL = "cell"
    NUMBERED = "numbered"
    NUMBER = NUMBER
    KEY = KEY
    VALUE = VALUE


@dataclass(frozen=True)
class ColumnRef:
    """The cells of a level (of the document's rows, or of the elements of an array) that a written column means.

    `written` is its name in the mapping, in messages and among the cells of its level; two columns that are written alike are equal.
    `source` names the source that has it (empty for the document's; None for members of a JSON text and for what elements have of their
    own), `names` are its names there: more than one where it is numbered. `lookup` is the lookup that it is a column of, `keys` are the
    columns of the same level by which that lookup finds its row. `own`: whether it can say that an element of its array is there, as the
    columns of the surrounding row cannot. `others` are the column under its other names, the oldest last: a header has one of them.
    """

    written: str
    source: str | None = field(default="", compare=False)
    names: tuple[str, ...] = field(default=(), compare=False)
    kind: ColumnKind = field(default=ColumnKind.CELL, compare=False)
    lookup: str = field(default="", compare=False)
    keys: tuple[ColumnRef, ...] = field(default=(), compare=False)
    own: bool = field(default=False, compare=False)
    others: tuple[ColumnRef, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return self.written

    @property
    def name(self) -> str:
        """Its one name in its source, or in a JSON text, where it is a cell."""
        return self.names[0]

    @property
    def all_written(self) -> tuple[str, ...]:
        """All names that the mapping gives it."""
        return (self.written, *(other.written for other in self.others))

    @property
    def of_element(self) -> bool:
        """Whether elements have it of their own, and no row does."""
        return self.kind in (ColumnKind.NUMBER, ColumnKind.KEY, ColumnKind.VALUE)

    @property
    def cells(self) -> tuple[ColumnRef, ...]:
        """The cells of the surrounding row that it stands for, where it is numbered."""
        return tuple(cell(name, self.source) for name in self.names)


def cell(name: str, source: str | None = "") -> ColumnRef:
    """A column of a source by its name there."""
    return ColumnRef(name, source, (name,))
