"""One file as a source, whatever its format: read in passes, and the same from the first look at it to the last."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import ClassVar, Protocol

from engine.errors import DataError, Finding, finding
from engine.sources.batch import Batch
from engine.sources.disk import identity_on_disk, size_on_disk

Fingerprint = dict[str, str | int | None]
COUNTED = {
    "comments": "lines of {source} that were skipped as comments: {number:,}",
    "repaired": "rows of {source} whose surplus cells were joined, as csv.overflow says: {number:,}",
}
"""What is counted besides rows, and how it is reported. A new one needs a line here, and is counted where it occurs."""


class Pass(Protocol):
    """One reading of a file, from its beginning to its end. All of it may raise DataError; the finding has the line."""

    counted: Counter[str]
    """How often each of COUNTED occurred so far."""

    @property
    def position(self) -> int:
        """Bytes on disk read so far."""

    @property
    def sha256(self) -> str:
        """Of the bytes on disk, once all are read."""

    @property
    def identity(self) -> tuple[int, ...]:
        """That of the opened file (see `disk.identity`)."""

    def header(self) -> tuple[Sequence[str], int]:
        """The names of the columns and the line they are on, 0 for none. Called once, before `batches`."""

    def batches(self, names: tuple[str, ...]) -> Iterator[Batch]:
        """The rows, numbered from 1."""

    def close(self) -> None:
        """Let go of the file."""


class File(ABC):
    """One file as batches of text. A record is a row, or is given as malformed, or stops the file: no record is changed or dropped.

    `column_names` are all names of columns that have several, by the one that is used whichever of them the header has.

    A regular file must stay the same from the first look at it to the last: size, time of change, inode, and the hash of its bytes.
    `path` may be `-`, standard input. That and a pipe are read once, any other file again by each `batches()`.

    Raises (whatever reads):
        DataError: the file cannot be opened or read as declared; the finding has its line.
    """

    sparse: ClassVar[bool] = False
    """Whether a row may lack columns, which counts as empty cells; then files of one source need not have the same columns."""

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self.sha256 = ""
        self.column_names: Mapping[str, tuple[str, ...]] = {}
        self._header: tuple[str, ...] | None = None
        self._columns: tuple[str, ...] | None = None
        self._reading: Pass | None = None
        self._identity: tuple[int, ...] = ()

    @abstractmethod
    def open(self) -> Pass:
        """Begin to read."""

    @property
    def fingerprint(self) -> Fingerprint:
        """What was read: the hash is of the bytes on disk, known once the file was read to its end; size is None where it is not a file.

        Of what is COUNTED, only what occurred.
        """
        size, mtime = self._identity[:2] or (None, None)
        counted = +self._reading.counted if self._reading else {}  # without those that did not occur
        return {"path": str(self.path), "size": size, "mtime_ns": mtime, "sha256": self.sha256 or None, **counted}

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, of those with several the first. Distinct, without NUL; one of them may be empty."""
        if self._columns is None:
            self._reading = self._begin()
            if self.size is not None:
                self._reading.close()
                self._reading = None
        assert self._columns is not None
        return self._columns

    @property
    def size(self) -> int | None:
        """Bytes of the file on disk; None for standard input and pipes."""
        return size_on_disk(self.path)

    @property
    def position(self) -> int:
        """Bytes of the file on disk read so far."""
        return self._reading.position if self._reading else 0

    def batches(self) -> Iterator[Batch]:
        """The rows, in the file's order. A file with nothing but a header gives none."""
        if self._reading is None or self.size is not None:
            self._reading = self._begin()
        with closing(self._reading) as reading:
            own = dict(zip(self._header or (), self.columns, strict=True))
            for batch in reading.batches(tuple(own)):
                yield batch.called(own) if self.column_names else batch
            self._check(reading)

    def _begin(self) -> Pass:
        """A reading that is before the first row."""
        reading = self.open()
        try:
            self._identify(reading)
            names, line = reading.header()
            self._header = self._unchanged(check_names(names, str(self.path), line), line)
            self._columns = called(self._header, self.column_names, str(self.path), line)
        except BaseException:
            reading.close()
            raise
        return reading

    def _identify(self, reading: Pass) -> None:
        if self.size is not None:
            if self._identity not in ((), reading.identity):
                raise self._changed("the file is not the one read before")
            self._identity = reading.identity

    def _unchanged(self, names: tuple[str, ...], line: int) -> tuple[str, ...]:
        if self._header not in (None, names):
            raise self._changed("the header is not the one read before", line)
        return names

    def _check(self, reading: Pass) -> None:
        """The file has been read to its end: it must be the same as before."""
        found = reading.sha256
        changed = self.sha256 not in ("", found)
        if self._identity:
            changed |= not self._identity == reading.identity == identity_on_disk(self.path)
        if changed:
            raise self._changed("the file changed while it was read")
        self.sha256 = found

    def _changed(self, message: str, line: int = 0) -> DataError:
        hint = "run again when nothing writes to it"
        return DataError(finding("source_changed", message, hint=hint, file=str(self.path), line=line))


def check_names(names: Sequence[str], file: str, line: int) -> tuple[str, ...]:
    """The names of a header, if they are distinct (several empty ones are not) and hold no NUL.

    Raises:
        DataError: `duplicate_header`, one finding a name; `header_nul`.
    """
    if any("\0" in name for name in names):
        hint = "if every other byte of the file is NUL, set csv.encoding: utf-16-le or utf-16-be"
        raise DataError(finding("header_nul", "a column name holds a NUL character", hint=hint, file=file, line=line))
    if problems := _duplicates(names, file, line):
        raise DataError(problems)
    return tuple(names)


def called(header: Sequence[str], names: Mapping[str, tuple[str, ...]], file: str, line: int = 0) -> tuple[str, ...]:
    """A header whose columns with several `names` are called by the first of them.

    Raises:
        DataError: `column_names`: the header has two names of a column.
    """
    there = {first: found for first, every in names.items() if (found := [name for name in every if name in header])}
    if both := next((found for found in there.values() if len(found) > 1), None):
        message = f"the header has {' and '.join(map(repr, both))}, which the mapping says are names of one column"
        raise DataError(finding("column_names", message, hint="remove one of the names from the mapping", file=file, line=line))
    firsts = {found[0]: first for first, found in there.items()}
    return tuple(firsts.get(name, name) for name in header)


def _duplicates(names: Sequence[str], file: str, line: int) -> list[Finding]:
    places: dict[str, list[str]] = {}
    for place, name in enumerate(names, 1):
        places.setdefault(name, []).append(str(place))
    hint = "give them different names; if the file has no header line, set csv.names"
    same = [", ".join(at) for at in places.values() if len(at) > 1]  # not their name: it is a cell where there is no header
    return [finding("duplicate_header", f"columns {at} have the same name", hint=hint, file=file, line=line) for at in same]
