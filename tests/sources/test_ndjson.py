"""NDJSON: the same rows as a CSV of the same table; numbers and nested members as they stand; lines that are no objects."""

from __future__ import annotations

import io
import json
import sys
import tempfile
from pathlib import Path

import pytest
from csv_oracle import Record
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import DataError
from engine.mapping.model import Source
from engine.sources import open_source
from engine.sources.names import FILE, ROW
from engine.sources.ndjson import NdjsonFile


def read(file: NdjsonFile) -> tuple[tuple[str, ...], dict[int, Record], dict[int, tuple[str, ...]]]:
    found, malformed = {}, {}
    for batch in file.batches():
        assert batch.frame.columns == [*file.columns, ROW]
        found.update({row: list(cells) for *cells, row in batch.frame.rows()})
        malformed.update({one.row: (one.code, one.message, *one.cells) for one in batch.malformed})
    return file.columns, found, malformed


def written(path: Path, *lines: str | bytes) -> NdjsonFile:
    path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines))
    return NdjsonFile(path)


texts = st.text(st.characters(codec="utf-8"), max_size=6)
numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts), lambda inner: st.one_of(st.lists(inner, max_size=3),
    st.dictionaries(texts, inner, max_size=3)), max_leaves=5,
)  # fmt: skip


def cell(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.dictionaries(texts.filter(lambda name: "\0" not in name), values, max_size=5), max_size=8),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", "\n\n", " \n\t\n"]),
    st.integers(1, 80),
)
def test_the_members_are_the_cells(objects: list[dict[str, object]], ascii_only: bool, eol: str, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.ndjson"
        path.write_bytes(eol.join(json.dumps(one, ensure_ascii=ascii_only) for one in objects).encode())
        columns, found, malformed = read(NdjsonFile(path, block_bytes=size))
    assert list(columns) == list(dict.fromkeys(name for one in objects for name in one))
    assert malformed == {}
    for row, one in enumerate(objects, 1):
        for name, text in zip(columns, found[row], strict=True):
            value = one.get(name)
            assert json.loads(text) == value if isinstance(value, list | dict) else text == cell(value)


def test_numbers_keep_their_digits_and_nested_members_their_text(tmp_path: Path) -> None:
    file = written(tmp_path / "a.jsonl",
                   '\ufeff { "n" : 1.10 , "big":12345678901234567890.5E+400,"z":-0.0 , "o" : {"a" :[1.00, "}"]} ,"l":[ ],'
        '"t":"\\u00e9\\n" } ',
                   '{"t":null,"n":true}', "{}")  # fmt: skip
    assert read(file) == (
        ("n", "big", "z", "o", "l", "t"),
        {1: ["1.10", "12345678901234567890.5E+400", "-0.0", '{"a" :[1.00, "}"]}', "[ ]", "é\n"], 2: ["true", "", "", "", "", ""],
         3: [""] * 6},
        {},
    )  # fmt: skip


def test_lines_that_are_no_rows_are_counted_and_kept(tmp_path: Path) -> None:
    lines = ['{"a":1}', "[1]", "nul", '{"a":1', '{"a":1}{"a":2}', '{"a":NaN}', '{"a":1,"a":2}', '{"a":{"b":1,"b":1}}',
             '{"a":"\t"}', "{'a':1}",
             "[" * 100_000, b'{"a":"\xff"}', '{"a":"\\ud800"}', '{"a":2}']  # fmt: skip
    columns, found, malformed = read(written(tmp_path / "a.ndjson", *lines))
    assert (columns, found) == (("a",), {1: ["1"], 14: ["2"]})
    codes = ["not_json"] * 10 + ["encoding"] * 2
    assert [record[0] for record in malformed.values()] == codes
    assert all(record[2] == "" for record in malformed.values())
    twice = "the name of a member occurs twice in an object"
    assert [malformed[row][1] for row in (7, 8, 13)] == [twice, twice, "an escape for half a character"]
    assert malformed[3][3] == "nul"
    assert malformed[12][3] == '{"a":"\\xff"}'


def test_what_stops_such_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    for data, code, line in [
        (b'{"a":1}\n{"a\\u0000":1}\n', "header_nul", 0),
        (b'{"a":1}\n\n{"a":"' + b"x" * 200, "record_too_long", 3),
        ('{"a":1}'.encode("utf-16"), "encoding", 1),
        (b"PAR1", "encoding", 1),
    ]:
        path.write_bytes(data)
        with pytest.raises(DataError) as caught:
            list(NdjsonFile(path, block_bytes=10, record_cap=100).batches())
        found = caught.value.findings[0]
        assert (found.code, found.line, found.file) == (code, line, str(path))


def test_a_file_changed_between_names_and_rows_stops(tmp_path: Path) -> None:
    file = written(tmp_path / "a.ndjson", '{"a":1}')
    assert file.columns == ("a",)
    written(tmp_path / "a.ndjson", '{"b":1}')
    with pytest.raises(DataError, match="source_changed"):
        list(file.batches())


def test_an_empty_file_has_no_columns(tmp_path: Path) -> None:
    assert read(written(tmp_path / "a.ndjson", "", " ")) == ((), {}, {})


def test_standard_input_is_kept_for_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"".join(b'{"a":%d,"b%d":"x"}\n' % (number, number % 3) for number in range(50))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    source = open_source(Source(("-",), format="ndjson"))
    assert (source.size, source.columns) == (None, ("a", "b0", "b1", "b2"))
    assert [row[0] for batch in source.batches() for row in batch.frame.rows()] == [str(number) for number in range(50)]


def test_files_need_not_have_the_same_members(tmp_path: Path) -> None:
    written(tmp_path / "1.ndjson", '{"a":1}', "x")
    written(tmp_path / "2.ndjson", "y", '{"c":3,"a":2}')
    source = open_source(Source((str(tmp_path / "*.ndjson"),)))
    assert source.columns == ("a", "c")
    assert [row[:3] for batch in source.batches() for row in batch.frame.select("a", "c", ROW, FILE).rows()] == [
        ("1", "", 1),
        ("2", "3", 4),
    ]
    assert [(one.row, one.cells) for batch in source.batches() for one in batch.malformed] == [(2, ("", "", "x")), (3, ("", "", "y"))]
