"""`engine preview --rows N`."""

from pathlib import Path

from jobs import command

MAPPING = """
mapping: m
source: {path: in.csv, columns: {extra: ignore}}
target: {database: none, collection: none}
fields: {_id: {column: id, type: int}}
"""
WIDE = 3_000  # characters: 2,000 such rows are more than one batch


def previewed(folder: Path, rows: list[str], asked: int, mapping: str = MAPPING) -> list[str]:
    (folder / "m.yaml").write_text(mapping)
    (folder / "in.csv").write_text("\n".join(["id,text", *rows]) + "\n")
    ended = command("preview", "-m", folder / "m.yaml", "--source", folder / "in.csv", "--rows", asked)
    assert ended.code == 0, ended.err
    return ended.out.splitlines()


def test_all_rows_that_were_asked_for_are_shown(tmp_path: Path) -> None:
    rows = [f"{number},{'x' * WIDE}" for number in range(2_100)]
    shown = previewed(tmp_path, rows, 2_000)
    assert [line.split(":")[0] for line in shown if line.startswith("row ")] == [f"row {number}" for number in range(1, 2_001)]
    assert not any("note" in line for line in shown)


def test_a_source_that_ends_before_says_how_many_rows_it_has(tmp_path: Path) -> None:
    assert previewed(tmp_path, ["1,a"], 5)[-1] == "note: the source has 1 row"


def test_a_lookup_that_no_field_reads_checks_that_the_key_exists(tmp_path: Path) -> None:
    (tmp_path / "towns.csv").write_text("id\n1\n")
    sources = f"sources: {{in: {{path: in.csv, columns: {{extra: ignore}}}}, towns: {{path: {tmp_path}/towns.csv}}}}\ndocument: in"
    lookups = "lookups: {town: {source: towns, on: [id]}}\n"
    mapping = MAPPING.replace("source: {path: in.csv, columns: {extra: ignore}}", sources) + lookups
    shown = previewed(tmp_path, ["1,a", "2,b"], 2, mapping)
    assert next(line for line in shown if line.startswith("row 2")).startswith("row 2: rejected, unmatched")
    assert any(line.startswith("row 1: {") for line in shown)
