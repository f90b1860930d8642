"""Parquet files, every cell as a CSV writer would have written it.

Numbers and decimals keep their digits (a float has as many as tell it apart), dates and times are ISO 8601, a timestamp with the digits of
its column's unit and, if it has a time zone, in UTC with a Z; booleans are true and false, bytes hexadecimal. A null is an empty cell, and
so is an empty text.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from engine.errors import DataError, finding
from engine.sources.archives import compression
from engine.sources.batch import Batch
from engine.sources.disk import STDIN, identity, open_file, sha256_of
from engine.sources.file import File
from engine.sources.names import ROW
from engine.values.frames import col

CELLS_OF_A_BATCH = 500_000
FRACTION = {"ms": "%.3f", "us": "%.6f", "ns": "%.9f"}
FAILURES = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


class ParquetPass:
    """One reading of a file, a few row groups at a time."""

    def __init__(self, path: Path | str, batch_rows: int | None) -> None:
        self.position, self.counted = 0, Counter[str]()
        self._name, self._batch_rows = str(path), batch_rows
        if self._name == STDIN or compression(self._name):
            message = "a Parquet file is read from its end, so it cannot be in standard input or an archive"
            raise DataError(finding("parquet_not_a_file", message, hint="save it as a separate file", file=self._name))
        self._file = open_file(path)
        self.close = self._file.close
        self._frame = pl.scan_parquet(path, glob=False, hive_partitioning=False)

    @property
    def identity(self) -> tuple[int, ...]:
        """That of the opened file."""
        return identity(os.fstat(self._file.fileno()))

    @property
    def sha256(self) -> str:
        """Of the bytes on disk, read for that."""
        return sha256_of(self._name)

    def header(self) -> tuple[list[str], int]:
        """The names of the columns. Raises DataError for a nested column, and where the file is not Parquet, or damaged."""
        try:
            schema = self._frame.collect_schema()
        except FAILURES:
            raise self._damaged() from None
        if nested := [name for name, dtype in schema.items() if dtype.is_nested() or dtype == pl.Object]:
            names = ", ".join(map(repr, nested))
            hint = "write them as JSON texts, or the table as NDJSON"
            raise DataError(finding("nested_column", f"columns that hold lists or structures: {names}", hint=hint, file=self._name))
        self._frame = self._frame.select(text_of(name, dtype) for name, dtype in schema.items())
        return list(schema), 0

    def batches(self, names: tuple[str, ...]) -> Iterator[Batch]:
        """The rows."""
        rows = self._batch_rows or max(CELLS_OF_A_BATCH // max(len(names), 1), 1)
        size, read = os.fstat(self._file.fileno()).st_size, 0
        try:
            total = self._frame.select(pl.len()).collect().item()
            for frame in self._frame.collect_batches(chunk_size=rows, maintain_order=True):
                number = pl.int_range(read + 1, read + frame.height + 1, dtype=pl.Int64)
                read += frame.height
                self.position = size * read // total if total else 0
                if frame.height:
                    yield Batch(frame.with_columns(number.alias(ROW)))
        except FAILURES:
            raise self._damaged() from None

    def _damaged(self) -> DataError:
        message = "the file is not a Parquet file, is truncated or damaged, or has an unsupported type of column"
        return DataError(finding("damaged_parquet", message, hint="write it again, or as CSV", file=self._name))


def text_of(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column as text without nulls."""
    column = col(name)
    if isinstance(dtype, pl.Datetime):
        column = column.dt.convert_time_zone("UTC") if dtype.time_zone else column
        text = column.dt.to_string("%Y-%m-%dT%H:%M:%S" + FRACTION[dtype.time_unit] + ("Z" if dtype.time_zone else ""))
    elif isinstance(dtype, pl.Time):
        text = column.dt.to_string("%H:%M:%S%.f")
    elif isinstance(dtype, pl.Duration):
        text = column.dt.to_string("iso")
    elif isinstance(dtype, pl.Binary):
        text = column.bin.encode("hex")
    else:
        text = column.cast(pl.String)
    return text.fill_null("")


class ParquetFile(File):
    """One Parquet file; `batch_rows` is the number of rows of a batch."""

    def __init__(self, path: Path | str, *, batch_rows: int | None = None) -> None:
        super().__init__(path)
        self._batch_rows = batch_rows

    def open(self) -> ParquetPass:
        """Begin to read."""
        return ParquetPass(self.path, self._batch_rows)
