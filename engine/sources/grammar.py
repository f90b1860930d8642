"""A dialect, compiled once: the bytes that mean something, csv.reader's arguments, and where a record breaks the rules.

The rules are RFC 4180's as Python's `csv` reads them in strict mode: a quote opens a quoted cell only as the cell's first character
(elsewhere it is data), `""` inside is one quote, and after the closing quote comes a delimiter or the end of the line.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import DataError, finding
from engine.mapping.model import Dialect

INVALID = re.compile("[\ud800-\udfff]")
CONTROLS, CONTROLS_UTF8 = re.compile("[\x80-\x9f]"), re.compile(b"\xc2[\x80-\x9f]")
WINDOWS = {"iso8859-1": "cp1252", "iso8859-15": "cp1252", "iso8859-2": "cp1250", "iso8859-5": "cp1251", "iso8859-7": "cp1253",
           "iso8859-9": "cp1254"}  # fmt: skip
"""Encodings with control characters from 0x80 to 0x9f, which no table holds, and the one that has letters there."""
STAND_INS = ("\x1f", "\x1e", "\x1d")  # ASCII's own delimiters: one of them is neither delimiter nor quote


class Fault(Exception):  # noqa: N818 - not an error yet: the reader adds file and line
    """What breaks a record: `at` and `opened` are byte offsets in the block, `opened` being the first byte of the broken cell."""

    def __init__(self, code: str, at: int, opened: int) -> None:
        super().__init__(code)
        self.code, self.at, self.opened = code, at, opened


@dataclass(frozen=True)
class Grammar:
    """`eol` and `quote` are single bytes, `delimiter` is one character; `quote` is None when quoting is off; `codec` is None for UTF-8.

    `windows` is the encoding that the file is really in if it has control characters; `stand_in` is a byte that means nothing; `narrow` is
    the same grammar with a delimiter of one byte instead of one of several, and without `overflow`.
    """

    codec: str | None
    delimiter: bytes
    quote: bytes | None
    eol: bytes
    reader: dict[str, Any]
    quoted: re.Pattern[bytes]
    plain: re.Pattern[bytes]
    end: re.Pattern[bytes]
    ragged: bool
    comment: bytes | None
    skip_lines: int
    skip_footer: int
    windows: str | None
    overflow: str | None
    stand_in: bytes
    narrow: Grammar | None = None

    def clean(self, data: bytes) -> bool:
        """Whether all of it is text of the encoding; where the block's end cuts a character, the exact way is taken."""
        return is_utf8(data) and not (self.windows and CONTROLS_UTF8.search(data))

    def complaint(self, cells: Sequence[str]) -> str:
        """What in these cells is not text of the encoding; empty where all of it is."""
        if any(INVALID.search(cell) for cell in cells):
            return "bytes that are invalid in the declared encoding"
        if self.windows and any(CONTROLS.search(cell) for cell in cells):
            return f"control characters (bytes 0x80 to 0x9f): the encoding looks like {self.windows}"
        return ""

    def comments(self, data: bytes, start: int) -> bool:
        """Whether a line that is not a record is a comment, not blank."""
        return self.comment is not None and data.startswith(self.comment, start)

    def overflows(self, names: Sequence[str]) -> int | None:
        """The place of the column whose delimiters are not quoted."""
        return names.index(self.overflow) if self.overflow is not None else None

    def bare(self, data: bytes, start: int, cells: range) -> bool:
        """Whether no cell of these places is quoted, in the whole record that begins at `start`."""
        at = start
        for place in range(cells.stop):
            quoted = data[at : at + 1] == self.quote
            cell = (self.quoted if quoted else self.plain).match(data, at)
            if cell is None or (quoted and place in cells):
                return False
            at = cell.end() + len(self.delimiter)
        return True

    def fault(self, data: bytes, start: int) -> Fault | None:
        """The first thing wrong with the record that begins at `start`; None where it only goes on beyond `data`."""
        at = start
        while at < len(data):
            opened = at
            quoted = data[at : at + 1] == self.quote
            cell = (self.quoted if quoted else self.plain).match(data, at)
            if cell is None:
                return Fault("unclosed_quote", opened, opened)
            at = cell.end()
            if self.end.match(data, at):
                return None
            if self.delimiter.startswith(data[at : at + len(self.delimiter)]):
                at += len(self.delimiter)  # perhaps cut by the end of the data
            else:
                return Fault("stray_cr" if data[at : at + 1] in (b"\r", b"\n") else "stray_quote", at, opened)
        return None

    def shown(self, cell: str) -> str:
        r"""A cell with its invalid bytes written `\xNN`."""
        if self.codec:  # a lone surrogate that transcoding has written as three bytes
            cell = cell.encode("utf-8", "surrogateescape").decode("utf-8", "surrogatepass")
        if self.windows:
            cell = CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", cell)
        return escaped(cell)


def escaped(text: str) -> str:
    r"""A text with its lone surrogates written `\xNN`, where they stand for bytes, or `\uNNNN`."""
    return INVALID.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"  # noqa: PLR2004 - what surrogateescape makes


def _codec(encoding: str) -> str | None:
    try:
        "".encode(encoding)
        codecs.getincrementaldecoder(encoding)
    except (LookupError, UnicodeError):
        raise DataError(
            finding("encoding", "the declared encoding is not a text encoding of Python", hint="correct csv.encoding")
        ) from None
    name = codecs.lookup(encoding).name
    return None if name in {"utf-8", "utf-8-sig"} else name


def is_utf8(data: bytes) -> bool:
    """Whether all of it is valid, a character cut by the end included."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def compile_dialect(dialect: Dialect) -> Grammar:
    """The grammar of a dialect. Its delimiter must be one character, its quote one of ASCII (the loader sees to it)."""
    delimiter, eol = dialect.delimiter.encode(), dialect.newline.encode("ascii")
    quote = dialect.quote.encode("ascii") if dialect.quote is not None else None
    codec, mark = _codec(dialect.encoding), re.escape(quote or b'"')
    stand_in = next(mark for mark in STAND_INS if mark not in (dialect.delimiter, dialect.quote))
    quoting = {"quotechar": dialect.quote} if quote else {"quoting": csv.QUOTE_NONE, "quotechar": None}
    return Grammar(
        codec=codec,
        delimiter=delimiter,
        quote=quote,
        eol=eol,
        reader={"delimiter": dialect.delimiter, "strict": True, **quoting},
        quoted=re.compile(mark + b"(?:[^" + mark + b"]|" + mark + mark + b")*+" + mark),
        plain=re.compile(b"(?:(?!" + re.escape(delimiter) + b")[^\r\n])*+"),
        # as csv.reader has it, any run of CR may come before the LF; at the end of the data more may follow
        end=re.compile(rb"\r*+(?:\n|\Z)" if eol == b"\n" else rb"\n*+(?:\r|\Z)"),
        ragged=dialect.ragged,
        comment=dialect.comment.encode() if dialect.comment else None,
        skip_lines=dialect.skip_lines,
        skip_footer=dialect.skip_footer,
        windows=WINDOWS.get(codec or ""),
        overflow=dialect.overflow,
        stand_in=stand_in.encode(),
        narrow=compile_dialect(replace(dialect, delimiter=stand_in, overflow=None)) if len(delimiter) > 1 else None,
    )
