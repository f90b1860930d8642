"""Reading sources: a file in, batches of text columns with row numbers out. Nothing is changed, padded or dropped on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from engine.model import Source
from engine.sources.batch import Batch
from engine.sources.csv import CsvFile

STDIN = "-"


class Rows(Protocol):
    """What a run reads. `size` and `position` count bytes on disk; no size where the source can be read only once."""

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
        """What was read: path, size, mtime_ns, sha256."""

    def batches(self) -> Iterator[Batch]:
        """The rows, from the first one on."""


def open_source(source: Source) -> CsvFile:
    """The file of a mapping's source; nothing is read yet."""
    return CsvFile(source.path if source.path == STDIN else Path(source.path), source.dialect)
