"""The exact way to read a block: record by record with Python's strict csv reader. Slow and exact: the fast way must agree with it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import polars as pl

from engine.sources.batch import Batch, Malformed
from engine.sources.grammar import Fault, Grammar
from engine.sources.names import ROW

ANY_LENGTH = 2**31 - 1  # csv's own limit on a cell is 131,072 characters; the engine limits the record instead


@contextmanager
def cells_of_any_length() -> Iterator[None]:
    """Lift csv's limit, which is the process's, while somebody reads; one thread at a time does."""
    usual = csv.field_size_limit(ANY_LENGTH)
    try:
        yield
    finally:
        csv.field_size_limit(usual)


class _Lines:
    """Complete lines of a block as text; `used` is the number of bytes given out. An invalid byte becomes a lone surrogate.

    Who sets `begins` says that a record begins with the next line: where that is a comment, a blank line is given instead.
    """

    def __init__(self, data: bytes, eol: bytes, comment: bytes | None) -> None:
        self.used, self.begins = 0, True
        self._pieces = data.split(eol)[:-1]
        self._eol, self._comment = eol, comment

    def __iter__(self) -> Iterator[str]:
        for piece in self._pieces:
            self.used += len(piece) + 1
            begins, self.begins = self.begins, False
            skipped = begins and self._comment is not None and piece.startswith(self._comment)
            yield ((b"" if skipped else piece) + self._eol).decode("utf-8", "surrogateescape")


def records(data: bytes, grammar: Grammar) -> Iterator[tuple[list[str], int, int]]:
    """Cells, first byte and end of each complete record, blank lines and comments being records of no cells.

    One cut by the block's end is not given. Cells may be as long as `cells_of_any_length` around the call lets them be.

    Raises:
        Fault: a record breaks the grammar.
    """
    lines, end = _Lines(data, grammar.eol, grammar.comment), 0
    reader = csv.reader(lines, **grammar.reader)
    while True:
        start, lines.begins = end, True
        try:
            cells = next(reader, None)
        except csv.Error:
            fault = grammar.fault(data, start)
            if fault is None or fault.code == "unclosed_quote":
                return  # the closing quote may be in the next block
            raise fault from None
        if cells is None:
            return
        end = lines.used
        yield cells, start, end


class Exact(NamedTuple):
    """A block read exactly: rows and malformed records, how many `records` these are, the bytes `used` by them and by other lines.

    `counted` is as in `file.Pass`.
    """

    batch: Batch
    records: int
    used: int
    counted: Counter[str]


@cells_of_any_length()
def exact(data: bytes, grammar: Grammar, names: tuple[str, ...], first: int, cap: int) -> Exact:
    """Read the complete records of a block, which begins at a record; `first` is the number of its first record.

    Raises:
        Fault: a record breaks the grammar, or takes more than `cap` bytes (`record_too_long`).
    """
    rows: list[list[str]] = []
    numbers: list[int] = []
    malformed: list[Malformed] = []
    valid, row, end, width, place = grammar.clean(data), first, 0, len(names), grammar.overflows(names)
    counted = Counter[str]()
    for cells, start, end in records(data, grammar):
        if end - start > cap:
            raise Fault("record_too_long", start, start)
        if not cells:
            counted["comments"] += grammar.comments(data, start)
            continue
        surplus = len(cells) - width
        if repaired := surplus > 0 and place is not None and grammar.bare(data, start, range(place, place + surplus + 1)):
            cells[place : place + surplus + 1] = [grammar.delimiter.decode().join(cells[place : place + surplus + 1])]
        if (len(cells) == width or (grammar.ragged and len(cells) < width)) and (valid or not grammar.complaint(cells)):
            rows.append(cells + [""] * (width - len(cells)))
            numbers.append(row)
            counted["repaired"] += repaired
        else:
            malformed.append(_malformed(row, cells, width, grammar))
        row += 1
    return Exact(Batch(_frame(rows, numbers, names), tuple(malformed)), row - first, end, counted)


def _malformed(row: int, cells: list[str], width: int, grammar: Grammar) -> Malformed:
    code, message = "encoding", grammar.complaint(cells)
    if not message:
        code = "short_row" if len(cells) < width else "long_row"
        message = f"{len(cells)} cells, the header has {width}"
    return Malformed(row, code, message, tuple(grammar.shown(cell) for cell in cells))


def _frame(rows: list[list[str]], numbers: list[int], names: tuple[str, ...]) -> pl.DataFrame:
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    cells = {name: pl.Series(column, dtype=pl.String) for name, column in zip(names, columns, strict=True)}
    return pl.DataFrame(cells | {ROW: pl.Series(numbers, dtype=pl.Int64)})
