"""The fast way to read a block: numpy proves that polars' reader is exact on it, polars reads it, and the sums are checked.

Polars pads short rows, cuts long ones and guesses at stray quotes without a word, so it only sees blocks where nothing is left to guess:
every quote opens or closes a whole cell, every record has the header's number of cells, every CR is followed by LF, no NUL, valid UTF-8.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.sources.batch import ROW
from engine.sources.grammar import Grammar
from engine.sources.records import is_utf8

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]
BOM = b"\xef\xbb\xbf"
CR, LF = b"\r\n"


class Scan(NamedTuple):
    """What a regular block holds: its bytes up to the last complete record, the records, and the bytes of all cells' text."""

    used: int
    rows: int
    text_bytes: int


def read(data: bytes, grammar: Grammar, names: tuple[str, ...], first: int, cap: int) -> tuple[pl.DataFrame, int] | None:
    """The complete records of a block as a frame and the number of bytes they take; None where only the exact way will do.

    The block begins at a record. `first` is the row number of the first record, `cap` the bytes a record may have.
    """
    found = scan(data, grammar, len(names), cap)
    if found is None:
        return None
    try:
        frame = _parse(data[: found.used], grammar, names)
    except pl.exceptions.PolarsError:
        return None
    if frame.height != found.rows or _text_bytes(frame) != found.text_bytes:
        return None
    return frame.with_columns(pl.int_range(first, first + found.rows, dtype=pl.Int64).alias(ROW)), found.used


def scan(data: bytes, grammar: Grammar, width: int, cap: int) -> Scan | None:
    """Prove that a block is regular, or give None. `width` is the number of cells of a record."""
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
    last = marks[width - 1 :: width]
    if len(marks) != rows * width or not (kinds[width - 1 :: width] == grammar.eol[0]).all():
        return None
    if not _whole_cells(octets, quotes, grammar) or _blank_or_long(octets, last, width, cap):
        return None
    returns = int(np.count_nonzero(octets[last - 1] == CR)) if grammar.eol == b"\n" else 0
    pairs = int(np.count_nonzero(np.diff(quotes)[1::2] == 1))
    return Scan(used, rows, used - len(marks) - returns - len(quotes) + pairs)


def _plain_bytes(data: bytes, grammar: Grammar) -> bool:
    if b"\0" in data or data.startswith(BOM):
        return False
    bare = data.count(b"\r") != data.count(b"\r\n") if grammar.eol == b"\n" else b"\n" in data
    return not bare and is_utf8(data)


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


def _blank_or_long(octets: Bytes, last: Places, width: int, cap: int) -> bool:
    lengths = np.diff(last, prepend=-1)
    if width == 1 and ((lengths == 1) | ((lengths == 2) & (octets[last - 1] == CR))).any():  # noqa: PLR2004 - CR and LF
        return True
    return bool((lengths > cap).any())


def _octets(text: bytes) -> Bytes:
    return np.frombuffer(text, np.uint8)


def _parse(data: bytes, grammar: Grammar, names: tuple[str, ...]) -> pl.DataFrame:
    return pl.read_csv(
        data,
        has_header=False,
        schema=dict.fromkeys(names, pl.String),
        separator=grammar.delimiter.decode(),
        quote_char=grammar.quote.decode() if grammar.quote else None,
        eol_char=grammar.eol.decode(),
        empty_string_is_null=False,
    )


def _text_bytes(frame: pl.DataFrame) -> int:
    return int(frame.select(pl.sum_horizontal(pl.all().str.len_bytes().sum())).item() or 0)
