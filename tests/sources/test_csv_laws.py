"""Laws: the reader agrees with Python's strict csv on anything, however the file is cut into blocks, and its two ways agree."""

from __future__ import annotations

import csv
import io
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from csv_oracle import Record, expected, read
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import DataError
from engine.sources import scan
from engine.sources.csv import Dialect
from engine.sources.grammar import Fault, compile_dialect
from engine.sources.names import ROW
from engine.sources.records import exact

LIMITS = settings(max_examples=100, deadline=None)
ALPHABET = ["a", "é", " ", "0", ",", ";", '"', "\n", "\r", "\r\n", "\t", "\0", "\ufeff", "#", "\x1a", "𝄞", "\u2028", "\\"]
cells = st.lists(st.sampled_from(ALPHABET), max_size=4).map("".join)
sizes = st.one_of(st.integers(1, 40), st.integers(40, 400), st.just(1 << 20))


@pytest.fixture(scope="module")
def file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "table.csv"


@st.composite
def tables(draw: st.DrawFn) -> list[Record]:
    width = draw(st.integers(1, 4))
    names = draw(
        st.lists(cells.filter(lambda name: "\0" not in name and not name.startswith("\ufeff")), min_size=width, max_size=width, unique=True)
    )
    return [names, *draw(st.lists(st.lists(cells, min_size=width, max_size=width), max_size=8))]


@st.composite
def written(draw: st.DrawFn, table: list[Record], delimiter: str, eol: st.SearchStrategy[str]) -> str:
    """A table as text: quotes where needed, elsewhere at random; blank lines; perhaps no line end at the last line."""
    lines = []
    for record in table:
        out = [draw(_written(cell, delimiter, alone=len(record) == 1)) for cell in record]
        lines.append(delimiter.join(out) + draw(eol) + draw(st.sampled_from(["", "", "", draw(eol)])))
    text = "".join(lines)
    return text.rstrip("\r\n") if draw(st.booleans()) and not text.rstrip("\r\n").endswith('"') else text


def _written(cell: str, delimiter: str, *, alone: bool) -> st.SearchStrategy[str]:
    quoted = '"' + cell.replace('"', '""') + '"'
    needed = cell.startswith('"') or any(mark in cell for mark in (delimiter, "\n", "\r")) or (alone and not cell)
    return st.just(quoted) if needed else st.sampled_from([cell, quoted])


@LIMITS
@given(st.data(), tables(), st.sampled_from([",", ";", "\t", "|", " ", "a"]), sizes)
def test_a_written_table_is_read_back(file: Path, data: st.DataObject, table: list[Record], delimiter: str, size: int) -> None:
    text = data.draw(written(table, delimiter, st.sampled_from(["\n", "\r\n"])))
    file.write_bytes(text.encode())
    assert expected(text, delimiter) == table
    names, records, malformed = read(file, Dialect(delimiter), block_bytes=size)
    assert ([list(names), *records], malformed) == (table, {})


@LIMITS
@given(st.data(), tables(), sizes)
def test_an_old_macintosh_table_is_read_back(file: Path, data: st.DataObject, table: list[Record], size: int) -> None:
    file.write_bytes(data.draw(written(table, ",", st.just("\r"))).encode())
    names, records, malformed = read(file, Dialect(newline="\r"), block_bytes=size)
    assert ([list(names), *records], malformed) == (table, {})


@LIMITS
@given(st.data(), tables(), st.sampled_from(["utf-16", "utf-16-be", "utf-32", "gb18030", "utf-8-sig"]), sizes)
def test_the_encoding_does_not_matter(file: Path, data: st.DataObject, table: list[Record], encoding: str, size: int) -> None:
    file.write_bytes(data.draw(written(table, ",", st.just("\r\n"))).encode(encoding))
    names, records, malformed = read(file, Dialect(encoding=encoding), block_bytes=size)
    assert ([list(names), *records], malformed) == (table, {})


soup = st.lists(
    st.sampled_from(
        [b"a", b"b,", b",", b'"', b'""', b'"a"', b'","', b"\n", b"\r\n", b"\r", "é".encode(), b"\xc3", b"\xff", b"\0", b"\xef\xbb\xbf"]
    ),
    max_size=30,
)


