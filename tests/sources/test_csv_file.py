"""One file at a time: what stops it, with code and line; archives, pipes and encodings; bounded memory."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
from pathlib import Path

import pytest
from csv_oracle import read

from engine.errors import DataError, Finding
from engine.sources.csv import CsvFile, Dialect

LF, CR = Dialect(), Dialect(newline="\r")


def stop(path: Path | str, dialect: Dialect = LF, **sizes: int) -> Finding:
    with pytest.raises(DataError) as caught:
        list(CsvFile(path, dialect, **sizes).batches())
    return caught.value.findings[0]


STOPS = {
    b'a,b\n1,2\n"x\ny",z\n3,"open\n4,5\n': (LF, "unclosed_quote", 5),
    b'a,b\n1,2\n\n"x\ny",z\n3,"a\nb"c,d\n': (LF, "stray_quote", 7),
    b'a,b\n"1" ,2\n': (LF, "stray_quote", 2),
    b"a,b\n1,2\n3,4\r5,6\n": (LF, "stray_cr", 3),
    b'a,b\n"1"\r"2",3\n': (LF, "stray_cr", 2),
    b"a,b\r1,2\r3,4\r": (LF, "stray_cr", 1),
    b"a,b\n1,2\n": (CR, "stray_cr", 1),
    b"a,b,a\n": (LF, "duplicate_header", 1),
    b"\n\na,,\n": (LF, "duplicate_header", 3),
    b"a,b\0\n1,2\n": (LF, "header_nul", 1),
    b"a,\xff\n1,2\n": (LF, "encoding", 1),
    b"": (LF, "no_header", 0),
    b"\xef\xbb\xbf": (LF, "no_header", 0),
    b"\r\n\n": (LF, "no_header", 0),
    b"\xff\xfea\0,\0": (LF, "encoding", 1),
    b"\xef\xbb\xbfa,b\n": (Dialect(encoding="latin-1"), "encoding", 1),
    gzip.compress(b"a,b\n", mtime=0): (LF, "encoding", 1),
    "a,b\n1,2\n3,".encode("utf-16") + b"\0": (Dialect(encoding="utf-16"), "encoding", 3),
    "a\n1\n".encode("utf-16-le") + b"\x00\xd8a\0": (Dialect(encoding="utf-16-le"), "encoding", 3),
    b"a,b": (Dialect(encoding="hex"), "encoding", 0),
    b"a,c": (Dialect(encoding="no such"), "encoding", 0),
    b"a,d": (Dialect(names=("x", "x")), "duplicate_header", 0),
}


@pytest.mark.parametrize("block_bytes", [1, 7, 1 << 20])
@pytest.mark.parametrize("data", STOPS)
def test_what_stops_a_file(tmp_path: Path, data: bytes, block_bytes: int) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    dialect, code, line = STOPS[data]
    if code == "encoding" and line == 0:
        with pytest.raises(DataError, match="encoding"):
            CsvFile(path, dialect)
        return
    found = stop(path, dialect, block_bytes=block_bytes)
    assert (found.code, found.line, found.file) == (code, line, str(path))


def test_the_hints_say_what_to_write_in_the_mapping(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for data, dialect, hint in [
        (b"a,b\r1,2\r", LF, "set csv.newline: cr"),
        (b"a,b\n1,2\n", CR, "set csv.newline: lf"),
        ("a,b\n".encode("utf-16"), LF, "set csv.encoding: utf-16"),
        ("a,b\n".encode("utf-32"), LF, "set csv.encoding: utf-32"),
    ]:
        path.write_bytes(data)
        assert stop(path, dialect).hint == hint


def test_the_duplicates_of_a_header_are_all_told_with_their_places(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,b,id,c,b,id\n")
    with pytest.raises(DataError) as caught:
        _ = CsvFile(path, LF).columns
    assert [finding.message for finding in caught.value.findings] == [
        "columns 1, 3, 6 have the same name",
        "columns 2, 5 have the same name",
    ]


@pytest.mark.parametrize("block_bytes", [1, 5, 1 << 20])
def test_malformed_records_do_not_stop_the_file(tmp_path: Path, block_bytes: int) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'a,b\r\n1,2\r\n\r\n3\r\n4,5,6\n\n7,\xe9"\n"8\n",\xff\xed\xa0\x80\n9,10')
    names, records, malformed = read(path, block_bytes=block_bytes)
    assert names == ("a", "b")
    assert malformed == {
        2: ("short_row", ["3"]),
        3: ("long_row", ["4", "5", "6"]),
        4: ("encoding", ["7", '\\xe9"']),
        5: ("encoding", ["8\n", "\\xff\\xed\\xa0\\x80"]),
    }
    assert [records[0], records[5]] == [["1", "2"], ["9", "10"]]
    (first, *_), *_ = [batch.malformed for batch in CsvFile(path, LF).batches() if batch.malformed]
    assert first.message == "1 cells, the header has 2"


def test_a_header_alone_gives_columns_and_no_batch(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for text in ("a,b", "a,b\r\n", "\n\na,b\n\n"):
        path.write_text(text, newline="")
        file = CsvFile(path, LF)
        assert (file.columns, list(file.batches())) == (("a", "b"), [])


def test_one_empty_name_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b,\n1,2,\n3,5" pipe,\n')
    assert read(path)[:2] == (("a", "b", ""), [["1", "2", ""], ["3", '5" pipe', ""]])


def test_names_from_the_dialect_make_the_first_line_a_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1,2\n3,4\n")
    assert read(path, Dialect(names=("x", "y")))[:2] == (("x", "y"), [["1", "2"], ["3", "4"]])


def test_a_file_changed_between_header_and_rows_stops(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    file = CsvFile(path, LF)
    assert file.columns == ("a", "b")
    path.write_text("b,a\n1,2\n")
    with pytest.raises(DataError, match="source_changed"):
        list(file.batches())


@pytest.mark.parametrize(
    ("encoding", "data", "cells"),
    [
        ("cp1252", b"na\xefve \x80", "naïve €"),
        ("latin-1", b"\xa0\xe9", "\xa0é"),
        ("shift_jis", "日本".encode("shift_jis"), "日本"),
        ("ascii", b"plain", "plain"),
    ],
)
def test_other_encodings(tmp_path: Path, encoding: str, data: bytes, cells: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1," + data + b"\n")
    for size in (1, 1 << 20):
        assert read(path, Dialect(encoding=encoding), block_bytes=size)[1:] == ([["1", cells]], {})


@pytest.mark.parametrize(
    ("encoding", "data"), [("cp1252", b"\x81"), ("cp1253", b"\xd2\x88"), ("ascii", b"\xc3\xa9"), ("shift_jis", b"\x81\xff")]
)
def test_undefined_bytes_of_other_encodings_make_a_record_malformed(tmp_path: Path, encoding: str, data: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1," + data + b"\n2,x\n")
    _, records, malformed = read(path, Dialect(encoding=encoding))
    assert malformed == {1: ("encoding", ["1", "".join(f"\\x{byte:02x}" for byte in data)])}
    assert records[1] == ["2", "x"]


def test_gzip_reads_all_members_and_tells_the_position_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n", mtime=0) + gzip.compress(b'3,"4\n'[:3]) + gzip.compress(b'4\n"\n'))
    assert read(path, block_bytes=3)[1] == [["1", "2"], ["3", "4\n"]]
    file = CsvFile(path, LF)
    assert sum(batch.frame.height for batch in file.batches()) == 2
    assert file.position == file.size == path.stat().st_size


def test_damaged_archives_stop(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 5000)
    flipped = bytearray(whole)
    flipped[-6] ^= 1
    for data in (whole[:-9], whole[:30], whole + b"junk", bytes(flipped), b"a,b\n1,2\n", b""):
        path.write_bytes(data)
        assert stop(path, block_bytes=100).code == "damaged_archive"
        assert stop(path).code == "damaged_archive"


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    assert stop(tmp_path / "none.csv").code == "source_missing"
    assert stop(tmp_path).code == "source_is_directory"
    with pytest.raises(DataError, match="source_missing"):
        _ = CsvFile(tmp_path / "none.csv", LF).size


def test_standard_input_is_read_once_from_where_the_header_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n3,4\n")))
    file = CsvFile("-", LF, block_bytes=5)
    assert (file.size, file.columns) == (None, ("a", "b"))
    assert [batch.frame["b"].to_list() for batch in file.batches()] == [["2"], ["4"]]
    assert file.position == 12


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"a,b\n1,2\n",))
    writer.start()
    file = CsvFile(path, LF)
    assert (file.columns, file.size) == (("a", "b"), None)
    assert sum(batch.frame.height for batch in file.batches()) == 1
    writer.join()


@pytest.mark.parametrize("start", [b"", b'a,b\n1,"'])
def test_a_record_without_end_stops_near_the_cap(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(start)
    os.truncate(path, 4 << 30)  # sparse: zeros, without taking space
    file = CsvFile(path, LF, block_bytes=1 << 16, record_cap=1 << 20)
    with pytest.raises(DataError) as caught:
        list(file.batches())
    assert (caught.value.findings[0].code, caught.value.findings[0].line) == ("record_too_long", 1 + start.count(b"\n"))
    assert file.position < 4 << 20


@pytest.mark.parametrize("block_bytes", [3, 50, 1 << 20])
def test_the_cap_does_not_depend_on_the_blocks(tmp_path: Path, block_bytes: int) -> None:
    path = tmp_path / "a.csv"
    for cell, stops in (("x" * 96, False), ("x" * 97, True), ('"' + "\n" * 95 + '"', True)):
        path.write_text(f"a,b\n1,2\n1,{cell}\n")  # 99 or 100 bytes and the line's end
        if stops:
            assert (found := stop(path, block_bytes=block_bytes, record_cap=99)).code == "record_too_long"
            assert found.line == 3
        else:
            assert len(read(path, block_bytes=block_bytes, record_cap=99)[1]) == 2


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_memory_is_flat(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    line = b'%d,"some text, quoted",more and more text,2024-01-31\n'
    with path.open("wb") as out:
        out.write(b"a,b,c,d\n")
        for part in range(40):
            out.write(b"".join(line % number for number in range(part * 20_000, part * 20_000 + 20_000)))
    resident = [_resident_mb() for _ in CsvFile(path, LF, block_bytes=1 << 20).batches()]
    assert len(resident) > 40
    assert max(resident) - max(resident[:10]) < 15


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
