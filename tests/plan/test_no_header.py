"""A file without a header: the first line is a record, and no message repeats a cell of it."""

from pathlib import Path

import pytest
from jobs import Ended, command

CELL = "Quetzal"
RECORD = f"17,{CELL} Ann,{CELL} Oslo,{CELL}\n"
MAPPING = """
mapping: people
{source}
target: {{database: d, collection: people}}
{dedup}
id: {{hash: row}}
fields:
  id: {{column: Id, type: int}}
  name: {{column: Name, private: true}}
  town: {{column: {town}}}
"""
SOURCE = "source: {{path: {folder}/in.csv{options}}}"
SEVERAL = "sources: {{people: {{path: {folder}/in.csv}}, towns: {{path: {folder}/towns.csv}}}}\ndocument: people"
LOOKUP = "\nlookups: {place: {source: towns, on: {Town: Town}}}"


def commands(folder: Path, **parts: str) -> list[Ended]:
    file = folder / "m.yaml"
    given = {"source": SOURCE, "options": "", "dedup": "dedup: {on: row}", "town": "Town"} | parts
    given["source"] = given["source"].format(folder=folder, options=given["options"])
    file.write_text(MAPPING.format(**given), encoding="utf-8")
    dry = ("run", "-m", file, "--dry-run", "--allow", "reject_limit")
    check = ("check", "-m", file, "--source", folder / "in.csv")
    return [command(*words) for words in (dry, (*dry, "--json"), check, ("preview", "-m", file))]


def said(ended: list[Ended]) -> str:
    return "\n".join(one.out + one.err for one in ended)


def test_a_record_is_not_taken_for_names(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(RECORD * 2)
    ended = commands(tmp_path)
    text = said(ended)
    assert (CELL in text, [one.code for one in ended]) == (False, [3, 3, 3, 3]), text
    line = "m.yaml:8:1 missing_column the source has none of the columns that the mapping reads — has the file a header?"
    assert line in ended[0].err
    assert ended[0].err.count("missing_column") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"options": ", columns: {missing: 'null'}"}, "columns that no field reads: all 4 (the file may have no header)"),
        ({"options": ", columns: {missing: 'null', extra: fail}"}, "extra_column the source has columns that no field reads: all 4"),
        ({"options": ", columns: {missing: 'null'}", "dedup": f"dedup: {{on: [{CELL.lower()} ann]}}"}, "is neither a field nor a column"),
        ({"options": ", csv: {overflow: quetz ann}"}, "overflow_column there is no column 'quetz ann'"),
    ],
)
def test_whatever_is_said_of_the_columns(tmp_path: Path, options: dict[str, str], words: str) -> None:
    (tmp_path / "in.csv").write_text(RECORD * 2)
    text = said(commands(tmp_path, **options))
    assert (words in text, CELL in text) == (True, False), text


def test_equal_cells(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(f"1,{CELL},{CELL},2\n")
    text = said(commands(tmp_path))
    assert ("duplicate_header columns 2, 3 have the same name" in text, CELL in text) == (True, False), text


def test_one_of_several_files(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("Id,Name,Town\n1,a,b\n")
    (tmp_path / "in2.csv").write_text(RECORD)
    text = said(commands(tmp_path, source=SOURCE.replace("in.csv", "in*.csv")))
    assert ("it lacks columns 1, 2, 3 of it; columns 1, 2, 3, 4 are not in it" in text, CELL in text) == (True, False), text


def test_a_secondary_source(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("Id,Name,Town\n1,a,b\n")
    (tmp_path / "towns.csv").write_text(RECORD)
    text = said(commands(tmp_path, source=SEVERAL, dedup=f"dedup: {{on: row}}{LOOKUP}", town="place.region"))
    assert ("the source towns has none of the columns" in text, CELL in text) == (True, False), text


def test_a_header_is_still_told_with_its_names(tmp_path: Path) -> None:
    for header in ("Id,Nmae,Place", "ID,Nmae,Place"):
        (tmp_path / "in.csv").write_text(f"{header}\n1,a,b\n")
        assert f"the source has no column 'Name'; it has '{header[:2]}', 'Nmae', 'Place' — did you mean Nmae?" in said(commands(tmp_path))