@settings(LIMITS, max_examples=500)
@given(soup.map(b"".join), st.sampled_from(['"', None]), sizes)
@example(b'a,b\n1,5" pipe\n2,"x"\n', '"', 1 << 20)
@example(b'a\n"x\n', '"', 3)
@example(b"a,b\n\xef\xbb\xbf1,2\n\xef\xbb\xbf1,2\n", '"', 12)
def test_nothing_is_ever_read_wrongly(file: Path, data: bytes, quote: str | None, size: int) -> None:
    file.write_bytes(data)
    text = data.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape")
    right = expected(text, quote=quote)
    try:
        names, records, malformed = read(file, Dialect(quote=quote), block_bytes=size)
    except DataError as error:
        _judge_stop(error, data, right)
        return
    assert right is not None
    shown = [[cell.encode(errors="surrogateescape").decode(errors="backslashreplace") for cell in cells] for cells in right]
    assert [list(names), *records] == shown
    for row, cells in enumerate(right[1:], 1):
        wrong = "encoding" if not "".join(cells).isprintable() and _invalid(cells) else _ragged(len(cells), len(names))
        assert malformed.get(row, ("", []))[0] == wrong


def _judge_stop(error: DataError, data: bytes, right: list[Record] | None) -> None:
    codes = {finding.code for finding in error.findings}
    allowed = {"duplicate_header", "no_header", "header_nul", "encoding"} | ({"stray_cr"} if b"\r" in data else set())
    assert codes <= allowed | {"unclosed_quote", "stray_quote"}
    assert right is None or codes <= allowed
    assert all(finding.line <= data.count(b"\n") + 1 for finding in error.findings)


def _invalid(cells: Record) -> bool:
    return any("\udc80" <= character <= "\udcff" for cell in cells for character in cell)


def _ragged(found: int, wanted: int) -> str:
    return "" if found == wanted else "short_row" if found < wanted else "long_row"


@settings(LIMITS, max_examples=500)
@given(
    soup.map(b"".join),
    st.sampled_from([Dialect(), Dialect(quote=None), Dialect("b"), Dialect(newline="\r")]),
    st.integers(1, 3),
    st.integers(3, 40),
)
@example(b'"a""b",c\r\n"","\n"\r\n', Dialect(), 2, 40)
@example(b'a"b",c\n', Dialect(), 2, 40)
@example(b'"a"b,c\n', Dialect(), 2, 40)
@example(b"a\nb,c,d\n", Dialect(), 2, 40)
@example(b"\xef\xbb\xbfa,b\n", Dialect(), 2, 40)
def test_the_fast_way_is_the_exact_way(data: bytes, dialect: Dialect, width: int, cap: int) -> None:
    grammar, names = compile_dialect(dialect), tuple("xyz"[:width])
    found = scan.scan(data, grammar, width, cap)
    if found is None:
        return
    try:
        right = exact(data[: found.used], grammar, names, 7, cap)  # the rest may be a stray quote's, and is judged then
    except Fault:
        pytest.fail("the scan calls regular what the exact way refuses")
    frame = right.batch.frame
    text_bytes = sum(len(cell.encode()) for row in frame.drop(ROW).rows() for cell in row)
    assert found[:3] == (right.used, right.records, text_bytes)
    assert not right.batch.malformed
    fast = scan.read(data, grammar, names, 7, cap)
    assert fast is not None
    assert fast[1] == right.used
    assert fast[0].equals(frame)


def test_a_frame_that_does_not_add_up_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    grammar, data = compile_dialect(Dialect()), b'1,"2"\n3,4\n'
    right = scan._parse(data, grammar, ("a", "b"))
    for wrong in (right.head(1), right.with_columns(b=pl.lit("")), right.with_columns(b=pl.lit(None, pl.String))):
        monkeypatch.setattr(scan, "_parse", lambda *_, frame=wrong: frame)
        assert scan.read(data, grammar, ("a", "b"), 1, 99) is None


def test_a_large_regular_block_goes_the_fast_way_and_is_right() -> None:
    """Large enough for polars to read it with all its threads; quoted line ends and quotes everywhere that it might cut."""
    source = random.Random(1)
    pieces = ["x", "\n", '"', ",", "\r\n", "word", "é", '","', '\n"', '",\n"']
    table = [["".join(source.choices(pieces, k=source.randrange(12))) for _ in range(5)] for _ in range(40_000)]
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(table)
    names = tuple("abcde")
    found = scan.read(out.getvalue().encode(), compile_dialect(Dialect()), names, 1, 1 << 20)
    assert found is not None
    assert found[0].drop(ROW).rows() == [tuple(record) for record in table]
