"""Hospital quality: rows grouped to a document that takes what most of them say, measured against the right values of hospital_clean.csv.

Of the 509 spoilt cells the constraints find 308: 28 provider numbers, whose rows are rejected, 28 codes, whose measures are dropped, and
252 cells that are left out; 14 others go with those rows and measures. 127 are texts that no constraint can judge, but that the other rows
of the hospital outvote, and four rules report. 24 are not loaded (Stateavg). 36 stay: names of measures. No right cell is refused.
"""

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jobs import command

HOSPITAL = {"name": "HospitalName", "street": "Address1", "city": "City", "county": "CountyName", "state": "State", "zip": "ZipCode",
            "phone": "PhoneNumber", "type": "HospitalType", "owner": "HospitalOwner", "emergency": "EmergencyService"}  # fmt: skip
MEASURE = {"code": "MeasureCode", "name": "MeasureName", "condition": "Condition", "score": "Score", "sample": "Sample"}
FREE = ("HospitalName", "Address1", "City", "CountyName")
Rows = list[dict[str, str]]
Cells = set[tuple[int, str]]


def hospitals(example):
    return example.database["hospitals"]


@pytest.fixture(scope="module")
def dirty(example) -> Rows:
    with (example.datasets / "hospital_dirty_with_truth/hospital.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def clean(example, dirty: Rows) -> Rows:
    """The same rows with the right values, which hospital_clean.csv has one by one."""
    found: Rows = [{} for _ in dirty]
    with (example.datasets / "hospital_dirty_with_truth/hospital_clean.csv").open(encoding="utf-8", newline="") as stream:
        for cell in csv.DictReader(stream):
            found[int(cell["tid"])][cell["attribute"]] = cell["correct_val"]
    return found


@pytest.fixture(scope="module")
def spoilt(dirty: Rows, clean: Rows) -> Cells:
    """Row and column of each wrong cell."""
    pairs = enumerate(zip(dirty, clean, strict=True))
    return {(row, column) for row, (found, right) in pairs for column in found if found[column] != right[column]}


Load = Callable[..., tuple[Any, dict[str, Any]]]


@pytest.fixture(scope="module")
def load(example, mongo_uri: str) -> Load:
    """`load(collection, *arguments, edit)`: the mapping once more, into another collection; what it holds then, and the report."""

    def run(collection: str, *arguments: Any, edit: tuple[str, str] = ("", "")) -> tuple[Any, dict[str, Any]]:
        text = example.mapping.read_text(encoding="utf-8").replace("collection: hospitals", f"collection: {collection}")
        assert edit[0] in text
        file = example.mapping.with_name(f"{collection}.yaml")
        file.write_text(text.replace(*edit), encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {"MONGODB_URI": mongo_uri, "ENGINE_HOME": file.parent / "home", "EXAMPLES": example.datasets}.items():
                patch.setenv(name, str(value))
            ended = command("run", "-m", file, "--json", *arguments)
        assert ended.code == 0, ended.err
        return example.database[collection], ended.report

    return run


@pytest.fixture(scope="module")
def right(load: Load, clean: Rows, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The collection that the right values give, nothing of which is refused or reported."""
    file: Path = tmp_path_factory.mktemp("clean") / "hospital.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(clean[0]))
        writer.writeheader()
        writer.writerows(clean)
    collection, report = load("right", "--source", file)
    assert tuple(report["accounting"].values()) == (1000, 45, 955, 0, 0, 0)
    assert (report["nulled"], report["warnings"]) == ([], [])
    return collection


def test_every_row_ends_somewhere(example, spoilt: Cells) -> None:
    assert example.counts("hospitals") == (1000, 45, 927, 0, 28, 0)
    (reason,) = example.reports["hospitals"]["rejects"]
    assert (reason["code"], reason["path"], reason["rows"]) == (
        "pattern",
        "_id",
        len([1 for _, column in spoilt if column == "ProviderNumber"]),
    )


def test_each_hospital_is_right_though_its_rows_are_not(example, right: Any) -> None:
    without = {"measures": 0}
    assert list(hospitals(example).find({}, without).sort("_id")) == list(right.find({}, without).sort("_id"))


def test_what_the_constraints_find(load: Load, dirty: Rows, spoilt: Cells) -> None:
    assert len(spoilt) == 509
    kept, _ = load("kept", edit=("embed: false", "embed: true"))
    lost = {row for row, column in spoilt if column == "ProviderNumber"}
    found: Cells = {(row, "ProviderNumber") for row in lost}
    for one in kept.find():
        mine = [row for row, cells in enumerate(dirty) if cells["ProviderNumber"] == one["_id"]]
        for row, said in zip(mine, one["rows"], strict=True):
            found |= {(row, column) for path, column in HOSPITAL.items() if path not in said and dirty[row][column]}
        measures = {measure["code"]: measure for measure in one["measures"]}
        for row in mine:
            measure = measures.get(dirty[row]["MeasureCode"])
            missing = ["code"] if measure is None else [path for path in MEASURE if path not in measure]
            found |= {(row, MEASURE[path]) for path in missing if dirty[row][MEASURE[path]]}
    assert found <= spoilt
    assert Counter(column for _, column in found) >= Counter({"ProviderNumber": 28, "MeasureCode": 28})
    assert len(found) == 308
    missed = Counter(column for row, column in spoilt - found if row not in lost)
    assert missed.pop("MeasureName") == 36
    assert missed.pop("Stateavg") == 24
    assert sum(missed.pop(column) for column in FREE) == 127
    assert missed.total() == 4
    assert len([1 for row, _ in spoilt - found if row in lost]) == 10


def test_rows_that_disagree_are_reported(example, dirty: Rows) -> None:
    said = {one["code"]: one["rows"] for one in example.reports["hospitals"]["warnings"]}
    numbers = {row["ProviderNumber"] for row in dirty if "x" not in row["ProviderNumber"]}
    differ = [sum(len({row[column] for row in dirty if row["ProviderNumber"] == number}) > 1 for number in numbers) for column in FREE]
    assert [said[f"one_{name}"] for name in ("name", "street", "city", "county")] == differ == [18, 23, 25, 25]


def test_measures_are_right_or_missing(example, right: Any) -> None:
    """Names of measures are what no rule can judge: in 36 an x stays."""
    measures, wrong = 0, 0
    for one in hospitals(example).find():
        truth = {measure["code"]: measure for measure in right.find_one({"_id": one["_id"]})["measures"]}
        assert [measure["code"] for measure in one["measures"]] == sorted(measure["code"] for measure in one["measures"])
        for measure in one["measures"]:
            wrong += measure["name"] != truth[measure["code"]]["name"]
            assert (measure | {"name": ""}).items() <= (truth[measure["code"]] | {"name": ""}).items()
        measures += len(one["measures"])
    assert (measures, wrong) == (972 - 28, 36)


def test_a_spot_document(example) -> None:
    found = hospitals(example).find_one({"_id": "10001"})
    assert found.pop("measures")[0] == {
        "code": "ami-1",
        "name": "heart attack patients given aspirin at arrival",
        "condition": "heart attack",
        "score": 98,
        "sample": 270,
    }
    assert found == {
        "_id": "10001",
        "name": "southeast alabama medical center",
        "address": {"street": "1108 ross clark circle", "city": "dothan", "county": "houston", "state": "al", "zip": "36302"},
        "phone": "3347938701",
        "type": "acute care hospitals",
        "owner": "government - hospital district or authority",
        "emergency": True,
    }


def test_queries_use_the_indexes(example) -> None:
    assert example.indexes_of("hospitals", {"address.state": "ak"}) == {"by_place"}
    assert example.indexes_of("hospitals", {"measures": {"$elemMatch": {"code": "pn-2", "score": {"$gte": 90}}}}) == {"measure"}


def test_the_server_refuses_what_is_wrong(example) -> None:
    for change in ({"score": 101}, {"score": 90.0}, {"code": "pnx2"}, {"code": None}, {"beds": 100}):
        example.refuses("hospitals", "measures", [{"code": "pn-2", "score": 90} | change])
    for path, value in (("address.zip", 35233), ("emergency", "yes"), ("rows", []), ("beds", 100)):
        example.refuses("hospitals", path, value)
