"""What a source gives: batches of cells as text, and the records that cannot be rows."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

ROW = "\0row"
"""Name of the row-number column (Int64) of every batch. No header can hold it: NUL is refused there."""
FILE = "\0file"
"""Name of the column (String) that says which file a row is from (see `files.Found`); in the batches of `open_source`."""


@dataclass(frozen=True)
class Malformed:
    r"""A record that cannot be a row of the table.

    `row` counts data records from 1 (header, comments and blank lines not counted). `cells` are as read, invalid bytes written `\xNN`;
    those that no column has come behind as many as there are columns. `code` is `short_row`, `long_row`, `encoding` or `not_json`. `file`
    is as FILE.
    """

    row: int
    code: str
    message: str
    cells: tuple[str, ...]
    file: str = ""


@dataclass(frozen=True)
class Batch:
    """Rows in file order: one String column per header name plus `ROW`; no nulls, an empty cell is the empty string."""

    frame: pl.DataFrame
    malformed: tuple[Malformed, ...] = ()

    @property
    def last(self) -> int:
        """The number of its last row; 0 where it has none."""
        return max([*self.frame[ROW].tail(1), *(record.row for record in self.malformed)], default=0)
