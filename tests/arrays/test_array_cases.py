"""Each folder of tests/arrays/cases is a mapping with its sources, and what must come of them on the real server.

`report.json` (exit code, accounting of every source, reasons), `docs.jsonl`, `rejects.csv` (then those of other sources) and
`validator.json` must come out. ENGINE_UPDATE_CASES=1 writes them anew: look at the difference before you commit it.
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
TOLD = ("outcome", "accounting", "secondary", "rejects", "warnings", "nulled", "notes")
RELAXED = json_util.RELAXED_JSON_OPTIONS


def compare(file: Path, found: str) -> None:
    if os.environ.get("ENGINE_UPDATE_CASES"):
        file.unlink(missing_ok=True)
        if found:
            file.write_bytes(found.encode())
    assert found == (file.read_bytes().decode() if file.exists() else "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path, mongo_uri: str, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(case)
    for name, value in {"MONGODB_URI": mongo_uri, "ENGINE_HOME": str(tmp_path), "DATABASE": database.name}.items():
        monkeypatch.setenv(name, value)
    out, err = io.StringIO(), io.StringIO()
    assert cli.run(["check", "-m", "mapping.yaml"], out, err) == 0, err.getvalue()
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(["run", "-m", "mapping.yaml", "--json"], out, err)
    report = json.loads(out.getvalue())
    told = {name: report[name] for name in TOLD} | {"errors": [f"{one['code']} {one['message']}" for one in report["errors"]]}
    text = json.dumps({"exit_code": code, **told}, indent=2, ensure_ascii=False) + "\n"
    compare(case / "report.json", text.replace(str(tmp_path), "HOME").replace(report["run_id"], "RUN"))

    documents = list(database["out"].find().sort("_id")) if "out" in database.list_collection_names() else []
    compare(case / "docs.jsonl", "".join(json_util.dumps(one, ensure_ascii=False, json_options=RELAXED) + "\n" for one in documents))
    files = sorted((tmp_path / "rejects").glob("*.csv"), key=lambda file: "." in file.stem)
    compare(case / "rejects.csv", "".join(file.read_bytes().decode() for file in files))
    schema = io.StringIO()
    assert cli.run(["schema", "-m", "mapping.yaml", "--output", "-"], schema, io.StringIO()) == 0
    compare(case / "validator.json", schema.getvalue())

    counts = report["accounting"]
    assert counts["rows_read"] == sum(value for name, value in counts.items() if name != "rows_read") or code
    for one in report["secondary"]:
        assert one["rows_read"] == sum(one[name] for name in ("embedded", "left_out", "orphans", "malformed", "looked_up"))
