"""A whole file, read once: the evidence about each column, and a hash of every cell for what is said of several columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from engine.errors import DataError, problem
from engine.infer.columns import Gathering
from engine.infer.dialects import Layout, layouts
from engine.infer.evidence import Profile
from engine.mapping.model import Source, format_of
from engine.sources import STDIN, open_source

QUOTE_FAULTS = frozenset({"stray_quote", "unclosed_quote", "record_too_long"})
MOST_HASHED = 100_000_000  # cells; beyond these nothing is said of keys and duplicates


@dataclass(frozen=True)
class Table:
    """A file and what is in it. `hashes` has a UInt64 column per column (None where the file is too large), `malformed` counts by code."""

    path: str
    layout: Layout
    rows: int
    columns: tuple[Profile, ...]
    malformed: Mapping[str, int]
    hashes: pl.DataFrame | None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(one.name for one in self.columns)


def read_table(path: str) -> Table:
    """Read a file to its end.

    Raises:
        DataError: it cannot be read, is no regular table, or has more than about 1 % of malformed records.
    """
    if path == STDIN:
        raise DataError(problem("not_again", "standard input can be read only once, inference reads twice", hint="give a file", file=path))
    first: DataError | None = None
    for layout in layouts(Path(path)) if format_of(path) == "csv" else [Layout()]:
        try:
            return _read(path, layout)
        except DataError as error:
            first = first or error
            if not all(finding.code in QUOTE_FAULTS for finding in error.findings):
                break
    assert first is not None
    raise first


def _read(path: str, layout: Layout) -> Table:
    source = open_source(Source((path,), layout.dialect))
    gatherings = [Gathering(name) for name in source.columns]
    malformed: Counter[str] = Counter()
    hashed: list[pl.DataFrame] | None = []
    rows = 0
    for batch in source.batches():
        malformed.update(record.code for record in batch.malformed)
        rows += batch.frame.height
        if batch.frame.height:
            for one in gatherings:
                one.add(batch.frame[one.name])
        hashed = hashed if rows * len(gatherings) <= MOST_HASHED else None
        if hashed is not None:
            hashed.append(batch.frame.select(pl.col(source.columns).hash()))
    _check(path, rows, malformed)
    hashes = pl.concat(hashed) if hashed else None
    distinct = {name: hashes[name].n_unique() if hashes is not None else None for name in source.columns}
    return Table(path, layout, rows, tuple(one.profile(distinct[one.name]) for one in gatherings), dict(malformed), hashes)


def _check(path: str, rows: int, malformed: Counter[str]) -> None:
    total = rows + malformed.total()
    if 10 * malformed.total() > total or malformed.total() > 3 + total / 100:
        counts = ", ".join(f"{times:,} {code}" for code, times in malformed.most_common())
        message = f"{malformed.total():,} of {total:,} records are no rows of the table: {counts}"
        raise DataError(problem("irregular", message, hint="correct the file, or write its mapping by hand", file=path))
