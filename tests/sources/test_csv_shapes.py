"""Files that are nearly tables: odd delimiters, lines around and between the rows, rows that end early. Laws, and what stops them."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from csv_oracle import Record, read
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import DataError
from engine.sources import scan
from engine.sources.csv import CsvFile, Dialect
from engine.sources.grammar import Fault, compile_dialect
from engine.sources.names import ROW
from engine.sources.records import exact

LIMITS = settings(max_examples=100, deadline=None)
cells = st.lists(st.sampled_from(["a", "é", "0", " ", ",", '"', "#", "\n", "\r\n", "§", "\x1f", "\x1e", "//"]), max_size=4).map("".join)
sizes = st.one_of(st.integers(1, 60), st.just(1 << 20))


@pytest.fixture(scope="module")
def file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "table.csv"


@st.composite
def tables(draw: st.DrawFn, least: int = 2) -> list[Record]:
    width = draw(st.integers(least, 5))
    return [[f"n{place}" for place in range(width)], *draw(st.lists(st.lists(cells, min_size=width, max_size=width), max_size=8))]


def line(record: Record, delimiter: str = ",", eol: str = "\n") -> str:
    return delimiter.join('"' + cell.replace('"', '""') + '"' if set(cell) & {'"', "\n", "\r", delimiter, "#", "/"} else cell
                          for cell in record) + eol  # fmt: skip


@LIMITS
@given(tables(), st.sampled_from(["§", "¦", "，", "𝄞", "\x1f", "\x1e", "ı", "#"]), st.sampled_from(["\n", "\r\n"]), sizes)
def test_any_single_character_delimits(file: Path, table: list[Record], delimiter: str, eol: str, size: int) -> None:
    file.write_bytes("".join(line(record, delimiter, eol) for record in table).encode())
    names, records, malformed = read(file, Dialect(delimiter), block_bytes=size)
    assert ([list(names), *records], malformed) == (table, {})


soup = st.lists(st.sampled_from(["a", "§", "§§", '"', '""', '"a"', '"§"', "\n", "\r\n", "\x1f", "é", "#", "\n#"]), max_size=30).map("".join)


@settings(LIMITS, max_examples=300)
@given(soup, st.sampled_from([Dialect("§"), Dialect("§", ragged=True), Dialect("a", ragged=True), Dialect("a", comment="#"),
                              Dialect("§", quote=None, comment="#", ragged=True)]), st.integers(1, 4), st.integers(3, 40))  # fmt: skip
@example('"§"§b\n', Dialect("§"), 2, 40)
@example("a\n\n", Dialect("§", ragged=True), 2, 40)
@example("§§\n1§2§3§4\n", Dialect("§", ragged=True), 3, 40)
def test_the_fast_way_is_the_exact_way(text: str, dialect: Dialect, width: int, cap: int) -> None:
    data, grammar, names = text.encode(), compile_dialect(dialect), tuple("wxyz"[:width])
    fast = scan.read(data, grammar, names, 7, cap)
    if fast is None:
        return
    try:
        right = exact(data[: fast.used], grammar, names, 7, cap)  # the rest may be a stray quote's, and is judged then
    except Fault:
        pytest.fail("the scan calls regular what the exact way refuses")
    assert not right.batch.malformed
    assert fast[1] == right.used
    assert fast[0].equals(right.batch.frame)


@pytest.mark.parametrize("dialect", [Dialect("§"), Dialect("§", quote=None), Dialect(ragged=True), Dialect(comment="#")])
def test_the_fast_way_is_taken(dialect: Dialect) -> None:
    data = line(["1", "é", "3"], dialect.delimiter) + line(["4", "5", "6"][: 1 if dialect.ragged else 3], dialect.delimiter)
    found = scan.read(data.encode(), compile_dialect(dialect), ("a", "b", "c"), 1, 99)
    assert found is not None
    assert found[0].drop(ROW).rows() == [("1", "é", "3"), ("4", "", "") if dialect.ragged else ("4", "5", "6")]


@LIMITS
@given(st.data(), tables(), sizes)
def test_a_ragged_table_is_the_table_with_empty_cells(file: Path, data: st.DataObject, table: list[Record], size: int) -> None:
    cut = [record[: data.draw(st.integers(1, len(record)))] for record in table[1:]]
    cut = [record for record in cut if record != [""]]  # a blank line is no record
    file.write_text("".join(map(line, [table[0], *cut])), newline="")
    names, records, malformed = read(file, Dialect(ragged=True), block_bytes=size)
    assert (list(names), malformed) == (table[0], {})
    assert records == [record + [""] * (len(names) - len(record)) for record in cut]


@pytest.mark.parametrize("size", [1, 9, 1 << 20])
def test_a_ragged_row_may_not_be_too_long_and_one_of_delimiters_is_a_row(file: Path, size: int) -> None:
    file.write_bytes(b',,\n1\n\n1,2,3,4\n\xff\n"",\n')
    names, records, malformed = read(file, Dialect(names=("a", "b", "c"), ragged=True), block_bytes=size)
    assert malformed == {3: ("long_row", ["1", "2", "3", "4"]), 4: ("encoding", ["\\xff"])}
    assert (names, [records[0], records[1], records[4]]) == (("a", "b", "c"), [["", "", ""], ["1", "", ""], ["", "", ""]])


comments = st.lists(st.sampled_from(["#", "# it's \"quoted", '#,"', "#a\r", "# é"]), max_size=3)


@LIMITS
@given(st.data(), tables(1), sizes, st.booleans())
def test_comments_are_passed_over_but_not_inside_quotes(file: Path, data: st.DataObject, table: list[Record], size: int, end: bool) -> None:
    lines = []
    for record in table:
        lines += [comment + "\n" for comment in data.draw(comments)] + [line([f"0{cell}" for cell in record])]
    lines += [comment + "\n" for comment in data.draw(comments)]
    text = "".join(lines)
    file.write_bytes((text if end or not lines[-1].startswith("#") else text[:-1]).encode())
    names, records, malformed = read(file, Dialect(comment="#"), block_bytes=size)
    assert ([list(names), *records], malformed) == ([[f"0{cell}" for cell in record] for record in table], {})
    source = CsvFile(file, Dialect(comment="#"), block_bytes=size)
    assert sum(batch.frame.height for batch in source.batches()) == len(records)
    assert source.fingerprint.get("comments", 0) == sum(one.startswith("#") for one in lines)


def test_a_quoted_cell_may_begin_like_a_comment(file: Path) -> None:
    file.write_text('//,x\na,b\n"//1",2\n"x\n//3",4\n//5,6\n')
    assert read(file, Dialect(comment="//"))[:2] == (("a", "b"), [["//1", "2"], ["x\n//3", "4"]])


around = st.lists(st.sampled_from(["", 'Report "of', "a,b,c", "é", ",", "\r"]), max_size=4)


@LIMITS
@given(st.data(), tables(), st.tuples(around, around), sizes)
def test_lines_before_and_behind_the_table_are_no_part_of_it(
    file: Path, data: st.DataObject, table: list[Record], outside: tuple[list[str], list[str]], size: int
) -> None:
    (before, after), mark, end, given_names = (outside, *(data.draw(st.booleans()) for _ in range(3)))
    body = table[1:] if given_names else table
    lines = [f"{one}\n" for one in before] + [line(record) for record in body] + [f"{one}\n" for one in after]
    text = "".join(lines)
    cut_end = not end and (text[:-1] if after and after[-1] else "")
    file.write_bytes(b"\xef\xbb\xbf" * mark + (cut_end or text).encode())
    dialect = Dialect(skip_lines=len(before), skip_footer=len(after), names=tuple(table[0]) if given_names else None)
    names, records, malformed = read(file, dialect, block_bytes=size)
    assert ([list(names), *records], malformed) == (table, {})


@pytest.mark.parametrize("size", [1, 4, 1 << 20])
def test_what_stops_such_files(file: Path, size: int) -> None:
    for data, dialect, code, at in [
        (b"a\nb\n", Dialect(skip_lines=3), "preamble", 3),
        (b"a\nb", Dialect(skip_lines=2), "preamble", 2),
        (b"a\nb\n", Dialect(skip_lines=2), "no_header", 0),
        (b"a\nb\n", Dialect(skip_footer=2), "no_header", 0),
        (b"x\n\na,a\n", Dialect(skip_lines=2), "duplicate_header", 3),
        (b'x\na\n#"\n"1\nend\n', Dialect(skip_lines=1, skip_footer=1, comment="#"), "unclosed_quote", 4),
        (b'x\na\xa7b\n1\xa7"2"3\n', Dialect("§", encoding="latin-1", skip_lines=1), "stray_quote", 3),
        (b"na\xefve\x80\n1\n", Dialect(encoding="latin-1"), "encoding", 1),
        ("a\n1\n".encode("utf-16-be"), Dialect(encoding="utf-16"), "encoding", 1),
        ("a\n1\n".encode("utf-16-le"), Dialect(encoding="UTF16"), "encoding", 1),
        (b"a,b\n1,2\n" + b"x" * 200, Dialect(skip_footer=3), "record_too_long", 0),
    ]:
        file.write_bytes(data)
        with pytest.raises(DataError) as caught:
            list(CsvFile(file, dialect, block_bytes=size, record_cap=120).batches())
        found = caught.value.findings[0]
        assert (found.code, found.line, found.file) == (code, at, str(file)), data


@pytest.mark.parametrize(("encoding", "right"), [("latin-1", "cp1252"), ("ISO-8859-15", "cp1252"), ("iso8859_5", "cp1251")])
def test_control_characters_of_latin_encodings_are_refused_with_the_likely_one(file: Path, encoding: str, right: str) -> None:
    file.write_bytes(b"a,b\n1,\xa0\n2,b\x9cuf\n")
    batches = list(CsvFile(file, Dialect(encoding=encoding)).batches())
    (record,) = [record for batch in batches for record in batch.malformed]
    assert (record.row, record.code, record.cells) == (2, "encoding", ("2", "b\\x9cuf"))
    assert record.message.endswith(f"the encoding looks like {right}")
    assert read(file, Dialect(encoding=right))[2] == {}


def test_a_delimiter_at_the_end_of_every_line_makes_one_empty_name(file: Path) -> None:
    file.write_bytes(b'\xef\xbb\xbf"Data",\r\n\r\n"n","1960",\r\n"Aruba","1",\r\n')
    assert read(file, Dialect(skip_lines=2))[:2] == (("n", "1960", ""), [["Aruba", "1", ""]])


DATASETS = Path(__file__).parents[2] / "../shared/corpora/datasets"


@pytest.mark.skipif(not DATASETS.exists(), reason="no data sets beside the repository")
def test_the_ragged_and_the_framed_data_sets() -> None:
    names = tuple(f"item{number}" for number in range(1, 42))
    _, records, malformed = read(DATASETS / "groceries_ragged/groceries.csv", Dialect(names=names, ragged=True))
    items = [[cell for cell in record if cell] for record in records]
    assert (len(records), items[0], sum(map(len, items)), malformed) == (9836, [], 43367, {})
    columns, records, malformed = read(DATASETS / "worldbank_wide_years/API_SP.POP.TOTL_DS2_en_csv_v2.csv", Dialect(skip_lines=4))
    assert (len(columns), columns[62], len(records), malformed) == (63, "", 264, {})
    assert sum(bool(cell) for record in records for cell in record[4:]) == 14885
    ght = DATASETS / "sae_hospitals_fr/GHT_2022r.csv"
    broken = {111: "short_row", 112: "short_row"}  # one record on two lines, without quotes
    for encoding, wrong in (("latin-1", broken | dict.fromkeys((51, 106, 124), "encoding")), ("cp1252", broken)):
        assert {row: code for row, (code, _) in read(ght, Dialect(";", encoding=encoding))[2].items()} == wrong
    with (DATASETS / "geonames_cities/cities15000_first6000.txt").open(encoding="utf-8", newline="") as lines:
        right = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    names = tuple(f"c{number}" for number in range(19))
    assert read(DATASETS / "geonames_cities/cities15000_first6000.txt", Dialect("\t", quote=None, names=names))[1] == right
