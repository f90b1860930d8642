"""The text of a file: decompressed, transcoded to UTF-8, without its byte order mark, block by block."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

from engine.errors import DataError, finding
from engine.sources.archives import ArchiveContent
from engine.sources.disk import STDIN, identity

FOREIGN = {
    codecs.BOM_UTF8: ("the file is UTF-8", "set csv.encoding: utf-8"),
    codecs.BOM_UTF32_LE: ("the file is UTF-32", "set csv.encoding: utf-32"),
    codecs.BOM_UTF16_LE: ("the file is UTF-16", "set csv.encoding: utf-16"),
    codecs.BOM_UTF16_BE: ("the file is UTF-16", "set csv.encoding: utf-16"),
    b"\x1f\x8b": ("the file is gzip", "name it .gz, or decompress it into standard input"),
    b"\x28\xb5\x2f\xfd": ("the file is Zstandard", "name it .zst, or decompress it into standard input"),
    b"PK\x03\x04": ("the file is a ZIP archive or a spreadsheet", "name it .zip; save a spreadsheet as CSV"),
    b"PAR1": ("the file is Parquet", "name it .parquet, or set source.format: parquet"),
}
"""How a file begins that is not in an encoding of single bytes: what it is, and what to do. UTF-32 before UTF-16."""
MARKED = {"utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)}
"""Encodings whose byte order only the file's first bytes tell."""


class Text:
    """A file as UTF-8 bytes. `codec` is Python's name of its encoding, None for UTF-8; `member` is the file to read in an archive."""

    def __init__(self, path: Path | str, codec: str | None = None, member: str | None = None) -> None:
        self.name = str(path)
        self._content = ArchiveContent(self.name, member)
        self._codec = codec or "utf-8"
        self._decoder = codecs.getincrementaldecoder(codec)("surrogateescape") if codec else None
        self._begun = False

    def read(self, size: int) -> bytes:
        """The next `size` bytes or, transcoded, about as many; none at the end.

        Raises:
            DataError: the file cannot be read, its archive is damaged, or its first bytes are those of another encoding.
            UnicodeError: bytes that the declared encoding cannot skip.
        """
        while True:
            data = self._content.read(max(size, 4))  # no byte order mark is longer
            piece = self._utf8(data)
            if piece or not data:
                return piece

    @property
    def position(self) -> int:
        """Bytes of the file on disk read so far."""
        return self._content.position

    @property
    def sha256(self) -> str:
        """Of the bytes read so far, as they are on disk."""
        return self._content.sha256

    @property
    def identity(self) -> tuple[int, ...]:
        """What changes when the file on disk does, as of the opened file."""
        return identity(os.fstat(self._content.fileno()))

    def close(self) -> None:
        """Close the file, but not standard input."""
        if self.name != STDIN:
            self._content.close()

    def _utf8(self, data: bytes) -> bytes:
        """An undefined byte becomes a lone surrogate in the text, which becomes three bytes that are never valid UTF-8."""
        first, self._begun = not self._begun, True
        if first:
            _refuse_foreign(data, self._codec, self.name)
        if self._decoder is None:
            return data.removeprefix(codecs.BOM_UTF8) if first else data
        text = self._decoder.decode(data, final=not data)
        return (text.removeprefix("\ufeff") if first else text).encode("utf-8", "surrogatepass")


def _refuse_foreign(data: bytes, codec: str, name: str) -> None:
    if codec in MARKED and data and not data.startswith(MARKED[codec]):
        hint = f"set csv.encoding: {codec}-le or {codec}-be, if it is {codec.upper()} at all"
        raise DataError(finding("encoding", f"no byte order mark tells the byte order of {codec}", hint=hint, file=name, line=1))
    for mark, (message, hint) in FOREIGN.items():
        if data.startswith(mark):
            if codec.startswith(("utf-16", "utf-32")) or (mark == codecs.BOM_UTF8 and codec == "utf-8"):
                return
            raise DataError(finding("encoding", f"{message}, not {codec} text", hint=hint, file=name, line=1))


class WithoutFooter:
    """A text without its last lines; `read` is the whole text's. They are lines as the file has them, whatever the quotes say."""

    def __init__(self, text: Text, eol: bytes, lines: int, cap: int) -> None:
        self._text, self._eol, self._lines, self._cap = text, eol, lines, cap
        self._held = b""

    def read(self, size: int) -> bytes:
        """As the text's own. Raises DataError, too, where the lines held back take more than the cap."""
        while data := self._text.read(size):
            held = self._held + data
            cut = self._cut(held)
            self._held = held[cut:]
            if cut:
                return held[:cut]
            if len(held) > self._cap:
                raise DataError(finding("record_too_long", f"the file has a line of more than {self._cap} bytes", file=self._text.name))
        last, self._held = self._held, b""
        one_too_many = bool(last) and not last.endswith(self._eol) and last.count(self._eol) == self._lines
        return last[: last.find(self._eol) + 1] if one_too_many else b""

    def _cut(self, held: bytes) -> int:
        """Where those lines begin that may turn out to be the last: one more, for the text may end without a line end."""
        place = len(held)
        for _ in range(self._lines + 1):
            place = held.rfind(self._eol, 0, max(place, 0))
        return place + 1
