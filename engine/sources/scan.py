"""The fast way to read a block: numpy proves that polars' reader is exact on it, polars reads it, and the sums are checked.

Polars pads short rows, cuts long ones and guesses at stray quotes without a word, so it only sees blocks where nothing is left to guess:
every quote opens or closes a whole cell, every record has the header's number of cells (no more, where rows may be ragged), every CR is
followed by LF, no comment, no NUL, valid UTF-8. Delimiters that only csv.overflow explains are hidden from it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.sources.grammar import Grammar
from engine.sources.names import ROW
from engine.values.frames import col

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]
BOM = b"\xef\xbb\xbf"
CR, LF = b"\r\n"


class Scan(NamedTuple):
    """What a regular block holds: its bytes up to the last complete record, the records, and the bytes of all cells' text.

    `surplus` are the places of delimiters that are text of an overflowing column, `repaired` the records that have such.
    """

    used: int
    rows: int
    text_bytes: int
    surplus: Places
    repaired: int


class Fast(NamedTuple):
    """A block read the fast way: the bytes `used`, and how many rows had surplus cells that were joined."""

    frame: pl.DataFrame
    used: int
    repaired: int


def read(data: bytes, grammar: Grammar, names: tuple[str, ...], first: int, cap: int) -> Fast | None:
    """The complete records of a block; None where only the exact way will do.

    The block begins at a record. `first` is the row number of the first record, `cap` the bytes a record may have.
    """
    if grammar.narrow:
        return _read_narrow(data, grammar, names, first, cap)
    found = scan(data, grammar, len(names), cap, grammar.overflows(names))
    if found is None or (found.repaired and grammar.stand_in in data):
        return None
    try:
        frame = _parse(_hidden(data[: found.used], found.surplus, grammar), grammar, names)
    except pl.exceptions.PolarsError:
        return None
    if found.repaired:
        marks = grammar.stand_in.decode(), grammar.delimiter.decode()
        frame = frame.with_columns(col(grammar.overflow or "").str.replace_all(*marks, literal=True))
    if frame.height != found.rows or _text_bytes(frame) != found.text_bytes:
        return None
    return Fast(frame.with_columns(pl.int_range(first, first + found.rows, dtype=pl.Int64).alias(ROW)), found.used, found.repaired)


def _hidden(data: bytes, places: Places, grammar: Grammar) -> bytes:
    """The block with other bytes in these places."""
    if not len(places):
        return data
    octets = np.frombuffer(data, np.uint8).copy()
    octets[places] = grammar.stand_in[0]
    return octets.tobytes()


def _read_narrow(data: bytes, wide: Grammar, names: tuple[str, ...], first: int, cap: int) -> Fast | None:
    """`read` for a delimiter of several bytes: a character that the block lacks replaces it. The cap is kept with care."""
    grammar, size = wide.narrow, len(wide.delimiter)
    if grammar is None or grammar.delimiter in data:
        return None
    data = data.replace(wide.delimiter, grammar.delimiter)
    found = read(data, grammar, names, first, cap // size)
    if found is None:
        return None
    if grammar.quote and grammar.quote in data and _holds(found.frame, grammar.delimiter.decode()):
        return None
    return found._replace(used=found.used + data.count(grammar.delimiter, 0, found.used) * (size - 1))


def _holds(frame: pl.DataFrame, text: str) -> bool:
    return any(column.str.contains(text, literal=True).any() for column in frame if column.dtype == pl.String)


def scan(data: bytes, grammar: Grammar, width: int, cap: int, overflow: int | None = None) -> Scan | None:
    """Prove that a block is regular, or give None. `width` is the number of cells of a record, the most where the rows are ragged.

    `overflow` is the place of the cell that a record's surplus belongs to.
    """
    if not _plain_bytes(data, grammar):
        return None
    octets = np.frombuffer(data, np.uint8)
    marks, kinds, quotes = _marks(octets, grammar)
    ends = np.flatnonzero(kinds == grammar.eol[0])
    if not len(ends):
        return None
    marks, kinds = marks[: ends[-1] + 1], kinds[: ends[-1] + 1]
    used, rows = int(marks[-1]) + 1, len(ends)
    quotes = quotes[: np.searchsorted(quotes, used)]
    surplus, repaired = marks[:0], 0
    if overflow is not None:
        extra, repaired = _surplus(ends, width, overflow)
        if _any_quoted(octets, marks, extra, grammar):
            return None
        surplus, marks, kinds = marks[extra], np.delete(marks, extra), np.delete(kinds, extra)
        ends = np.flatnonzero(kinds == grammar.eol[0])
    if not _as_wide(kinds, ends, width, grammar):
        return None
    last = marks[ends]
    if not _whole_cells(octets, quotes, grammar) or _blank_or_long(octets, last, cap, blanks=width == 1 or grammar.ragged):
        return None
    returns = int(np.count_nonzero(octets[last - 1] == CR)) if grammar.eol == b"\n" else 0
    pairs = int(np.count_nonzero(np.diff(quotes)[1::2] == 1))
    return Scan(used, rows, used - len(marks) - returns - len(quotes) + pairs, surplus, repaired)


def _surplus(ends: Places, width: int, overflow: int) -> tuple[Places, int]:
    """Which of the marks are delimiters too many in their records, from the overflowing cell's end on; and how many records these are."""
    cells = np.diff(ends, prepend=-1)
    more = np.maximum(cells - width, 0)
    first = np.repeat(ends - cells + 1 + overflow, more)
    return first + np.arange(len(first)) - np.repeat(np.cumsum(more) - more, more), int(np.count_nonzero(more))


