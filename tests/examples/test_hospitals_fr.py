"""French hospitals: Windows-1252 with semicolons, keys with leading zeros, numbered columns, child rows, a lookup that often finds none."""

import csv
from collections import Counter

import pytest


@pytest.fixture
def rows(example):
    def read(name: str) -> list[dict[str, str]]:
        with (example.datasets / f"sae_hospitals_fr/{name}_2022r.csv").open(encoding="cp1252", newline="") as stream:
            return list(csv.DictReader(stream, delimiter=";"))

    return read


def test_every_row_has_its_place(example) -> None:
    assert example.counts("hospitals") == (3995, 3995, 0, 0, 0, 0)
    assert example.counts("hospital_groups") == (137, 135, 0, 0, 2, 0)
    others = {one["source"]: one for one in example.reports["hospitals"]["secondary"]}
    assert (others["imaging"]["embedded"], others["dialysis"]["embedded"], others["beds"]["looked_up"]) == (3710, 3274, 1637)
    assert [(one["code"], one["rows"]) for one in example.reports["hospitals"]["nulled"]] == [("unmatched", 3995 - 1637)]


def test_other_sites_come_from_numbered_columns(example, rows) -> None:
    live = example.database["hospitals"]
    numbers = {"$size": {"$ifNull": ["$other_sites.finess", []]}}
    found = {one["_id"]: one["count"] for one in live.aggregate([{"$sortByCount": numbers}])}
    assert found == {0: 3784, 1: 92, 2: 64, 3: 29, 4: 11, 5: 7, 6: 5, 7: 3}
    pairs = [sum(1 for n in range(1, 8) if row[f"FIAUT{n}"] or row[f"RSAUT{n}"]) for row in rows("ID")]
    sizes = {"$size": {"$ifNull": ["$other_sites", []]}}
    found = {one["_id"]: one["count"] for one in live.aggregate([{"$sortByCount": sizes}])}
    assert found == Counter(pairs)
    assert live.count_documents({"other_sites": {"$exists": False}}) == pairs.count(0) == 3746


def test_keys_are_texts(example) -> None:
    live = example.database["hospitals"]
    assert live.count_documents({"_id": {"$regex": "^0"}}) == 258
    assert live.count_documents({"department": {"$in": ["2A", "2B"]}}) == 37
    assert live.count_documents({"department": {"$regex": "^9[A-F]$"}}) == 149
    assert live.count_documents({"siret": {"$exists": False}}) == 2
    assert live.count_documents({"region.name": "La Réunion", "region.code": "04"}) == 61
    assert {one["_id"]: one["count"] for one in live.aggregate([{"$sortByCount": "$status"}])} == {
        "public": 1440,
        "private for profit": 1296,
        "private non-profit": 1259,
    }


def test_sums_are_those_of_the_files(example, rows) -> None:
    live = example.database["hospitals"]
    (found,) = live.aggregate(
        [
            {
                "$group": {
                    "_id": None,
                    "machines": {"$sum": {"$sum": "$imaging.count"}},
                    "acts": {"$sum": {"$sum": "$imaging.acts"}},
                    "sessions": {"$sum": {"$sum": "$dialysis.sessions"}},
                    "medicine": {"$sum": "$beds.medicine.beds"},
                    "surgery_days": {"$sum": "$beds.surgery.days"},
                    "births": {"$sum": "$beds.obstetrics.stays"},
                    "total": {"$sum": "$beds.total"},
                }
            }
        ]
    )
    columns = {"IMAGES": ("NB", "ACT"), "DIALYSE": ("SEAN",), "MCO": ("LIT_MED", "JOU_CHI", "SEJHC_OBS", "LIT_MCO")}
    expected = [sum(int(row[column] or 0) for row in rows(name)) for name, asked in columns.items() for column in asked]
    assert list(found.values())[1:] == expected
    assert expected[:4] == [6735, 32496785, 7589887, 119568]


def test_a_hospital(example) -> None:
    found = example.database["hospitals"].find_one({"_id": "010000024"})
    imaging, dialysis = found.pop("imaging"), found.pop("dialysis")
    assert found == {
        "_id": "010000024",
        "name": "CH DE FLEYRIAT",
        "legal_entity": "010780054",
        "siret": "26010004500012",
        "status": "public",
        "category": {"code": "355", "group": "PUB2"},
        "region": {"code": "84", "name": "Auvergne-Rhône-Alpes"},
        "department": "01",
        "address": {
            "number": "900",
            "street_type": "RTE",
            "street": "DE PARIS",
            "postal_code": "01440",
            "city": "VIRIAT",
            "commune": "01451",
        },
        "beds": {
            "medicine": {"beds": 270, "stays": 14972, "days": 82796, "day_places": 22, "day_stays": 843},
            "surgery": {"beds": 68, "stays": 7260, "days": 16579, "day_places": 20, "day_stays": 2},
            "obstetrics": {"beds": 47, "stays": 3474, "days": 10683, "day_stays": 0},
            "total": 385,
        },
        "year": 2022,
        "source": "DREES, SAE",
    }
    assert imaging[1] == {"equipment": "MRI", "count": 3, "operated": 3, "acts": 10694}
    assert [one["equipment"] for one in imaging] == sorted(one["equipment"] for one in imaging)
    assert dialysis[0] == {"kind": "112BA", "capacity": 19, "patients": 79, "sessions": 11565}
    assert "beds" not in example.database["hospitals"].find_one({"category.code": "146", "beds": {"$exists": False}})


def test_texts_are_of_windows_1252(example) -> None:
    live, groups = example.database["hospitals"], example.database["hospital_groups"]
    assert live.count_documents({"parent_company": {"$regex": "’utilité publique"}}) == 1
    assert groups.find_one({"_id": "44109"})["name"] == "CŒUR GRAND EST"
    assert groups.find_one({"_id": "84101"})["name"] == "ALLIER PUY-DE-DÔME"
    assert live.count_documents({"name": {"$regex": "  "}}) == 0


def test_queries_use_the_indexes(example) -> None:
    assert example.indexes_of("hospitals", {"region.code": "84", "department": "01"}, sort=[("name", 1)]) == {"place"}
    assert example.indexes_of("hospitals", {"legal_entity": "010780054"}) == {"legal_entity"}
    assert example.indexes_of("hospitals", {"imaging.equipment": "PET scanner", "region.code": "11"}) == {"imaging"}
    assert example.database["hospitals"].count_documents({"$text": {"$search": "fleyriat"}}) == 3
    assert example.database["hospitals"].count_documents({"imaging.equipment": "PET scanner"}) == 125


def test_the_server_refuses_what_is_wrong(example) -> None:
    for path, value in (
        ("legal_entity", 10780054),
        ("department", "1"),
        ("address.postal_code", "1440"),
        ("imaging.0.count", -1),
        ("imaging.0.count", 2.0),
        ("beds.medicine.beds", "270"),
        ("other_sites", [{"finess": "1"}]),
        ("beds.psychiatry", {"beds": 1}),
    ):
        example.refuses("hospitals", path, value)
