"""A whole file, read once: the evidence about each column, and a hash of every cell for comparing columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from engine.errors import DataError, finding
from engine.infer.columns import Gathering
from engine.infer.dialects import FileLayout, layouts
from engine.infer.evidence import ColumnProfile
from engine.mapping.model import Source, format_of
from engine.sources import STDIN, open_source
from engine.values.frames import cols

QUOTE_FAULTS = frozenset({"stray_quote", "unclosed_quote", "record_too_long"})
MOST_HASHED = 100_000_000  # cells; in larger files keys and duplicates are not searched


@dataclass(frozen=True)
class FileProfile:
    """A file and the evidence about it. `hashes`: one UInt64 column per column (None if too large); `malformed`: counts by code."""

    path: str
    layout: FileLayout
    rows: int
    columns: tuple[ColumnProfile, ...]
    malformed: Mapping[str, int]
    hashes: pl.DataFrame | None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)


def read_table(path: str) -> FileProfile:
    """Read a file to its end.

    Raises:
        DataError: the file cannot be read, is not a regular table, or more than about 1 % of its records are malformed.
    """
    if path == STDIN:
        raise DataError(
            finding("not_again", "standard input can be read only once, engine infer reads twice", hint="name a file", file=path)
        )
    first: DataError | None = None
    for layout in layouts(Path(path)) if format_of(path) == "csv" else [FileLayout()]:
        try:
            return _read(path, layout)
        except DataError as error:
            first = first or error
            if not all(finding.code in QUOTE_FAULTS for finding in error.findings):
                break
    assert first is not None
    raise first


def _read(path: str, layout: FileLayout) -> FileProfile:
    source = open_source(Source((path,), dialect=layout.dialect))
    gatherings = [Gathering(name) for name in source.columns]
    malformed: Counter[str] = Counter()
    hashed: list[pl.DataFrame] | None = []
    rows = 0
    for batch in source.batches():
        malformed.update(record.code for record in batch.malformed)
        rows += batch.frame.height
        if batch.frame.height:
            for gathering in gatherings:
                gathering.add(batch.frame[gathering.name])
        hashed = hashed if rows * len(gatherings) <= MOST_HASHED else None
        if hashed is not None:
            hashed.append(batch.frame.select(cell.hash() for cell in cols(source.columns)))
    _check(path, rows, malformed)
    hashes = pl.concat(hashed) if hashed else None
    distinct = {name: hashes[name].n_unique() if hashes is not None else None for name in source.columns}
    return FileProfile(
        path, layout, rows, tuple(gathering.profile(distinct[gathering.name]) for gathering in gatherings), dict(malformed), hashes
    )


def _check(path: str, rows: int, malformed: Counter[str]) -> None:
    total = rows + malformed.total()
    if 10 * malformed.total() > total or malformed.total() > 3 + total / 100:
        counts = ", ".join(f"{times:,} {code}" for code, times in malformed.most_common())
        message = f"{malformed.total():,} of {total:,} records are not rows of the table: {counts}"
        raise DataError(finding("irregular", message, hint="correct the file, or write its mapping by hand", file=path))
