"""Rows with cells too many because one column is not quoted: the cells are joined there, and nowhere else."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from csv_oracle import Record, read
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import DataError
from engine.mapping.model import Source
from engine.sources import notes, open_source, scan
from engine.sources.csv import CsvFile, Dialect
from engine.sources.grammar import Fault, compile_dialect
from engine.sources.names import ROW
from engine.sources.records import exact

LIMITS = settings(max_examples=80, deadline=None)
sizes = st.one_of(st.integers(1, 60), st.just(1 << 20))


@pytest.fixture(scope="module")
def file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "table.csv"


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


@st.composite
def tables(draw: st.DrawFn, delimiter: str) -> tuple[list[Record], int]:
    """A table, and the place of the column that is written without quotes."""
    pieces = st.sampled_from(["a", "é", " ", '"', "\n", "\x1f", "\x1e", "\x1d", delimiter])
    cells = st.lists(pieces, max_size=4).map("".join)
    bare = st.lists(st.sampled_from(["", "a", " é", 'b"', "\x1f", "0"]), min_size=1, max_size=4).map(delimiter.join)
    width = draw(st.integers(1, 4))
    place = draw(st.integers(0, width - 1))
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), max_size=8))
    for row in rows:
        row[place] = draw(bare)
    return [[f"n{number}" for number in range(width)], *rows], place


@LIMITS
@given(st.data(), st.sampled_from([",", "§", "\x1f", "\x1e"]), st.sampled_from(["\n", "\r\n", "\r"]), sizes)
def test_what_is_written_without_quotes_is_read_back(file: Path, data: st.DataObject, delimiter: str, eol: str, size: int) -> None:
    ((header, *rows), place), ragged = data.draw(tables(delimiter)), data.draw(st.booleans())
    lines = [
        delimiter.join(cell if at == place and (cell or len(row) > 1) else quoted(cell) for at, cell in enumerate(row)) + eol
        for row in (header, *rows)
    ]
    file.write_bytes("".join(lines).encode())
    dialect = Dialect(delimiter, newline="\r" if eol == "\r" else "\n", overflow=header[place], ragged=ragged)
    names, records, malformed = read(file, dialect, block_bytes=size)
    assert ([list(names), *records], malformed) == ([header, *rows], {})
    source = CsvFile(file, dialect, block_bytes=size)
    assert sum(batch.frame.height for batch in source.batches()) == len(rows)
    assert source.fingerprint.get("repaired", 0) == sum(delimiter in row[place] for row in rows)


soup = st.lists(st.sampled_from(["a", ",", ",,", '"', '""', '"a"', '",', ',"', '","', "\n", "\r\n", "\x1f", "é"]), max_size=30).map("".join)


@settings(LIMITS, max_examples=250)
@given(soup, st.sampled_from("wxyz"), st.integers(1, 4), st.booleans(), st.sampled_from(['"', None]))
@example('"a",b\n', "w", 1, False, '"')
@example('a,"b"\n', "w", 1, False, '"')
@example('a,b,"c"\n"a","b,c"\n', "w", 2, False, '"')
@example('a\n"b",c,d\n', "x", 2, True, '"')
def test_the_fast_way_is_the_exact_way(text: str, column: str, width: int, ragged: bool, quote: str | None) -> None:
    names = tuple("wxyz"[:width])
    grammar = compile_dialect(Dialect(overflow=column if column in names else "w", ragged=ragged, quote=quote))
    fast = scan.read(text.encode(), grammar, names, 7, 1 << 20)
    if fast is None:
        return
    try:
        right = exact(text.encode()[: fast.used], grammar, names, 7, 1 << 20)
    except Fault:
        pytest.fail("the scan calls regular what the exact way refuses")
    assert not right.batch.malformed
    assert (fast.used, fast.repaired) == (right.used, right.counted["repaired"])
    assert fast.frame.equals(right.batch.frame)


def test_the_fast_way_is_taken() -> None:
    found = scan.read(b'1,a,b,,c,"x"\n2,d,e\n', compile_dialect(Dialect(overflow="b")), ("a", "b", "c"), 1, 99)
    assert found is not None
    assert (found.frame.drop(ROW).rows(), found.repaired) == ([("1", "a,b,,c", "x"), ("2", "d", "e")], 1)


@pytest.mark.parametrize("size", [1, 9, 1 << 20])
@pytest.mark.parametrize("ragged", [False, True])
def test_short_rows_and_quoted_cells_are_not_joined(file: Path, size: int, ragged: bool) -> None:
    lines = ["a,b,c", "1,x,y,z", "2,x", '3,"x",y,z', '4,x,"y",z', '5,x,y,"z"', "6,x,\udcff,z", '"x,y","x",y,z']
    file.write_bytes("\n".join(lines).encode(errors="surrogateescape"))
    _, records, malformed = read(file, Dialect(overflow="b", ragged=ragged), block_bytes=size)
    assert [records[0], records[4]] == [["1", "x,y", "z"], ["5", "x,y", "z"]]
    wrong = {2: "short_row", 3: "long_row", 4: "long_row", 6: "encoding", 7: "long_row"}
    assert {row: code for row, (code, _) in malformed.items()} == {row: code for row, code in wrong.items() if not (ragged and row == 2)}
    assert records[2] == ["3", "x", "y", "z"]


def test_the_column_must_be_there(file: Path) -> None:
    file.write_bytes(b"\nid,adress\n1,2\n")
    for dialect, line in ((Dialect(overflow="address"), 2), (Dialect(names=("id", "adress"), overflow="address"), 0)):
        with pytest.raises(DataError) as caught:
            assert CsvFile(file, dialect).columns
        found = caught.value.findings[0]
        assert (found.code, found.line, found.hint) == ("overflow_column", line, "correct csv.overflow")


def test_what_was_counted_is_told(tmp_path: Path) -> None:
    for name in ("1.csv", "2.csv"):
        (tmp_path / name).write_text("#\na,b\n1,2,3\n4,5\n")
    source = open_source(Source((str(tmp_path / "*.csv"),), dialect=Dialect(comment="#", overflow="b")))
    assert notes(source) == []
    assert sum(batch.frame.height for batch in source.batches()) == 4
    assert notes(source, "x") == [
        "lines of the source x that were skipped as comments: 2",
        "rows of the source x whose surplus cells were joined, as csv.overflow says: 2",
    ]


DATASETS = Path(__file__).parents[2] / "../shared/corpora/datasets/northwind_orders"


@pytest.mark.skipif(not DATASETS.exists(), reason="no data sets beside the repository")
@pytest.mark.parametrize(
    ("name", "column", "rows", "repaired"),
    [
        ("orders", "shipAddress", 830, 176),
        ("customers", "address", 91, 24),
        ("suppliers", "address", 29, 9),
        ("employees", "address", 9, 0),
    ],
)
def test_the_orders_that_do_not_quote(name: str, column: str, rows: int, repaired: int) -> None:
    source = CsvFile(DATASETS / f"{name}.csv", Dialect(overflow=column))
    batches = list(source.batches())
    assert sum(batch.frame.height for batch in batches) == rows
    assert not any(batch.malformed for batch in batches)
    assert source.fingerprint.get("repaired", 0) == repaired
