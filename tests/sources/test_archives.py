"""Compressed files: what is in them is read as if it were not compressed; what is wrong with them is said."""

from __future__ import annotations

import gzip
import io
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from csv_oracle import read
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import DataError, Finding
from engine.mapping.model import Source
from engine.sources import open_source
from engine.sources.archives import zstd
from engine.sources.csv import CsvFile, Dialect


def zipped(method: int = zipfile.ZIP_DEFLATED, **members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


CHECKED = {zstd.CompressionParameter.checksum_flag: 1}  # as the zstd command has it
PACKERS = {
    "a.csv.gz": lambda data: gzip.compress(data, mtime=0),
    "a.csv.zst": lambda data: zstd.compress(data[:50], options=CHECKED) + zstd.compress(data[50:], options=CHECKED),
    "A.CSV.ZST": lambda data: zstd.compress(data, options=CHECKED),
    "a.zip": lambda data: zipped(**{"folder/": b"", "folder/x.csv": data, "__MACOSX/folder/._x.csv": b"\0"}),
    "b.zip": lambda data: zipped(zipfile.ZIP_LZMA, **{"x.csv": data}),
    "c.zip": lambda data: zipped(zipfile.ZIP_BZIP2, **{"x.csv": data}),
    "d.zip": lambda data: zipped(zipfile.ZIP_STORED, **{"x.csv": data}),
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.text('aé,"\n ', max_size=5), st.integers()), max_size=30), st.integers(1, 300))
def test_compression_does_not_matter(folder: Path, rows: list[tuple[str, int]], size: int) -> None:
    text = "text,n\r\n" + "".join(f'"{cell.replace(chr(34), chr(34) * 2)}",{number}\r\n' for cell, number in rows)
    (folder / "plain.csv").write_bytes(text.encode())
    right = read(folder / "plain.csv", block_bytes=size)
    for name, pack in PACKERS.items():
        (folder / name).write_bytes(pack(text.encode()))
        assert read(folder / name, block_bytes=size) == right, name
        assert read(folder / name, Dialect(skip_lines=1, names=right[0]), block_bytes=size)[1] == right[1], name


def test_the_hash_and_the_size_are_those_of_the_file_on_disk(tmp_path: Path) -> None:
    for name, pack in PACKERS.items():
        path = tmp_path / name
        path.write_bytes(pack(b"a,b\n" + b"1,2\n" * 2000))
        file = CsvFile(path, Dialect(), block_bytes=100)
        assert sum(batch.frame.height for batch in file.batches()) == 2000
        assert file.fingerprint["sha256"] == sha256(path.read_bytes()).hexdigest()
        assert file.size == path.stat().st_size
        assert 0 < file.position <= file.size


def stop(path: Path, source: Source | None = None) -> Finding:
    with pytest.raises(DataError) as caught:
        list(open_source(source or Source((str(path),))).batches())
    return caught.value.findings[0]


@pytest.mark.parametrize("name", [name for name in PACKERS if name != "c.zip"])
def test_damaged_archives_stop(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    whole = PACKERS[name](b"a,b\n" + b"".join(b"%d,2\n" % number for number in range(5000)))
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for data in (whole[:-1], whole[: len(whole) // 2], whole[:10], bytes(flipped), b"a,b\n1,2\n", b""):
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = stop(path)
        assert (found.code, found.file) == ("damaged_archive", str(path)), len(data)
    if not name.endswith(".zip"):
        path.write_bytes(whole + b"junk")
        assert stop(path).code == "damaged_archive"


def test_the_one_file_that_is_meant_must_be_clear(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(**{"one.csv": b"a\n1\n", "two.csv": b"a\n2\n"}))
    assert stop(path).code == "archive_member"
    assert "2 files: 'one.csv', 'two.csv'" in stop(path).message
    wrong = stop(path, Source((str(path),), member="tow.csv"))
    assert (wrong.code, "'one.csv', 'two.csv'" in wrong.message) == ("archive_member", True)
    (batch,) = open_source(Source((str(path),), member="two.csv")).batches()
    assert batch.frame["a"].to_list() == ["2"]
    path.write_bytes(zipped(**{"folder/": b""}))
    assert stop(path).message == "the archive holds no file"
    path.write_bytes(zipped(**{"a.csv.gz": gzip.compress(b"a\n1\n")}))
    assert stop(path).code == "encoding"


def test_an_encrypted_archive_stops(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    data = bytearray(zipped(zipfile.ZIP_STORED, **{"x.csv": b"a\n1\n"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert stop(path).code == "archive_encrypted"
    data[6] &= ~1
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] &= ~1
    data[8], data[directory + 10] = 97, 97
    path.write_bytes(data)
    assert stop(path).code == "archive_method"


def test_archives_without_their_name_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for data, hint in ((zstd.compress(b"a\n"), ".zst"), (zipped(x=b"a\n"), ".zip"), (gzip.compress(b"a\n"), ".gz")):
        (tmp_path / "a.csv").write_bytes(data)
        assert hint in stop(tmp_path / "a.csv").hint
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert "standard input" in stop(Path("-")).hint or hint == ".zip"
