"""Sources: files in, batches of text columns with row numbers out. Nothing is changed, padded or dropped on the way.

In: a mapping's `Source`. Out: a `RowReader`, whose batches hold each row's cells as text with its number and file, and the records that are
not rows; of a secondary source, all rows in memory (`secondary`).

A new format is a module here, a row of `READERS` and a row of `model.FORMATS`; a new place of files stands beside `disk`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from engine.mapping.model import Source
from engine.sources.batch import Batch
from engine.sources.csv import CsvFile
from engine.sources.disk import STDIN
from engine.sources.file import COUNTED, File
from engine.sources.files import Files, find
from engine.sources.ndjson import NdjsonFile
from engine.sources.parquet import ParquetFile

__all__ = ["READERS", "STDIN", "CsvFile", "Files", "RowReader", "notes", "open_source"]

READERS: dict[str, Callable[[Path | str, Source], File]] = {
    "csv": lambda path, source: CsvFile(path, source.dialect, source.member),
    "ndjson": lambda path, source: NdjsonFile(path, source.member),
    "parquet": lambda path, _: ParquetFile(path),
}
"""How a file of each format is opened. A new format has a module here, a line in this table and one in `model.FORMATS`."""


class RowReader(Protocol):
    """What a run reads. `size` and `position` count bytes on disk; `size` is None where the source can be read only once."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""

    @property
    def size(self) -> int | None:
        """Bytes on disk."""

    @property
    def position(self) -> int:
        """Bytes on disk read so far."""

    @property
    def fingerprint(self) -> dict[str, str | int | None]:
        """What was read: path, size, mtime_ns, sha256, and how many there were of each of `file.COUNTED`."""

    def batches(self) -> Iterator[Batch]:
        """The rows, from the first one on."""


def open_source(source: Source) -> RowReader:
    """The files of a mapping's source, whose batches have `batch.FILE` too; nothing is read yet.

    Raises:
        DataError: there is no such file, no file matches a pattern, or one is named twice.
    """
    found = find(source)
    return Files(source.path, [_file(path, source) for path, _ in found], [name for _, name in found])


def _file(path: str, source: Source) -> File:
    file = READERS[source.format_of(path)](path if path == STDIN else Path(path), source)
    file.column_names = source.column_names
    return file


def notes(rows: RowReader, name: str = "") -> list[str]:
    """What a run's report says about the source of this name (empty for the primary source), once it was read."""
    found, whose = rows.fingerprint, f"the source {name}" if name else "the source"
    return [words.format(number=found[kind], source=whose) for kind, words in COUNTED.items() if found.get(kind)]