def _any_quoted(octets: Bytes, marks: Places, extra: Places, grammar: Grammar) -> bool:
    """Whether a cell on either side of one of these delimiters begins with a quote."""
    if grammar.quote is None:
        return False
    begin = np.where(extra > 0, marks[extra - 1] + 1, 0)
    return bool((octets[begin] == grammar.quote[0]).any() or (octets[marks[extra] + 1] == grammar.quote[0]).any())


def _plain_bytes(data: bytes, grammar: Grammar) -> bool:
    if b"\0" in data or data.startswith(BOM):
        return False
    if grammar.comment and (data.startswith(grammar.comment) or grammar.eol + grammar.comment in data):
        return False
    bare = data.count(b"\r") != data.count(b"\r\n") if grammar.eol == b"\n" else b"\n" in data
    return not bare and grammar.clean(data)


def _as_wide(kinds: Bytes, ends: Places, width: int, grammar: Grammar) -> bool:
    """Whether all records have as many cells as the header, given the places of the line ends among the marks."""
    if grammar.ragged:
        return bool((np.diff(ends, prepend=-1) <= width).all())
    return len(kinds) == len(ends) * width and bool((kinds[width - 1 :: width] == grammar.eol[0]).all())


def _marks(octets: Bytes, grammar: Grammar) -> tuple[Places, Bytes, Places]:
    """Places and kinds of the delimiters and line ends outside quotes, and the places of the quotes."""
    mask = octets == grammar.delimiter[0]
    mask |= octets == grammar.eol[0]
    if grammar.quote is None:
        marks = np.flatnonzero(mask)
        return marks, octets[marks], marks[:0]
    mask |= octets == grammar.quote[0]
    marks = np.flatnonzero(mask)
    kinds = octets[marks]
    is_quote = kinds == grammar.quote[0]
    if not is_quote.any():
        return marks, kinds, marks[:0]
    outside = np.bitwise_xor.accumulate(is_quote) == is_quote.dtype.type(0)
    outside &= ~is_quote
    return marks[outside], kinds[outside], marks[is_quote]


def _whole_cells(octets: Bytes, quotes: Places, grammar: Grammar) -> bool:
    """Whether every odd quote begins a cell and every even one ends it, but for doubled ones."""
    if not len(quotes):
        return True
    if grammar.quote is None or len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before = octets[opening - 1]
    begins = np.isin(before, _octets(grammar.delimiter + grammar.eol + grammar.quote))
    begins[0] |= opening[0] == 0
    after = octets[closing + 1]  # there is one: the last mark, a line end, comes behind
    ends = np.isin(after, _octets(grammar.delimiter + grammar.eol + grammar.quote + (b"\r" if grammar.eol == b"\n" else b"")))
    return bool(begins.all() and ends.all())


def _blank_or_long(octets: Bytes, last: Places, cap: int, *, blanks: bool) -> bool:
    lengths = np.diff(last, prepend=-1)
    if blanks and ((lengths == 1) | ((lengths == 2) & (octets[last - 1] == CR))).any():  # noqa: PLR2004 - CR and LF
        return True
    return bool((lengths > cap).any())


def _octets(text: bytes) -> Bytes:
    return np.frombuffer(text, np.uint8)


def _parse(data: bytes, grammar: Grammar, names: tuple[str, ...]) -> pl.DataFrame:
    frame = pl.read_csv(
        data,
        has_header=False,
        schema=dict.fromkeys(names, pl.String),
        separator=grammar.delimiter.decode(),
        quote_char=grammar.quote.decode() if grammar.quote else None,
        eol_char=grammar.eol.decode(),
        empty_string_is_null=False,
    )
    return frame.with_columns(pl.all().fill_null("")) if grammar.ragged else frame


def _text_bytes(frame: pl.DataFrame) -> int:
    return int(frame.select(pl.sum_horizontal(pl.all().str.len_bytes().sum())).item() or 0)
