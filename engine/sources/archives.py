"""Compressed files, by name: gzip, Zstandard, and ZIP archives of one file."""

from __future__ import annotations

import gzip
import lzma
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple, cast

from engine.errors import DataError, counted, finding
from engine.mapping.model import GZIP, ZIP, ZSTANDARD
from engine.sources.disk import HashingFile, failures, open_file, sha256_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SHOWN_MEMBERS = 10
FOREIGN_MEMBER = "__MACOSX/"  # where macOS keeps what is not content
DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zstd.ZstdError, zipfile.BadZipFile)


class ArchiveKind(NamedTuple):
    """A way of compressing: its name, and the command that tests such a file."""

    name: str
    test: str


KINDS = {GZIP: ArchiveKind("gzip", "gzip -t"), ZSTANDARD: ArchiveKind("Zstandard", "zstd -t"), ZIP: ArchiveKind("ZIP", "unzip -t")}
"""By the end of the file's name, in lower case."""


def compression(name: str) -> str:
    """The key of KINDS that a file's name ends in; empty for none."""
    return next((suffix for suffix in KINDS if name.lower().endswith(suffix)), "")


class ArchiveContent:
    """What is in a file, decompressed where its name says so. `position` is how many bytes of the file on disk were read.

    Raises (all methods):
        DataError: the file cannot be opened or read, the archive is damaged, or does not hold the one file that is wanted.
    """

    def __init__(self, path: str, member: str | None = None) -> None:
        self.name, self.position = path, 0
        self._kind = compression(path)
        self._file = open_file(path)
        self._hashed = HashingFile(self._file)
        self.fileno = self._file.fileno
        try:
            self._bytes = self._decompressed(member)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()
        self._file.close()

    def _decompressed(self, member: str | None) -> BinaryIO:
        hashed = cast("BinaryIO", self._hashed)
        if self._kind == GZIP:
            return cast("BinaryIO", gzip.GzipFile(fileobj=hashed))
        if self._kind == ZSTANDARD:
            return cast("BinaryIO", zstd.ZstdFile(hashed))
        return _zipped(self._file, self.name, member) if self._kind == ZIP else hashed

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end."""
        with failures(self.name), damage(self.name):
            data = self._bytes.read(size)
            self.position = self._file.tell() if self._file.seekable() else self.position + len(data)
            if not self.position and self._kind:
                raise EOFError
            return data

    @property
    def sha256(self) -> str:
        """Of the bytes on disk; but for ZIP archives, which are read in another order, of those read so far."""
        return sha256_of(self.name) if self._kind == ZIP else self._hashed.sha256


def _zipped(file: BinaryIO, name: str, member: str | None) -> BinaryIO:
    with failures(name), damage(name):
        archive = zipfile.ZipFile(file)
        found = [entry for entry in archive.infolist() if not entry.is_dir() and not entry.filename.startswith(FOREIGN_MEMBER)]
        names = [entry.filename for entry in found]
        wanted = [entry for entry in found if member in (None, entry.filename)]
        if len(wanted) != 1:
            raise _no_member(name, names, member)
        if wanted[0].flag_bits & 1:
            raise DataError(finding("archive_encrypted", "the archive is encrypted", hint="decrypt it", file=name))
        try:
            return cast("BinaryIO", archive.open(wanted[0]))
        except NotImplementedError:
            raise DataError(
                finding("archive_method", "the archive uses an unsupported compression method", hint="zip it again", file=name)
            ) from None


def _no_member(name: str, names: list[str], member: str | None) -> DataError:
    listed = ", ".join(map(repr, names[:SHOWN_MEMBERS])) + (" …" if len(names) > SHOWN_MEMBERS else "")
    what = f"the archive holds {counted(len(names), 'file')}" if member is None else f"the archive has no file {member!r}, or several"
    message = f"{what}: {listed}" if names else "the archive holds no file"
    return DataError(finding("archive_member", message, hint="name the file to read in source.member", file=name))


@contextmanager
def damage(name: str) -> Iterator[None]:
    """What the decompressors raise, as DataError."""
    try:
        yield
    except DAMAGE:
        kind = KINDS[compression(name)]
        message = f"the {kind.name} archive is truncated, corrupt, followed by something else, or not {kind.name} at all"
        raise DataError(finding("damaged_archive", message, hint=f"test it with {kind.test}", file=name)) from None
