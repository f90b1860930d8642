"""Each folder of tests/cases is a mapping, a file, and what must come of them on the real server. A new case is a new folder.

`mapping.yaml in.csv` (or other files `in.*`) go in; `report.json` (exit code, accounting, reasons), `docs.jsonl` (what the collection
holds, Extended JSON), `rejects.csv` and `validator.json` must come out. ENGINE_UPDATE_CASES=1 writes them anew: look at the difference
before you commit it.
"""

import io
import json
import os
from pathlib import Path

import pytest
from bson import json_util
from pymongo.database import Database

from engine import cli

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())
UPDATE = bool(os.environ.get("ENGINE_UPDATE_CASES"))
RELAXED = json_util.RELAXED_JSON_OPTIONS


def compare(file: Path, found: str) -> None:
    if UPDATE:
        file.unlink(missing_ok=True)
        if found:
            file.write_bytes(found.encode())
    wanted = file.read_bytes().decode() if file.exists() else ""
    if file.suffix == ".jsonl":  # two writers: no order of documents is promised
        found, wanted = ("\n".join(sorted(text.splitlines())) for text in (found, wanted))
    assert found == wanted


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path, mongo_uri: str, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE", database.name)
    out, err = io.StringIO(), io.StringIO()
    source = case / ("in.csv" if (case / "in.csv").exists() else "in.*")
    code = cli.run(["run", "-m", str(case / "mapping.yaml"), "--source", str(source), "--json"], out, err)
    report = json.loads(out.getvalue())

    told = {name: report[name] for name in ("outcome", "accounting", "rejects", "warnings", "nulled", "notes", "indexes")}
    told["errors"] = [f"{error['code']} {error['message']}" for error in report["errors"]]
    text = json.dumps({"exit_code": code, **told}, indent=2, ensure_ascii=False) + "\n"
    compare(case / "report.json", text.replace(str(tmp_path), "HOME").replace(report["run_id"], "RUN").replace(str(case), "CASE"))

    documents = database["out"].find() if "out" in database.list_collection_names() else []
    compare(case / "docs.jsonl", "".join(json_util.dumps(one, ensure_ascii=False, json_options=RELAXED) + "\n" for one in documents))
    rejects = Path(report["rejects_file"])
    compare(case / "rejects.csv", rejects.read_bytes().decode() if rejects.is_file() else "")
    schema = io.StringIO()
    assert cli.run(["schema", "-m", str(case / "mapping.yaml"), "--output", "-"], schema, io.StringIO()) == 0
    compare(case / "validator.json", schema.getvalue())

    counts = report["accounting"]
    assert counts["rows_read"] == sum(counts[name] for name in ("documents", "duplicates", "rejected", "filtered")) or code
    assert [name for name in database.list_collection_names() if "staging" in name] == []
