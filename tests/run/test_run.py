"""Runs as a user makes them, on the real server: the reference job, repetition, failure, and what must not be seen."""

import csv
import io
import json
import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from bson.binary import Binary
from pymongo.database import Database
from pymongo.errors import WriteError

from engine import cli

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "../shared/corpora/healthcare/healthcare_dataset.csv"
INDEXES = {"_id_", "patient_stay", "admission_date", "condition_billing", "hospital"}


@pytest.fixture
def engine(mongo_uri: str, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs the command against the test's own database; gives exit code, report (or output) and standard error."""
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    mapping = tmp_path / "admissions.yaml"
    text = (ROOT / "mappings/admissions.yaml").read_text(encoding="utf-8")
    mapping.write_text(text.replace("database: medicaldb", f"database: {database.name}"), encoding="utf-8")

    def run(*arguments: str | Path, edit: tuple[str, str] = ("", "")):
        if edit[0]:
            assert edit[0] in text
            mapping.write_text(mapping.read_text(encoding="utf-8").replace(*edit), encoding="utf-8")
        out, err = io.StringIO(), io.StringIO()
        code = cli.run(["run", "-m", str(mapping), *map(str, arguments), "--json"], out, err)
        return code, json.loads(out.getvalue()), err.getvalue()

    return run


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small file of the reference's shape, as the generator makes it."""
    file = tmp_path / "in.csv"
    file.write_bytes((ROOT / "data/sample.csv").read_bytes())
    return file


def damage(file: Path, row: int, column: str, cell: str) -> None:
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    rows[row][rows[0].index(column)] = cell
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)


def test_the_reference_file(engine, database: Database) -> None:
    if not REFERENCE.exists():
        pytest.skip("../shared/corpora/healthcare is not on this machine")
    code, report, _ = engine("--source", REFERENCE)
    assert code == 0
    assert report["accounting"] == {"rows_read": 55500, "documents": 54966, "grouped": 0, "duplicates": 534, "rejected": 0, "filtered": 0}
    assert report["warnings"] == [{"code": "negative_bill", "path": "", "message": "refunds are loaded and counted", "rows": 106}]
    live = database["admissions"]
    assert live.count_documents({}) == 54966
    assert set(live.index_information()) == INDEXES
    assert live.find_one({"patient.name": "Bobby JacksOn", "patient.age": 30}, {"_id": 0}) == {
        "patient": {"name": "Bobby JacksOn", "age": 30, "gender": "Male", "blood_type": "B-"},
        "medical": {"condition": "Cancer", "medication": "Paracetamol", "test_results": "Normal"},
        "facility": {
            "doctor": "Matthew Smith",
            "hospital": "Sons and Miller",
            "insurance_provider": "Blue Cross",
            "room_number": 328,
        },
        "stay": {
            "admission_date": datetime(2024, 1, 31),  # noqa: DTZ001 -- BSON dates are UTC, pymongo gives them naive
            "discharge_date": datetime(2024, 2, 2),  # noqa: DTZ001
            "admission_type": "Urgent",
        },
        "billing_amount": 18856.281305978155,
    }
    with REFERENCE.open(encoding="utf-8", newline="") as stream:
        total = sum({tuple(row): float(row[9]) for row in list(csv.reader(stream))[1:]}.values())
    assert next(live.aggregate([{"$group": {"_id": None, "sum": {"$sum": "$billing_amount"}}}]))["sum"] == pytest.approx(total)
    ledger = database["_engine_runs"].find_one({"_id": report["run_id"]})
    assert (ledger["outcome"], ledger["accounting"]["documents"], ledger["checksum"]) == ("published", 54966, report["checksum"])


def test_the_generated_file_has_the_same_counts(engine, tmp_path: Path) -> None:
    file = tmp_path / "generated.csv"
    subprocess.run([sys.executable, ROOT / "data/generate.py", "--output", file], check=True, capture_output=True)
    code, report, _ = engine("--source", file)
    assert code == 0
    assert report["accounting"] == {"rows_read": 55500, "documents": 54966, "grouped": 0, "duplicates": 534, "rejected": 0, "filtered": 0}


