"""What a source gives: batches of cells as text, and the records that cannot be rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from engine.sources.names import MEMBERS, ROW
from engine.values.frames import col


@dataclass(frozen=True)
class Malformed:
    r"""A record that cannot be a row of the table.

    `row` counts data records from 1 (header, comments and blank lines not counted). `cells` are as read, invalid bytes written `\xNN`;
    surplus cells come after those of the columns. `code` is `short_row`, `long_row`, `encoding` or `not_json`. `file`
    is as FILE.
    """

    row: int
    code: str
    message: str
    cells: tuple[str, ...]
    file: str = ""


@dataclass(frozen=True)
class Batch:
    """Rows in file order: one String column per header name plus `names.ROW`; no nulls, an empty cell is the empty string."""

    frame: pl.DataFrame
    malformed: tuple[Malformed, ...] = ()

    @property
    def row_numbers(self) -> pl.Series:
        """The numbers of its rows (Int64), those of malformed records not among them."""
        return self.frame[ROW]

    @property
    def last(self) -> int:
        """The number of its last row; 0 where it has none."""
        return max([*self.row_numbers.tail(1), *(record.row for record in self.malformed)], default=0)

    @property
    def source_rows(self) -> int:
        """How many rows of the source it is made of, malformed ones included."""
        return source_rows(self.frame) + len(self.malformed)

    def called(self, names: Mapping[str, str]) -> Batch:
        """With other names of the header's columns."""
        return Batch(self.frame.rename(names), self.malformed)

    def up_to(self, number: int) -> Batch:
        """Its rows and malformed records up to this number."""
        return Batch(self.frame.filter(col(ROW) <= number), tuple(record for record in self.malformed if record.row <= number))

    def row(self, number: int) -> pl.DataFrame:
        """The row of this number; no row where it is in another batch."""
        return self.frame.filter(col(ROW) == number)


def source_rows(frame: pl.DataFrame) -> int:
    """How many rows of the source these stand for: all rows of their groups, where rows are grouped."""
    return int(frame[MEMBERS].sum()) if MEMBERS in frame.columns else len(frame)
