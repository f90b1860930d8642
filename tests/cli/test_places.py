"""Where the mapping says what is wrong, the message names its line."""

from pathlib import Path

import pytest
from jobs import Jobs, command

MAPPING = """\
mapping: m
source:
  path: {path}
  csv: {{delimiter: "{delimiter}"}}
  columns: {{extra: {extra}}}
target: {{database: none, collection: none}}
fields: {{_id: {{column: id, type: int}}}}
"""


@pytest.mark.parametrize(
    ("path", "delimiter", "extra", "said"),
    [
        ("inn.csv", ",", "fail", "m.yaml:3:1 source_missing there is no such file: {folder}/inn.csv — did you mean {folder}/in.csv?"),
        ("x*.csv", ",", "fail", "m.yaml:3:1 source_missing no file matches this pattern: {folder}/x*.csv"),
        ("in.csv", ";", "fail", "m.yaml:3:1 missing_column the source has a single column"),
        ("in.csv", ",", "fail", "m.yaml:3:1 extra_column the source has columns that no field reads: 'text'"),
    ],
)
def test_what_the_source_lacks_is_said_at_its_line(path: str, delimiter: str, extra: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,text\n1,a\n")
    (tmp_path / "m.yaml").write_text(MAPPING.format(path=f"{tmp_path}/{path}", delimiter=delimiter, extra=extra))
    ended = command("run", "-m", tmp_path / "m.yaml", "--dry-run")
    assert (ended.code, said.format(folder=tmp_path) in ended.err) == (3, True), ended.err


def test_a_file_named_by_the_command_line_is_compared_at_the_line_of_the_mapping(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,text\n1,a\n")
    (tmp_path / "m.yaml").write_text(MAPPING.format(path="other.csv", delimiter=";", extra="fail"))
    compared = command("check", "-m", tmp_path / "m.yaml", "--source", tmp_path / "in.csv")
    missing = command("check", "-m", tmp_path / "m.yaml", "--source", tmp_path / "inn.csv")
    assert "m.yaml:3:1 missing_column the source has a single column" in compared.err + compared.out
    assert f"{tmp_path}/inn.csv source_missing there is no such file" in missing.err + missing.out


def test_a_unique_index_that_cannot_be_built_is_named_at_its_line(jobs: Jobs) -> None:
    jobs.mode, jobs.rest = "replace", "  by_name: {keys: {name: 1}, unique: true}"
    ended = jobs.run([[1, "a", "b", 3], [2, "a", "c", 3]])
    assert (ended.code, "people.yaml:13:1 index_not_unique" in ended.err, "dedup: {on: [COLUMNS]}" in ended.err) == (4, True, True), (
        ended.err
    )