def test_a_second_run_changes_nothing(engine, source: Path, database: Database) -> None:
    first, second = engine("--source", source)[1], engine("--source", source)[1]
    assert first["checksum"] == second["checksum"]
    assert first["run_id"] != second["run_id"]
    assert database["_engine_runs"].count_documents({"outcome": "published"}) == 2
    identity = database["admissions"].find_one()["_id"]
    assert isinstance(identity, Binary | __import__("uuid").UUID)


def test_a_failed_run_leaves_the_live_collection_as_it_was(engine, source: Path, database: Database) -> None:
    before = engine("--source", source)[1]
    for row in range(1, 20):
        damage(source, row, "Age", "many")
    code, report, err = engine("--source", source)
    assert (code, report["outcome"], report["accounting"]["rejected"]) == (3, "failed", 19)
    assert "19 of 200 rows were rejected, the limit is 0.5 % of the rows; nothing was published" in err
    after = engine("--dry-run", "--source", ROOT / "data/sample.csv")[1]
    assert before["accounting"]["documents"] == database["admissions"].count_documents({}) == after["accounting"]["documents"]
    assert sorted(database.list_collection_names()) == ["_engine_locks", "_engine_runs", "admissions"]
    assert database["_engine_runs"].find_one({"_id": report["run_id"]})["outcome"] == "failed"


def test_rejects_are_kept_for_correction_and_for_nobody_else(engine, source: Path) -> None:
    damage(source, 5, "Blood Type", "C+")
    code, report, _ = engine("--source", source, edit=("rejects: 0.5%", "rejects: 1"))
    assert (code, report["accounting"]["rejected"]) == (0, 1)
    file = Path(report["rejects_file"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open(encoding="utf-8", newline="") as stream:
        (reject,) = csv.DictReader(stream)
    assert (reject["_row"], reject["_column"], reject["_code"], reject["Blood Type"]) == ("5", "Blood Type", "enum", "C+")


def test_private_values_are_in_no_output(engine, source: Path) -> None:
    damage(source, 5, "Name", "Canary Quetzalcoatl")
    damage(source, 5, "Age", "Canary-age")
    damage(source, 6, "Date of Admission", "Canary-date")
    for edit in (("rejects: 0.5%", "rejects: 0"), ("on: row, keep: first", "on: [Name], keep: fail")):
        code, report, err = engine("--source", source, edit=edit)
        assert code == 3
        assert "Canary" not in json.dumps(report) + err


def test_the_live_collection_refuses_what_the_engine_refuses(engine, source: Path, database: Database) -> None:
    assert engine("--source", source)[0] == 0
    live = database["admissions"]
    good = live.find_one()
    for path, bad in (
        ("patient.age", 131),
        ("patient.gender", "X"),
        ("patient.age", "30"),
        ("stay.discharge_date", datetime(1999, 1, 1)),  # noqa: DTZ001
        ("billing_amount", 5),
        ("unknown", 1),
    ):
        with pytest.raises(WriteError, match="failed validation"):
            live.update_one({"_id": good["_id"]}, {"$set": {path: bad}})
    live.update_one({"_id": good["_id"]}, {"$set": {"patient.age": 44}, "$unset": {"stay.discharge_date": 1}})


def test_limit_counts_rows(engine, source: Path) -> None:
    code, report, _ = engine("--source", source, "--limit", "7", "--dry-run")
    assert (code, report["outcome"], report["accounting"]["rows_read"]) == (0, "dry run", 7)


def test_a_wrong_server_is_one_sentence(engine, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for uri, code in (
        ("mongodb://u:secret@127.0.0.1:1/?serverSelectionTimeoutMS=200", "unreachable"),
        ("mongodb://u:p:secret@h:x/", "bad_uri"),
        ("http://u:secret@h", "bad_uri"),
    ):
        monkeypatch.setenv("MONGODB_URI", uri)
        exit_code, report, err = engine("--source", source)
        assert (exit_code, report["errors"][0]["code"]) == (4, code)
        assert "secret" not in err + json.dumps(report)


def test_a_missing_password_file_is_one_sentence(engine, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_PASSWORD_FILE", "/nowhere/at/all")
    assert engine("--source", source)[0] == 2
