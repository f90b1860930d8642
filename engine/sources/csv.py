"""One CSV file, read strictly, in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from engine.errors import DataError, Finding, problem
from engine.model import Dialect
from engine.sources.batch import Batch
from engine.sources.grammar import INVALID, compile_dialect
from engine.sources.reading import Reading
from engine.sources.text import identity_on_disk, size_on_disk

__all__ = ["CsvFile", "Dialect"]


class CsvFile:
    """One CSV file as batches of text. A record is a row, or is given as malformed, or stops the file: none is changed or dropped.

    Blank lines (nothing between two line ends) are no records, not even in a file of one column. The last line need not end.

    A regular file must stay the same from the first look at it to the last: size, time of change, inode, and the hash of its bytes.

    `path` may be `-`, standard input. That and a pipe are read once, any other file anew by each `batches()`. `block_bytes` is about
    what is held in memory and makes a batch, `record_cap` the most bytes that one record may have.

    Raises (whatever reads):
        DataError: the file cannot be opened or read as declared; the finding has its line.
    """

    def __init__(self, path: Path | str, dialect: Dialect, *, block_bytes: int = 2 << 20, record_cap: int = 32 << 20) -> None:
        self._path, self._names = path, dialect.names
        self._sizes = block_bytes, record_cap
        self._grammar = compile_dialect(dialect)
        self._columns: tuple[str, ...] | None = None
        self._reading: Reading | None = None
        self._identity: tuple[int, ...] = ()
        self.sha256 = ""

    @property
    def fingerprint(self) -> dict[str, str | int | None]:
        """What was read: the hash is of the bytes on disk, and there once the file was read to its end; no size where it is no file."""
        size, mtime = self._identity[:2] or (None, None)
        return {"path": str(self._path), "size": size, "mtime_ns": mtime, "sha256": self.sha256 or None}

    @property
    def columns(self) -> tuple[str, ...]:
        """The header's names, or those that the dialect gives. Distinct, without NUL; one of them may be empty."""
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
        return size_on_disk(self._path)

    @property
    def position(self) -> int:
        """Bytes of the file on disk read so far."""
        return self._reading.text.position if self._reading else 0

    def batches(self) -> Iterator[Batch]:
        """The rows, in the file's order. A file with nothing but a header gives none."""
        if self._reading is None or self.size is not None:
            self._reading = self._begin()
        with closing(self._reading) as reading:
            yield from reading.batches(self.columns)
            self._check(reading)

    def _identify(self, reading: Reading) -> None:
        if self.size is not None:
            if self._identity not in ((), reading.text.identity):
                raise self._changed("the file is not the one read before")
            self._identity = reading.text.identity

    def _check(self, reading: Reading) -> None:
        """The file has been read to its end: it must be the one of before."""
        changed = self.sha256 not in ("", reading.text.sha256)
        if self._identity:
            changed |= not self._identity == reading.text.identity == identity_on_disk(self._path)
        if changed:
            raise self._changed("the file changed while it was read")
        self.sha256 = reading.text.sha256

    def _changed(self, message: str, line: int = 0) -> DataError:
        hint = "run again when nothing writes to it any more"
        return DataError(problem("source_changed", message, hint=hint, file=str(self._path), line=line))

    def _begin(self) -> Reading:
        """A reading that stands behind the header."""
        reading = Reading(self._path, self._grammar, *self._sizes)
        try:
            self._identify(reading)
            names, line = reading.header() if self._names is None else (self._names, 0)
            self._columns = self._unchanged(check_names(names, str(self._path), line), line)
        except BaseException:
            reading.close()
            raise
        return reading

    def _unchanged(self, names: tuple[str, ...], line: int) -> tuple[str, ...]:
        if self._columns not in (None, names):
            raise self._changed("the header is not the one read before", line)
        return names


def check_names(names: Sequence[str], file: str, line: int) -> tuple[str, ...]:
    """The names of a header, if they are distinct (several empty ones are not) and texts.

    Raises:
        DataError: `duplicate_header`, one finding a name; `encoding`; `header_nul`.
    """
    problems = _unreadable(names, file, line) or _duplicates(names, file, line)
    if problems:
        raise DataError(problems)
    return tuple(names)


def _unreadable(names: Sequence[str], file: str, line: int) -> list[Finding]:
    if any(INVALID.search(name) for name in names):
        return [
            problem(
                "encoding", "the header has bytes that are invalid in the declared encoding", hint="see csv.encoding", file=file, line=line
            )
        ]
    if any("\0" in name for name in names):
        hint = "if every other byte of the file is NUL, csv.encoding: utf-16-le or utf-16-be"
        return [problem("header_nul", "a column name holds a NUL character", hint=hint, file=file, line=line)]
    return []


def _duplicates(names: Sequence[str], file: str, line: int) -> list[Finding]:
    places: dict[str, list[str]] = {}
    for place, name in enumerate(names, 1):
        places.setdefault(name, []).append(str(place))
    hint = "name them apart; if the file has no header line, give csv.names"
    return [
        problem("duplicate_header", f"{len(at)} columns are named {name!r}: columns {', '.join(at)}", hint=hint, file=file, line=line)
        for name, at in places.items()
        if len(at) > 1
    ]
