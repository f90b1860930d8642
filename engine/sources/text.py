"""Opening a file: decompressed, transcoded to UTF-8, without its byte order mark, block by block."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from engine.errors import DataError, problem

STDIN = "-"
FOREIGN = {
    codecs.BOM_UTF8: ("the file is UTF-8", "csv.encoding: utf-8"),
    codecs.BOM_UTF32_LE: ("the file is UTF-32", "csv.encoding: utf-32"),
    codecs.BOM_UTF16_LE: ("the file is UTF-16", "csv.encoding: utf-16"),
    codecs.BOM_UTF16_BE: ("the file is UTF-16", "csv.encoding: utf-16"),
    b"\x1f\x8b": ("the file is gzip", "name it .gz"),
    b"\x28\xb5\x2f\xfd": ("the file is Zstandard", "decompress it into standard input: zstd -dc FILE | … path: -"),
    b"PK\x03\x04": ("the file is a ZIP archive or a spreadsheet", "unpack it, or save it as CSV"),
}
"""How a file begins that is in no encoding of single bytes: what it is, and what to do. UTF-32 before UTF-16."""
OPENING: tuple[tuple[type[OSError], str, str], ...] = (
    (FileNotFoundError, "source_missing", "there is no such file"),
    (IsADirectoryError, "source_is_directory", "this is a directory, a file is expected"),
    (PermissionError, "source_denied", "reading this file is not permitted"),
    (OSError, "source_unreadable", "the file cannot be read"),
)


class Hashed:
    """A file that hashes what is read of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._hash = file, hashlib.sha256()
        self.tell, self.seekable, self.close, self.fileno = file.tell, file.seekable, file.close, file.fileno

    def read(self, size: int = -1) -> bytes:
        """As the file's own."""
        data = self._file.read(size)
        self._hash.update(data)
        return data

    @property
    def sha256(self) -> str:
        """Of all that was read, in hexadecimal."""
        return self._hash.hexdigest()


class Text:
    """A file as UTF-8 bytes. `position` is how many bytes of the file on disk have been read, `sha256` their hash."""

    def __init__(self, path: Path | str, codec: str | None) -> None:
        self.name = str(path)
        self.position = 0
        self._raw = Hashed(_open(path))
        self._gzip = _is_gzip(self.name)
        self._bytes = cast("BinaryIO", gzip.GzipFile(fileobj=cast("BinaryIO", self._raw)) if self._gzip else self._raw)
        self._codec = codec or "utf-8"
        self._decoder = codecs.getincrementaldecoder(codec)("surrogateescape") if codec else None
        self._begun = False

    def read(self, size: int) -> bytes:
        """The next `size` bytes or, transcoded, about as many; none at the end.

        Raises:
            DataError: the file cannot be read, its archive is damaged, or its first bytes are those of another encoding.
            UnicodeError: bytes that the declared encoding cannot pass by.
        """
        while True:
            data = self._take(max(size, 4))  # no byte order mark is longer
            piece = self._utf8(data)
            if piece or not data:
                return piece

    @property
    def sha256(self) -> str:
        """Of the bytes read so far, as they are on disk."""
        return self._raw.sha256

    @property
    def identity(self) -> tuple[int, ...]:
        """What changes when the file on disk does, as of the opened file."""
        return identity(os.fstat(self._raw.fileno()))

    def close(self) -> None:
        """Close the file, but not standard input."""
        if self.name != STDIN:
            self._bytes.close()
            self._raw.close()

    def _utf8(self, data: bytes) -> bytes:
        """An undefined byte becomes a lone surrogate in the text, and that three bytes that are UTF-8 nowhere."""
        first, self._begun = not self._begun, True
        if first:
            _refuse_foreign(data, self._codec, self.name)
        if self._decoder is None:
            return data.removeprefix(codecs.BOM_UTF8) if first else data
        text = self._decoder.decode(data, final=not data)
        return (text.removeprefix("\ufeff") if first else text).encode("utf-8", "surrogatepass")

    def _take(self, size: int) -> bytes:
        with _failures(self.name), _damage(self.name):
            data = self._bytes.read(size)
            self.position = self._raw.tell() if self._raw.seekable() else self.position + len(data)
            if not self.position and self._gzip:
                raise EOFError
            return data


def size_on_disk(path: Path | str) -> int | None:
    """Bytes of the file, None where that means nothing (standard input, a pipe).

    Raises:
        DataError: there is no such file.
    """
    if str(path) == STDIN:
        return None
    with _failures(str(path)):
        found = Path(path).stat()
        return found.st_size if stat.S_ISREG(found.st_mode) else None


def identity(found: os.stat_result) -> tuple[int, ...]:
    """Size, time of the last change in nanoseconds, device and inode."""
    return found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino


def identity_on_disk(path: Path | str) -> tuple[int, ...]:
    """The identity of the file that has the name now. Raises DataError where there is none."""
    with _failures(str(path)):
        return identity(Path(path).stat())


def _is_gzip(name: str) -> bool:
    return name.lower().endswith(".gz")


def _open(path: Path | str) -> BinaryIO:
    if str(path) == STDIN:
        return sys.stdin.buffer
    with _failures(str(path)):
        return Path(path).open("rb")


def _refuse_foreign(data: bytes, codec: str, name: str) -> None:
    for mark, (message, hint) in FOREIGN.items():
        if data.startswith(mark):
            if codec.startswith(("utf-16", "utf-32")) or (mark == codecs.BOM_UTF8 and codec == "utf-8"):
                return
            raise DataError(problem("encoding", f"{message}, not {codec} text", hint=hint, file=name, line=1))


@contextmanager
def _failures(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        code, message = next((code, message) for kind, code, message in OPENING if isinstance(error, kind))
        raise DataError(problem(code, message, hint=error.strerror or "", file=name)) from None


@contextmanager
def _damage(name: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error):
        message = "the gzip archive is truncated, corrupt, followed by something else, or no gzip at all"
        raise DataError(problem("damaged_archive", message, hint="test it with gzip -t", file=name)) from None
