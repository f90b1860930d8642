"""Several files as one source: found by name, and read one after another."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import polars as pl

from engine.errors import DataError, Finding, finding, near_file
from engine.mapping.model import Source
from engine.sources.batch import Batch, Malformed
from engine.sources.disk import STDIN
from engine.sources.file import COUNTED, File, Fingerprint
from engine.sources.names import FILE, ROW
from engine.values.frames import col

SHOWN_COLUMNS = 10
MAGIC = re.compile(r"[*?[]")


class Found(NamedTuple):
    """A file, and its name in the data: the last part of its path, or all that a pattern left open. Folders of a machine are not in it."""

    path: str
    name: str


def find(source: Source) -> list[Found]:
    """The files of a source's paths: each as it is, or, where no file has that name, those that the pattern matches, sorted by path.

    Raises:
        DataError: there is no such file, a pattern matches nothing, or a file is named twice.
    """
    found = [file for path in source.paths for file in _matches(path, source)]
    places: set[str] = set()
    for path, _ in found:
        place = os.path.realpath(path)
        if place in places:
            raise DataError(finding("source_repeated", "the file would be read twice", hint="name it only once in source.path", file=path))
        places.add(place)
    return found


def _matches(path: str, source: Source) -> list[Found]:
    if path == STDIN or os.path.lexists(path):
        return [Found(path, Path(path).name)]
    magic = MAGIC.search(path)
    if not magic:
        raise _missing(path, source, "there is no such file", near_file(path) or "correct the path; it is relative to the current folder")
    files = sorted(file for file in glob.glob(path, recursive=True) if not Path(file).is_dir())  # noqa: PTH207 - relative or not
    if not files:
        raise _missing(path, source, "no file matches this pattern", "a pattern can have * ? [ab] and **/")
    folder = Path(path[: magic.start()] + "x").parent
    return [Found(file, Path(file).relative_to(folder).as_posix()) for file in files]


def _missing(path: str, source: Source, message: str, hint: str) -> DataError:
    """At the mapping's line, where the mapping names the path."""
    if not source.mapping_file:
        return DataError(finding("source_missing", message, hint=hint, file=path))
    message = f"{message}: {path}"
    return DataError(Finding(source.line, 1, "source_missing", message, hint=hint, file=source.mapping_file))


class Files:
    """Files as one source. Their rows are numbered through, and each batch says in `FILE` which one it is from.

    All must have the same columns, in any order; the first file's order counts. Where the format lets a row lack columns, so may a file.

    Raises (whatever reads):
        DataError: as of a single file; `other_columns`.
    """

    def __init__(self, path: str, files: Sequence[File], names: Sequence[str]) -> None:
        self._path, self._files, self._names = path, files, names
        self._columns: tuple[str, ...] | None = None
        self._done = 0
        self._open: File | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        if self._columns is None:
            first, *others = self._files
            names = dict.fromkeys(first.columns)
            for file in others:
                if not file.sparse:
                    _expect_columns(first, file)
                names.update(dict.fromkeys(file.columns))
            self._columns = tuple(names)
        return self._columns

    @property
    def size(self) -> int | None:
        """Bytes on disk; None where one of them is not a file."""
        sizes = [file.size for file in self._files]
        return None if None in sizes else sum(size for size in sizes if size)

    @property
    def position(self) -> int:
        """Bytes on disk read so far."""
        return self._done + (self._open.position if self._open else 0)

    @property
    def fingerprint(self) -> Fingerprint:
        """What was read. Of several files: the sum of the sizes, the last change, the hash of their hashes."""
        if len(self._files) == 1:
            return self._files[0].fingerprint
        prints = [file.fingerprint for file in self._files]
        sizes, times = ([number for fingerprint in prints if isinstance(number := fingerprint[key], int)] for key in ("size", "mtime_ns"))
        hashes = [file.sha256 for file in self._files]
        whole, read = len(sizes) == len(prints), all(hashes)
        counted = Counter[str]()
        for one in prints:
            counted.update({kind: number for kind in COUNTED if isinstance(number := one.get(kind), int)})
        return {
            "path": self._path,
            "size": sum(sizes) if whole else None,
            "mtime_ns": max(times) if whole else None,
            "sha256": sha256("".join(hashes).encode()).hexdigest() if read else None,
            **counted,
        }

    def batches(self) -> Iterator[Batch]:
        """The rows of all files, from the first one on."""
        columns, before, self._done = self.columns, 0, 0
        for file, name in zip(self._files, self._names, strict=True):
            self._open, last = file, before
            cells = [col(column) if column in file.columns else pl.lit("").alias(column) for column in columns]
            place = [*cells, col(ROW) + before if before else col(ROW), pl.lit(name).alias(FILE)]
            for batch in file.batches():
                malformed = tuple(replace(_placed(record, file.columns, columns, before), file=name) for record in batch.malformed)
                whole = Batch(batch.frame.select(place), malformed)
                last = max(last, whole.last)
                yield whole
            before = last
            self._done, self._open = self._done + file.position, None


def _placed(record: Malformed, own: tuple[str, ...], columns: tuple[str, ...], before: int) -> Malformed:
    """A record of one file as one of all; its cells under the right columns, or after them where the columns are unknown."""
    if own != columns:
        cells, rest = record.cells[: len(own)], record.cells[len(own) :]
        if len(cells) == len(own):
            by_name = dict(zip(own, cells, strict=True))
            cells = tuple(by_name.get(name, "") for name in columns) + rest
        else:
            cells = ("",) * len(columns) + cells
        record = replace(record, cells=cells)
    return replace(record, row=record.row + before)


def _expect_columns(first: File, file: File) -> None:
    """Tells the columns by their places: where a file has no header, their names are the cells of a record."""
    lacks, more = _absent(first.columns, file.columns), _absent(file.columns, first.columns)
    if lacks or more:
        differing = [*([f"it lacks columns {lacks} of it"] if lacks else []), *([f"columns {more} are not in it"] if more else [])]
        hint = "give a renamed column all its names, column: [NEW, OLD], or load such files with a separate mapping"
        message = f"the columns differ from those of {first.path}: {'; '.join(differing)}"
        raise DataError(finding("other_columns", message, hint=hint, file=str(file.path)))


def _absent(names: Sequence[str], others: Sequence[str]) -> str:
    """The places of the names that the others lack."""
    places = [str(place) for place, name in enumerate(names, 1) if name not in others]
    return ", ".join(places[:SHOWN_COLUMNS]) + (" …" if len(places) > SHOWN_COLUMNS else "")
