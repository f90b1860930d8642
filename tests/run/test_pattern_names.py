"""Names that are patterns to polars (`*`, `^…$`) are names: in files of every kind, in every part of a mapping that names columns."""

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from jobs import command
from pymongo.database import Database

NAMES = {"id": "id", "code": "*", "city": "^city$", "any": "^any$"}
ROWS = [(1, "A", "Rome", "x"), (2, "B", "Oslo", "y"), (2, "B", "Oslo", "z"), (3, "", "Bern", "x"), (4, "C", "Rome", "")]
MAPPING = """
mapping: people
source: {{path: {source}{more}}}
target: {{database: {database}, collection: people}}
dedup: {{on: {on}, near: {{except: ['{any}']}}}}
fields:
  _id: {{column: id, type: int}}
  '{code}': {{column: '{code}', required: true}}
  'home.{city}': {{column: '{city}', transform: [upper], minLength: 1}}
  '{any}': '{any}'
  both: {{compute: "`{code}` + `home.{city}`"}}
limits: {{rejects: 100%}}
"""


def write(folder: Path, kind: str, names: dict[str, str]) -> Path:
    file = folder / f"in.{kind}"
    rows = [dict(zip(names.values(), row, strict=True)) for row in ROWS]
    if kind == "parquet":
        pl.DataFrame(rows).write_parquet(file)
    elif kind == "ndjson":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        with file.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([names.values(), *ROWS])
    return file


@pytest.fixture
def loaded(database: Database[dict[str, Any]], mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Loads a file, and returns its documents with plain names, the report without what is different each time, and the rejects."""
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))

    def load(kind: str, names: dict[str, str], more: str = "", on: str = "row") -> tuple[str, Any, list[str]]:
        file = write(tmp_path, kind, names)
        text = MAPPING.format(source=file, database=database.name, more=more, on=on.format(**names), **names)
        mapping = tmp_path / "people.yaml"
        mapping.write_text(text, encoding="utf-8")
        ended = command("run", "-m", mapping, "--json")
        assert ended.code == 0, ended.err
        report = ended.report
        rejects = Path(report["rejects_file"]).read_text(encoding="utf-8") if report.get("rejects_file") else ""
        told = [
            str(list(database["people"].find({}, sort=[("_id", 1)]))),
            json.dumps([report["accounting"], report.get("reasons")]),
            rejects,
        ]
        for plain, name in names.items():
            told = [one.replace(name, plain) for one in told] if name != plain else told
        preview = command("preview", "-m", mapping)
        assert preview.code == 0, preview.err
        return told[0], told[1], told[2:]

    return load


PLAIN = {name: name for name in NAMES}


@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet"])
@pytest.mark.parametrize(("more", "on"), [("", "row"), ("", "['{code}', '{city}']"), (", columns: {extra: ignore}", "row")])
def test_names_that_are_patterns_load_as_others_do(loaded: Any, kind: str, more: str, on: str) -> None:
    assert loaded(kind, NAMES, more, on) == loaded(kind, PLAIN, more, on)
