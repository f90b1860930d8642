"""Several files as one source: found, compared, numbered through, and unchanged from the first look to the last."""

from __future__ import annotations

import os
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import DataError
from engine.mapping.model import FORMATS, Dialect, Source, format_of
from engine.sources import READERS, RowReader, open_source
from engine.sources.csv import CsvFile
from engine.sources.files import Files
from engine.sources.names import FILE, ROW

WIDE = Dialect(ragged=True)


def rows(source: RowReader) -> list[tuple[str, ...]]:
    """Number, cells in the order of the columns, file."""
    return [row for batch in source.batches() for row in batch.frame.select(ROW, *source.columns, FILE).rows()]


def code(source: Source) -> tuple[str, str]:
    with pytest.raises(DataError) as caught:
        list(open_source(source).batches())
    return caught.value.findings[0].code, caught.value.findings[0].file


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.one_of(st.tuples(st.just("x"), st.text("ab", max_size=2)), st.just(("only",))), max_size=6), min_size=1, max_size=4
    ),
    st.data(),
    st.integers(1, 30),
)
def test_files_are_read_as_one(parts: list[list[tuple[str, ...]]], data: st.DataObject, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole, number = [], 0
        for place, part in enumerate(parts):
            order = data.draw(st.permutations(["m", "n"]))
            lines = [",".join(cells if len(cells) == 1 or order == ["m", "n"] else cells[::-1]) for cells in part]
            path = Path(folder) / f"{place}.csv"
            path.write_text("\n".join([",".join(order), *lines]) + "\n")
            for cells in part:
                number += 1
                if len(cells) == 2:
                    whole.append((number, *cells, str(path)))
        files = [CsvFile(Path(folder) / f"{place}.csv", Dialect(), block_bytes=size) for place in range(len(parts))]
        first = files[0].columns
        source = Files("x", files, [str(file.path) for file in files])
        found = [(row, *((a, b) if first == ("m", "n") else (b, a)), file) for row, a, b, file in rows(source)]
        assert found == whole
        malformed = [record.row for batch in source.batches() for record in batch.malformed]
        assert sorted([row[0] for row in found] + malformed) == list(range(1, number + 1))
        assert source.position == source.size


def test_a_pattern_is_read_in_the_order_of_the_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub.csv").mkdir()
    for name in ("2.csv", "10.csv", "sub/1.csv", "x.txt"):
        (tmp_path / name).write_text(f"a\n{name}\n")
    assert rows(open_source(Source(("*.csv",)))) == [(1, "10.csv", "10.csv"), (2, "2.csv", "2.csv")]
    assert [row[1] for row in rows(open_source(Source(("x.txt", "**/*.csv"))))] == ["x.txt", "10.csv", "2.csv", "sub/1.csv"]
    assert code(Source(("*.tsv",))) == ("source_missing", "*.tsv")
    assert code(Source(("2.csv", "*.csv"))) == ("source_repeated", "2.csv")
    (tmp_path / "*.csv").write_text("a\nstar\n")
    assert [row[1] for row in rows(open_source(Source(("*.csv",))))] == ["star"]


def test_the_name_of_a_file_in_the_data_has_no_folders_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "2024" / "in").mkdir(parents=True)
    (tmp_path / "2024/in/1.csv").write_text("a\n1\n")
    for path, name in (
        ("2024/in/1.csv", "1.csv"),
        ("2024/in/*.csv", "1.csv"),
        ("20?4/in/1.csv", "2024/in/1.csv"),
        ("**/1.*", "2024/in/1.csv"),
    ):
        assert [row[2] for row in rows(open_source(Source((str(tmp_path / path),))))] == [name]


def test_the_columns_of_all_files_must_be_the_same(tmp_path: Path) -> None:
    one, two = tmp_path / "1.csv", tmp_path / "2.csv"
    one.write_text("a,b\n1,2\n")
    two.write_text("b,c,d\n1,2,3\n")
    source = Source((str(tmp_path / "*.csv"),))
    assert code(source) == ("other_columns", str(two))
    with pytest.raises(DataError, match=r"it lacks columns 1 of it; columns 2, 3 are not in it"):
        _ = open_source(source).columns


def test_malformed_records_of_files_in_another_order_stand_under_the_right_columns(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_bytes(b"a,b\n1,2\n3\n")
    (tmp_path / "2.csv").write_bytes(b"b,a\n2,1\n2\n\xff,1\n4,3,5\n")
    records = [record for batch in open_source(Source((str(tmp_path / "*.csv"),))).batches() for record in batch.malformed]
    assert [(record.row, record.code, record.cells) for record in records] == [
        (2, "short_row", ("3",)),
        (4, "short_row", ("", "", "2")),
        (5, "encoding", ("1", "\\xff")),
        (6, "long_row", ("3", "4", "5")),
    ]


def test_the_fingerprint_covers_all_files(tmp_path: Path) -> None:
    for name in ("1.csv", "2.csv"):
        (tmp_path / name).write_text(f"a\n{name}\n")
    pattern = str(tmp_path / "*.csv")
    source = open_source(Source((pattern,)))
    assert source.fingerprint["sha256"] is None
    assert len(rows(source)) == 2
    hashes = "".join(sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("1.csv", "2.csv"))
    newest = max((tmp_path / name).stat().st_mtime_ns for name in ("1.csv", "2.csv"))
    assert source.fingerprint == {
        "path": pattern, "size": 16, "mtime_ns": newest, "sha256": sha256(hashes.encode()).hexdigest(),
    }  # fmt: skip
    one = open_source(Source((str(tmp_path / "1.csv"),)))
    assert len(rows(one)) == 1
    assert one.fingerprint["sha256"] == sha256((tmp_path / "1.csv").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["1.csv", "2.csv"])
def test_a_file_that_changes_while_another_is_read_is_found(tmp_path: Path, name: str) -> None:
    for file in ("1.csv", "2.csv"):
        (tmp_path / file).write_text("a\n1\n2\n")
    source = open_source(Source((str(tmp_path / "*.csv"),)))
    batches = source.batches()
    next(batches)
    os.utime(tmp_path / name, (1, 1))
    with pytest.raises(DataError, match="source_changed"):
        list(batches)


def test_every_format_has_a_reader_and_is_told_by_name() -> None:
    assert READERS.keys() == FORMATS.keys()
    for name, found in {
        "a.csv": "csv", "a.tsv": "csv", "a": "csv", "-": "csv", "a.zip": "csv", "a.gz": "csv", "a.ndjson": "ndjson", "A.JSONL": "ndjson",
        "a.jsonl.zst": "ndjson", "a.ndjson.zip": "ndjson", "x/a.parquet": "parquet",
    }.items():  # fmt: skip
        assert format_of(name) == found
