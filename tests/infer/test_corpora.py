"""Real files: the mapping of each is accepted by `engine check` and rejects no row, or the file is refused with a clear reason."""

import importlib.util
import sys
from pathlib import Path

import pytest
from jobs import command

from engine.errors import EngineError
from engine.infer import infer
from engine.mapping.loader import load

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "../shared/corpora"
REFERENCE = SHARED / "healthcare/healthcare_dataset.csv"
FILES = sorted(file for file in (SHARED / "datasets").glob("*/*.[ct][sx][vt]") if file.name != "README.txt")
BROKEN = {"customers.csv": "ragged", "orders.csv": "ragged", "suppliers.csv": "ragged"}  # commas inside cells that are not quoted
CUT = {"GHT_2022r.csv": 2}  # records that end in the middle
EXPECTED = {  # facts of the READMEs, by file: path to type
    "titanic.csv": {"_id": "int", "age": "double", "fare": "decimal", "sex": "string"},
    "ratings.csv": {"rating": "double", "timestamp": "int"},
    "links.csv": {"_id": "int", "imdb_id": "string"},
    "movies.csv": {"genres[]": "string"},
    "encounters.csv": {"_id": "uuid", "start": "date", "code": "long", "total_claim_cost": "decimal"},
    "patients.csv": {"zip": "string", "birthdate": "date", "lat": "double"},
    "all_month.csv": {"_id": "string", "time": "date", "nst": "int"},
    "all_drinks.csv": {"ingredients[].ingredient": "string", "ingredients[].measure": "string", "date_modified": "date"},
    "groceries.csv": {"items[]": "string"},
    "ID_2022r.csv": {"fi": "string", "dep": "string"},
    "dirty_cafe_sales.csv": {"quantity": "int", "total_spent": "decimal"},
    "API_SP.POP.TOTL_DS2_en_csv_v2.csv": {"_id": "string", "years[].year": "int", "years[].value": "double"},
}


@pytest.mark.skipif(not FILES, reason=f"{SHARED} is not there")
def test_all_data_sets_are_there() -> None:
    assert len(FILES) >= 37
    assert EXPECTED.keys() <= {file.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_row_of_a_data_set_is_rejected(file, tmp_path) -> None:
    if file.name in BROKEN:
        with pytest.raises(EngineError) as error:
            infer([str(file)])
        assert [finding.code for finding in error.value.findings] == [BROKEN[file.name]]
        return
    mapping = tmp_path / "mapping.yaml"
    assert command("infer", file, "--output", mapping).code == 0
    checked = command("check", "-m", mapping)
    assert (checked.code, checked.err) == (0, "")
    ended = command("run", "-m", mapping, "--dry-run", "--json")
    assert (ended.code, ended.report["accounting"]["rejected"]) == (0, CUT.get(file.name, 0))
    found = {path: kind for path, kind in types(mapping).items() if path in EXPECTED.get(file.name, {})}
    assert found == EXPECTED.get(file.name, {})


def types(mapping: Path) -> dict[str, str]:
    return {one.path: one.type.name for one in load(mapping).fields}


def generated(folder: Path, rows: int) -> Path:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "data/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = module
    spec.loader.exec_module(module)
    file = folder / "made.csv"
    file.write_text("".join(module.lines(rows, 7)), encoding="utf-8", newline="")
    return file


def load_live(file: Path, jobs) -> tuple[list[dict], dict[str, int]]:
    mapping = jobs.folder / "inferred.yaml"
    assert command("infer", file, "--output", mapping).code == 0
    text = mapping.read_text(encoding="utf-8")
    name = text.partition("mapping: ")[2].partition("\n")[0]
    mapping.write_text(text.replace(f"{{database: {name}, collection: {name}", f"{{database: {jobs.database.name}, collection: made"))
    ended = command("run", "-m", mapping, "--json")
    assert ended.code == 0, ended.err
    return list(jobs.database["made"].find()), ended.report["accounting"]


def test_generated_data_go_live(jobs, tmp_path) -> None:
    documents, counts = load_live(generated(tmp_path, 3000), jobs)
    assert (counts["rows_read"], counts["rejected"]) == (3000, 0)
    assert len(documents) == counts["documents"] == 3000 - counts["duplicates"]
    assert {type(one["age"]) for one in documents} == {int}
    assert {type(one["date_of_admission"]).__name__ for one in documents} == {"datetime"}


@pytest.mark.skipif(not REFERENCE.exists(), reason=f"{REFERENCE} is not there")
def test_the_reference_goes_live(jobs) -> None:
    documents, counts = load_live(REFERENCE, jobs)
    assert [counts[name] for name in ("rows_read", "documents", "duplicates", "rejected")] == [55_500, 54_966, 534, 0]
    assert len(documents) == 54_966
    assert sum(one["billing_amount"] < 0 for one in documents) == 106


@pytest.mark.skipif(not REFERENCE.exists(), reason=f"{REFERENCE} is not there")
def test_what_is_told_of_the_reference() -> None:
    text = infer([str(REFERENCE)])
    assert "534 rows repeat another row in every cell" in text
    assert "#   4,966 rows except in Age\n" in text


TORTURE = sorted(file for file in (SHARED / "csv_torture").rglob("*.csv") if file.name != "INDEX.csv")[::10]


@pytest.mark.skipif(not TORTURE, reason=f"{SHARED} is not there")
def test_odd_files_are_refused_with_a_reason_or_proven() -> None:
    proven = 0
    for file in TORTURE:
        try:
            proven += bool(infer([str(file)]))
        except EngineError as error:
            assert {one.code for one in error.findings} <= {"ragged", "no_text", "empty_source", "irregular"}  # noqa: PT017
    assert proven > 0.8 * len(TORTURE)
