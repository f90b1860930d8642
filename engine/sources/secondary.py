"""Secondary sources, which arrays and lookups read: held in memory as a whole, every row accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from engine.errors import DataError
from engine.mapping.model import Mapping as Model
from engine.mapping.model import Source
from engine.sources import RowReader, notes, open_source
from engine.sources.batch import Batch, Malformed
from engine.sources.names import FILE, FIRST, MEMBERS, ROW
from engine.values.frames import col, cols

GROUPS = 20_000  # of them a batch
NO_KEY = "no_key"
SourceRows = tuple[str, pl.Series]
"""Rows of a secondary source: its name, and their places in its frame, from 0 (UInt32, in no order, repeated or null ones among them)."""


@dataclass(frozen=True)
class SecondarySource:
    """A source in memory: `frame` has its columns as text, ROW and FILE; `notes` are what the report says about reading it."""

    name: str
    columns: tuple[str, ...]
    frame: pl.DataFrame = field(repr=False)
    malformed: tuple[Malformed, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Records read, malformed ones included."""
        return len(self.frame) + len(self.malformed)

    @property
    def row_numbers(self) -> pl.Series:
        """The numbers of the frame's rows (Int64)."""
        return self.frame[ROW]


def read_secondary_sources(mapping: Model, source: RowReader) -> tuple[dict[str, SecondarySource], RowReader]:
    """The secondary sources as tables by name (with `group_by` also the primary one, as ""), and the primary source or its groups."""
    tables = read_tables(mapping.sources)
    if not mapping.group_by:
        return tables, source
    tables[""] = read_secondary_source("", source)
    return tables, Groups(source, tables[""], mapping.group_by, mapping.source.null_values)


def read_tables(sources: Mapping[str, Source]) -> dict[str, SecondarySource]:
    """Read sources whole. Raises DataError as reading them does."""
    return {name: _read_named(name, source) for name, source in sources.items()}


def _read_named(name: str, source: Source) -> SecondarySource:
    """Read one source whole; an error says which one it is."""
    try:
        return read_secondary_source(name, open_source(source))
    except DataError as error:
        raise DataError([replace(item, message=f"source {name}: {item.message}") for item in error.findings]) from None


def read_secondary_source(name: str, rows: RowReader) -> SecondarySource:
    """Read one source whole."""
    columns = rows.columns
    malformed: list[Malformed] = []
    frames = [text_frame(columns)]
    for batch in rows.batches():
        frames.append(batch.frame.select(cols((*columns, ROW, FILE))))
        malformed += batch.malformed
    return SecondarySource(name, columns, pl.concat(frames), tuple(malformed), tuple(notes(rows, name)))


def text_frame(columns: tuple[str, ...], rows: Iterable[Mapping[str, str]] = ()) -> pl.DataFrame:
    """Rows of cells as a frame of text, numbered from 1; a cell that a row lacks is empty."""
    cells = [[row.get(name, "") for name in columns] for row in rows]
    numbered = [(*row, number) for number, row in enumerate(cells, start=1)]
    frame = pl.DataFrame(numbered, schema={**dict.fromkeys(columns, pl.String), ROW: pl.Int64}, orient="row")
    return frame.with_columns(pl.lit("").alias(FILE))


class Groups:
    """A source whose rows are grouped: it has one row for each group.

    It has the first value of each column, the number of the group's first row, and MEMBERS. Rows without a key are malformed.
    """

    def __init__(self, rows: RowReader, table: SecondarySource, keys: Sequence[str], null_values: Sequence[str]) -> None:
        self._rows, self._table, self._keys, self._nulls = rows, table, list(keys), list(null_values)
        self.columns = rows.columns

    @property
    def size(self) -> int | None:
        """Bytes of the source."""
        return self._rows.size

    @property
    def position(self) -> int:
        """All of it was read."""
        return self._rows.position

    @property
    def fingerprint(self) -> dict[str, str | int | None]:
        """As the source's."""
        return self._rows.fingerprint

    def batches(self) -> Iterator[Batch]:
        """The groups in the order of their first rows."""
        keyed = self._table.frame.filter(~self._without_key())
        cells = [self._first(name) for name in self.columns if name not in self._keys]
        numbers = (number.first() for number in cols((ROW, FILE)))
        grouped = keyed.group_by(cols(self._keys), maintain_order=True).agg(*cells, *numbers, pl.len().alias(MEMBERS))
        groups = grouped.select(cols((*self.columns, ROW, FILE, MEMBERS)))
        for start in range(0, len(groups), GROUPS):
            yield Batch(groups[start : start + GROUPS])
        yield Batch(groups.clear(), self._table.malformed + tuple(self._keyless()))

    def _first(self, name: str) -> pl.Expr:
        """The first cell of a group that has a value; any, where none has."""
        cell = col(name)
        return cell.filter(~cell.is_in(self._nulls)).first().fill_null(cell.first())

    def _without_key(self) -> pl.Expr:
        return pl.any_horizontal(col(name).is_in(self._nulls) for name in self._keys)

    def _keyless(self) -> Iterator[Malformed]:
        for row in self._table.frame.filter(self._without_key()).select(cols((*self.columns, ROW, FILE))).iter_rows():
            yield Malformed(row[-2], NO_KEY, f"no value in {', '.join(self._keys)}, the columns of group_by", row[:-2], row[-1])


def members(table: SecondarySource, keys: Sequence[str], firsts: pl.Series) -> pl.DataFrame:
    """All rows of the groups that begin with the rows of these numbers: FIRST, which of these it belongs to, the cells and ROW."""
    first = table.frame.with_columns(col(ROW).first().over(cols(keys)).alias(FIRST))
    return firsts.alias(FIRST).to_frame().join(first, on=FIRST, how="inner", maintain_order="left_right")
