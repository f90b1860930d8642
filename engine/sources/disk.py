"""Files on disk: opened, identified and hashed, with what goes wrong put into words."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from engine.errors import DataError, finding, near_file

STDIN = "-"
OPENING: tuple[tuple[type[OSError], str, str], ...] = (
    (FileNotFoundError, "source_missing", "there is no such file"),
    (IsADirectoryError, "source_is_directory", "this is a directory, but a file is expected"),
    (PermissionError, "source_denied", "reading this file is not permitted"),
    (OSError, "source_unreadable", "the file cannot be read"),
)


class HashingFile:
    """A file that hashes what is read of it, from its beginning on."""

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


def open_file(path: Path | str) -> BinaryIO:
    """The file's bytes; those of standard input for `-`. Raises DataError."""
    if str(path) == STDIN:
        return sys.stdin.buffer
    with failures(str(path)):
        return Path(path).open("rb")


def size_on_disk(path: Path | str) -> int | None:
    """Bytes of the file, None where there is no such number (standard input, a pipe).

    Raises:
        DataError: there is no such file.
    """
    if str(path) == STDIN:
        return None
    with failures(str(path)):
        found = Path(path).stat()
        return found.st_size if stat.S_ISREG(found.st_mode) else None


def identity(found: os.stat_result) -> tuple[int, ...]:
    """Size, time of the last change in nanoseconds, device and inode: what changes when the file does."""
    return found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino


def identity_on_disk(path: Path | str) -> tuple[int, ...]:
    """The identity of the file that has the name now. Raises DataError where there is none."""
    with failures(str(path)):
        return identity(Path(path).stat())


def sha256_of(path: Path | str) -> str:
    """The hash of a file that is not read from its beginning to its end. Raises DataError."""
    with failures(str(path)), Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def failures(name: str) -> Iterator[None]:
    """What the operating system reports of a file, as DataError."""
    try:
        yield
    except OSError as error:
        kind, code, message = next(row for row in OPENING if isinstance(error, row[0]))
        hint = (error.strerror or "") if kind is OSError else near_file(name) if kind is FileNotFoundError else ""
        raise DataError(finding(code, message, hint=hint, file=name)) from None
