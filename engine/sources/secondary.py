"""Sources that arrays and lookups read: held whole, every row accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from engine.errors import DataError
from engine.mapping.model import Mapping as Model
from engine.mapping.model import Source
from engine.sources import Rows, notes, open_source
from engine.sources.batch import FILE, ROW, Batch, Malformed

GROUPS = 20_000  # of them a batch
NO_KEY = "no_key"
FIRST = "\0first"
INDEX = "\0index"
"""Name of the column that numbers a table's rows from 0 (UInt32)."""


@dataclass
class Table:
    """A source in memory: `frame` has its columns as text, ROW and INDEX; `notes` is what the report says of having read it.

    `embedded` says of each row whether a document took it in, `matched` whether one asked for it.
    """

    name: str
    columns: tuple[str, ...]
    frame: pl.DataFrame
    malformed: tuple[Malformed, ...] = ()
    notes: tuple[str, ...] = ()
    matched: np.ndarray[tuple[int], np.dtype[np.bool_]] = field(init=False)
    embedded: np.ndarray[tuple[int], np.dtype[np.bool_]] = field(init=False)

    def __post_init__(self) -> None:
        self.frame = self.frame.with_row_index(INDEX)
        self.matched, self.embedded = np.zeros(len(self.frame), np.bool_), np.zeros(len(self.frame), np.bool_)

    def match(self, rows: pl.Series) -> None:
        """Note that rows (by INDEX) were asked for."""
        self.matched[rows.to_numpy()] = True

    def embed(self, rows: pl.Series) -> None:
        """Note that rows (by INDEX) are in a document."""
        self.embedded[rows.drop_nulls().to_numpy()] = True

    @property
    def rows(self) -> int:
        """Records read, malformed ones included."""
        return len(self.frame) + len(self.malformed)

    def first_orphan(self) -> int:
        """The number of the first row that nobody asked for; 0 for none."""
        missed = np.flatnonzero(~self.matched)
        return int(self.frame[ROW][int(missed[0])]) if len(missed) else 0


def read_others(mapping: Model, source: Rows) -> tuple[dict[str, Table], Rows]:
    """The sources that arrays and lookups read, whole; and the document's own, or the first rows of its groups."""
    tables = read_tables(mapping.sources)
    if not mapping.group_by:
        return tables, source
    tables[""] = read_table("", source)
    return tables, Groups(source, tables[""], mapping.group_by, mapping.source.null_values)


def read_tables(sources: Mapping[str, Source]) -> dict[str, Table]:
    """Read sources whole. Raises DataError as reading them does."""
    return {name: _read_named(name, source) for name, source in sources.items()}


def _read_named(name: str, source: Source) -> Table:
    """Read one source whole; an error says which one it is."""
    try:
        return read_table(name, open_source(source))
    except DataError as error:
        raise DataError([replace(one, message=f"source {name}: {one.message}") for one in error.findings]) from None


def read_table(name: str, rows: Rows) -> Table:
    """Read one source whole."""
    columns = rows.columns
    malformed: list[Malformed] = []
    frames = [table_frame(columns)]
    for batch in rows.batches():
        frames.append(batch.frame.select(*columns, ROW, FILE))
        malformed += batch.malformed
    return Table(name, columns, pl.concat(frames), tuple(malformed), tuple(notes(rows, name)))


def table_frame(columns: tuple[str, ...], rows: Iterable[Mapping[str, str]] = ()) -> pl.DataFrame:
    """Rows of cells as a frame of text, numbered from 1; a cell that a row lacks is empty."""
    cells = [[row.get(name, "") for name in columns] for row in rows]
    numbered = [(*row, number) for number, row in enumerate(cells, start=1)]
    frame = pl.DataFrame(numbered, schema={**dict.fromkeys(columns, pl.String), ROW: pl.Int64}, orient="row")
    return frame.with_columns(pl.lit("").alias(FILE))


MEMBERS = "\0members"
"""Name of the column that says of how many rows a document's row is the first (UInt32)."""


class Groups:
    """A source whose rows are grouped: one row for each group.

    It has the first value of each column, the number of the group's first row, and MEMBERS. Rows without a key are malformed.
    """

    def __init__(self, rows: Rows, table: Table, keys: Sequence[str], null_values: Sequence[str]) -> None:
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
        numbers = pl.col(ROW, FILE).first()
        groups = keyed.group_by(self._keys, maintain_order=True).agg(*cells, numbers, pl.len().alias(MEMBERS))
        for start in range(0, len(groups), GROUPS):
            yield Batch(groups[start : start + GROUPS].select(*self.columns, ROW, FILE, MEMBERS))
        yield Batch(groups.clear().select(*self.columns, ROW, FILE, MEMBERS), self._table.malformed + tuple(self._keyless()))

    def _first(self, name: str) -> pl.Expr:
        """The first cell of a group that has a value; any, where none has."""
        cell = pl.col(name)
        return cell.filter(~cell.is_in(self._nulls)).first().fill_null(cell.first())

    def _without_key(self) -> pl.Expr:
        return pl.any_horizontal(pl.col(name).is_in(self._nulls) for name in self._keys)

    def _keyless(self) -> Iterator[Malformed]:
        for row in self._table.frame.filter(self._without_key()).select(*self.columns, ROW, FILE).iter_rows():
            yield Malformed(row[-2], NO_KEY, f"no value in {', '.join(self._keys)}, which say whose row it is", row[:-2], row[-1])


def members(table: Table, keys: Sequence[str], firsts: pl.DataFrame) -> pl.DataFrame:
    """All rows of the groups that begin with these (column ROW): FIRST, which of these it belongs to, the cells and ROW."""
    first = table.frame.with_columns(pl.col(ROW).first().over(list(keys)).alias(FIRST))
    return firsts.select(pl.col(ROW).alias(FIRST)).join(first, on=FIRST, how="inner", maintain_order="left_right")


def weight(frame: pl.DataFrame) -> int:
    """How many rows of the source these are: more than themselves where they are the first ones of groups."""
    return int(frame[MEMBERS].sum()) if MEMBERS in frame.columns else len(frame)
