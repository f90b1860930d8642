"""A dialect, compiled once: the bytes that mean something, csv.reader's arguments, and where a record breaks the rules.

The rules are RFC 4180's as Python's `csv` reads them in strict mode: a quote opens a quoted cell only as the cell's first character
(elsewhere it is data), `""` inside is one quote, and after the closing quote comes a delimiter or the end of the line.
"""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass
from typing import Any

from engine.errors import DataError, problem
from engine.model import Dialect

INVALID = re.compile("[\ud800-\udfff]")
ANY_LENGTH = 2**31 - 1  # csv's own limit on a cell is 131,072 characters; ours is the cap on a record


class Fault(Exception):  # noqa: N818 - not an error yet: the reader adds file and line
    """What breaks a record: `at` and `opened` are byte offsets in the block, `opened` being the first byte of the broken cell."""

    def __init__(self, code: str, at: int, opened: int) -> None:
        super().__init__(code)
        self.code, self.at, self.opened = code, at, opened


@dataclass(frozen=True)
class Grammar:
    """`delimiter`, `eol` and `quote` are single bytes; `quote` is None when quoting is off; `codec` is None for UTF-8."""

    codec: str | None
    delimiter: bytes
    quote: bytes | None
    eol: bytes
    reader: dict[str, Any]
    quoted: re.Pattern[bytes]
    plain: re.Pattern[bytes]
    end: re.Pattern[bytes]

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
            if data[at : at + 1] != self.delimiter:
                return Fault("stray_cr" if data[at : at + 1] in (b"\r", b"\n") else "stray_quote", at, opened)
            at += 1
        return None

    def shown(self, cell: str) -> str:
        r"""A cell with its invalid bytes written `\xNN`."""
        if self.codec:  # a lone surrogate that transcoding has written as three bytes
            cell = cell.encode("utf-8", "surrogateescape").decode("utf-8", "surrogatepass")
        return INVALID.sub(_escape, cell)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"  # noqa: PLR2004 - what surrogateescape makes


def _codec(encoding: str) -> str | None:
    try:
        "".encode(encoding)
        codecs.getincrementaldecoder(encoding)
    except (LookupError, UnicodeError):
        raise DataError(problem("encoding", "the declared encoding is none of Python's text encodings", hint="see csv.encoding")) from None
    name = codecs.lookup(encoding).name
    return None if name in {"utf-8", "utf-8-sig"} else name


def compile_dialect(dialect: Dialect) -> Grammar:
    """The grammar of a dialect. Its delimiter and quote must be single ASCII characters (the loader sees to it)."""
    csv.field_size_limit(ANY_LENGTH)
    delimiter, eol = dialect.delimiter.encode("ascii"), dialect.newline.encode("ascii")
    quote = dialect.quote.encode("ascii") if dialect.quote is not None else None
    mark = re.escape(quote or b'"')
    quoting = {"quotechar": dialect.quote} if quote else {"quoting": csv.QUOTE_NONE, "quotechar": None}
    return Grammar(
        codec=_codec(dialect.encoding),
        delimiter=delimiter,
        quote=quote,
        eol=eol,
        reader={"delimiter": dialect.delimiter, "strict": True, **quoting},
        quoted=re.compile(mark + b"(?:[^" + mark + b"]|" + mark + mark + b")*+" + mark),
        plain=re.compile(b"[^\r\n" + re.escape(delimiter) + b"]*+"),
        # as csv.reader has it, any run of CR may stand before the LF; at the end of the data more may follow
        end=re.compile(rb"\r*+(?:\n|\Z)" if eol == b"\n" else rb"\n*+(?:\r|\Z)"),
    )
