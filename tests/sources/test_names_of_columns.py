"""A column is called by one of its names, whichever of them a header has."""

from pathlib import Path

import pytest

from engine.errors import DataError
from engine.mapping.model import Source
from engine.sources import open_source

NAMES = {"Room": ("Room", "Room Number", "Nr"), "Other": ("Other", "Else")}


def read(folder: Path, *files: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    source = open_source(Source(tuple(str(folder / name) for name in files), column_names=NAMES))
    columns = source.columns
    return columns, [row for batch in source.batches() for row in batch.frame.select(columns).rows()]


@pytest.mark.parametrize(("name", "text"), [
    ("a.csv", 'id,Room Number\n1,"a,b"\n2,c\n'),
    ("a.csv", 'id,Room\n1,"a,b"\n2,c\n'),
    ("a.ndjson", '{"id": 1, "Nr": "a,b"}\n{"id": 2, "Nr": "c"}\n'),
])  # fmt: skip
def test_each_format(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    for _ in range(2):
        assert read(tmp_path, name) == (("id", "Room"), [("1", "a,b"), ("2", "c")])


def test_files_of_several_periods_are_one_source(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("id,Room Number\n1,a\n2\n", encoding="utf-8")
    (tmp_path / "2.csv").write_text("Room,id\nb,2\n", encoding="utf-8")
    assert read(tmp_path, "1.csv", "2.csv") == (("id", "Room"), [("1", "a"), ("2", "b")])


def test_two_names_of_a_column_in_one_header_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,Nr,Room\n1,a,b\n", encoding="utf-8")
    with pytest.raises(DataError, match="'Room' and 'Nr', which the mapping says are names of one column") as caught:
        read(tmp_path, "a.csv")
    assert (caught.value.findings[0].code, caught.value.findings[0].line) == ("column_names", 1)
