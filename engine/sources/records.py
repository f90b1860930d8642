"""The exact way to read a block: record by record with Python's strict csv reader. Slow, right, and the judge of the fast way."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from engine.sources.batch import ROW, Batch, Malformed
from engine.sources.grammar import INVALID, Fault, Grammar


class _Lines:
    """Complete lines of a block as text; `used` is the number of bytes given out. An invalid byte becomes a lone surrogate."""

    def __init__(self, data: bytes, eol: bytes) -> None:
        self.used = 0
        self._pieces = data.split(eol)[:-1]
        self._eol = eol

    def __iter__(self) -> Iterator[str]:
        for piece in self._pieces:
            self.used += len(piece) + 1
            yield (piece + self._eol).decode("utf-8", "surrogateescape")


def records(data: bytes, grammar: Grammar) -> Iterator[tuple[list[str], int, int]]:
    """Cells, first byte and end of each complete record, blank lines being records of no cells. One cut by the block's end is not given.

    Raises:
        Fault: a record breaks the grammar.
    """
    lines, end = _Lines(data, grammar.eol), 0
    reader = csv.reader(lines, **grammar.reader)
    while True:
        start = end
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
    """A block read exactly: rows and malformed records, how many `records` these are, the bytes `used` by them and by blank lines."""

    batch: Batch
    records: int
    used: int


def exact(data: bytes, grammar: Grammar, names: tuple[str, ...], first: int, cap: int) -> Exact:
    """Read the complete records of a block, which begins at a record; `first` is the number of its first record.

    Raises:
        Fault: a record breaks the grammar, or takes more than `cap` bytes (`record_too_long`).
    """
    rows: list[list[str]] = []
    numbers: list[int] = []
    malformed: list[Malformed] = []
    valid, row, end = is_utf8(data), first, 0
    for cells, start, end in records(data, grammar):
        if end - start > cap:
            raise Fault("record_too_long", start, start)
        if not cells:
            continue
        if len(cells) == len(names) and (valid or not _invalid(cells)):
            rows.append(cells)
            numbers.append(row)
        else:
            malformed.append(_malformed(row, cells, len(names), grammar))
        row += 1
    return Exact(Batch(_frame(rows, numbers, names), tuple(malformed)), row - first, end)


def _invalid(cells: list[str]) -> bool:
    return any(INVALID.search(cell) for cell in cells)


def _malformed(row: int, cells: list[str], width: int, grammar: Grammar) -> Malformed:
    code, message = "encoding", "bytes that are invalid in the declared encoding"
    if not _invalid(cells):
        code = "short_row" if len(cells) < width else "long_row"
        message = f"{len(cells)} cells, the header has {width}"
    return Malformed(row, code, message, tuple(grammar.shown(cell) for cell in cells))


def _frame(rows: list[list[str]], numbers: list[int], names: tuple[str, ...]) -> pl.DataFrame:
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    cells = {name: pl.Series(column, dtype=pl.String) for name, column in zip(names, columns, strict=True)}
    return pl.DataFrame(cells | {ROW: pl.Series(numbers, dtype=pl.Int64)})


def is_utf8(data: bytes) -> bool:
    """Whether all of it is valid; a character cut by the block's end does not matter, it is merely judged with care."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
