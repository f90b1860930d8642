"""Parquet: the rows that a CSV of the same table would have given; what is refused; bounded memory."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest
from csv_oracle import read as read_csv
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import DataError, Finding
from engine.mapping.model import Source
from engine.sources import open_source
from engine.sources.names import ROW
from engine.sources.parquet import ParquetFile

COLUMNS = {
    "text": (st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5), pl.String),
    "long": (st.integers(-(2**63), 2**63 - 1), pl.Int64),
    "unsigned": (st.integers(0, 2**64 - 1), pl.UInt64),
    "double": (st.floats(), pl.Float64),
    "float": (st.floats(width=32), pl.Float32),
    "bool": (st.booleans(), pl.Boolean),
    "date": (st.dates(), pl.Date),
    "decimal": (st.decimals(-(10**9), 10**9, places=3), pl.Decimal(38, 3)),
    "category": (st.sampled_from(["a", "b"]), pl.Categorical),
    "second": (st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1)), pl.Datetime("us")),  # noqa: DTZ001
}


@settings(max_examples=25, deadline=None)
@given(st.data(), st.integers(0, 8), st.integers(1, 4), st.integers(1, 5))
def test_the_cells_are_those_of_a_csv_file(data: st.DataObject, height: int, group: int, batch_rows: int) -> None:
    table = pl.DataFrame({
        name: pl.Series(data.draw(st.lists(st.none() | values, min_size=height, max_size=height)), dtype=dtype)
        for name, (values, dtype) in COLUMNS.items()
    })  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        table.write_parquet(Path(folder) / "a.parquet", row_group_size=group)
        table.write_csv(Path(folder) / "a.csv", datetime_format="%Y-%m-%dT%H:%M:%S%.6f")
        file = ParquetFile(Path(folder) / "a.parquet", batch_rows=batch_rows)
        batches = list(file.batches())
        columns, right, _ = read_csv(Path(folder) / "a.csv")
        hashed = sha256((Path(folder) / "a.parquet").read_bytes()).hexdigest()
        assert file.position == (file.size if height else 0)
    rows = [list(row) for batch in batches for row in batch.frame.rows()]
    assert (file.columns, file.sha256) == (columns, hashed)
    assert rows == [[*cells, row] for row, cells in enumerate(right, 1)]
    assert all(batch.frame.columns == [*columns, ROW] for batch in batches)


def test_kinds_that_no_csv_writer_has_or_agrees_on(tmp_path: Path) -> None:
    at = datetime(2024, 7, 2, 10, 30, tzinfo=UTC)
    pl.DataFrame({
        "ms": pl.Series([at.replace(tzinfo=None)], dtype=pl.Datetime("ms")),
        "ns": pl.Series([at.replace(tzinfo=None)], dtype=pl.Datetime("ns")),
        "zoned": pl.Series([at]).dt.convert_time_zone("Europe/Paris"),
        "time": [time(1, 2, 3, 4000)], "bytes": [b"\x01\xff"], "duration": [timedelta(hours=25)], "null": [None], "": [Decimal("1.50")],
        "day": [date(1, 2, 3)],
    }).write_parquet(tmp_path / "a.parquet")  # fmt: skip
    (batch,) = ParquetFile(tmp_path / "a.parquet").batches()
    assert batch.frame.drop(ROW).row(0) == (
        "2024-07-02T10:30:00.000", "2024-07-02T10:30:00.000000000", "2024-07-02T10:30:00.000000Z", "01:02:03.004", "01ff", "P1DT1H", "",
        "1.50", "0001-02-03",
    )  # fmt: skip


def stop(source: Source) -> Finding:
    with pytest.raises(DataError) as caught:
        list(open_source(source).batches())
    return caught.value.findings[0]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    source = Source((str(path),))
    assert stop(source).code == "source_missing"
    pl.DataFrame({"a": [[1]], "b": [{"c": 1}], "d": [1]}).write_parquet(path)
    assert (stop(source).code, "'a', 'b'" in stop(source).message) == ("nested_column", True)
    pl.DataFrame({"a\0": [1]}).write_parquet(path)
    assert stop(source).code == "header_nul"
    pl.DataFrame({"a": range(1000)}).write_parquet(path, compression="uncompressed", statistics=False)
    whole = path.read_bytes()
    for data in (b"", b"a,b\n1,2\n", whole[:-1], whole[: len(whole) // 2], whole[:8] + b"\xff" * 40 + whole[48:]):
        path.write_bytes(data)
        assert (stop(source).code, stop(source).file) == ("damaged_parquet", str(path))
    assert stop(Source(("-",), format="parquet")).code == "parquet_not_a_file"
    packed = tmp_path / "a.parquet.gz"
    packed.touch()
    assert stop(Source((str(packed),))).code == "parquet_not_a_file"


def test_a_change_while_it_is_read_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": range(100)}).write_parquet(path)
    batches = ParquetFile(path, batch_rows=10).batches()
    assert next(batches).frame["a"].to_list() == [str(number) for number in range(10)]
    os.utime(path, (1, 1))
    with pytest.raises(DataError, match="source_changed"):
        list(batches)


def test_reading_may_stop_early(tmp_path: Path) -> None:
    path = tmp_path / "[a]*.parquet"
    pl.DataFrame({"a": range(200_000)}).write_parquet(path, row_group_size=1000)
    batches = open_source(Source((str(path),))).batches()
    assert next(batches).last > 0
    batches.close()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_memory_is_bounded_by_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pl.select(pl.int_range(3_000_000).alias("n"), pl.int_range(3_000_000).hash().alias("m"))
    table.write_parquet(path, row_group_size=50_000)
    del table
    resident = [_resident_mb() for _ in ParquetFile(path, batch_rows=50_000).batches()]
    assert len(resident) >= 30
    assert max(resident) - max(resident[:10]) < 40


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
