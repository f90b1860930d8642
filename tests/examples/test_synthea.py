"""Synthea: two levels of child rows, a lookup inside them, references, exact money, big documents, two collections."""

import csv
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

import pytest
from bson.binary import Binary
from bson.decimal128 import Decimal128

MOST_SEEN = "9fee2475-cb2e-0d31-ab7a-f1bd7197e102"
EACH = {"$unwind": "$encounters"}


def uuid(text: str) -> Binary:
    return Binary.from_uuid(UUID(text))


@pytest.fixture
def rows(example):
    def read(name: str) -> list[dict[str, str]]:
        with (example.datasets / f"synthea_emr/{name}.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    return read


def test_every_row_is_in_a_document(example) -> None:
    assert example.counts("patients") == (129, 129, 0, 0, 0, 0)
    assert example.counts("payers") == (10, 10, 0, 0, 0, 0)
    others = {one["source"]: one for one in example.reports["patients"]["secondary"]}
    embedded = {"encounters": 11501, "careplans": 425, "immunizations": 1766, "supplies": 3846}
    assert {name: others[name]["embedded"] for name in embedded} == embedded
    assert all(others[name]["orphans"] == others[name]["left_out"] == 0 for name in embedded)


def test_facts_of_patients(example) -> None:
    live = example.database["patients"]
    assert live.count_documents({"alive": False}) == live.count_documents({"death_date": {"$type": "date"}}) == 29
    assert live.count_documents({"address.zip": {"$regex": "^0[0-9]{4}$"}}) == 129
    assert live.count_documents({"address.fips": {"$exists": False}}) == 31
    assert live.count_documents({"gender": "female"}) == 56
    assert live.count_documents({"name.suffix": {"$exists": True}}) == 0
    (warning,) = example.reports["patients"]["warnings"]
    assert (warning["code"], warning["rows"]) == ("seen_after_death", 24)


def test_facts_of_encounters(example, rows) -> None:
    live = example.database["patients"]
    (found,) = live.aggregate(
        [
            EACH,
            {
                "$group": {
                    "_id": None,
                    "count": {"$sum": 1},
                    "base": {"$sum": "$encounters.costs.base"},
                    "total": {"$sum": "$encounters.costs.total"},
                    "covered": {"$sum": "$encounters.costs.covered"},
                    "reasons": {"$sum": {"$cond": [{"$gt": ["$encounters.reason", None]}, 1, 0]}},
                    "immunizations": {"$sum": {"$size": {"$ifNull": ["$encounters.immunizations", []]}}},
                    "supplies": {"$sum": {"$sum": "$encounters.supplies.quantity"}},
                }
            },
        ]
    )
    encounters = rows("encounters")
    for name, column in (("base", "BASE_ENCOUNTER_COST"), ("total", "TOTAL_CLAIM_COST"), ("covered", "PAYER_COVERAGE")):
        assert found[name].to_decimal() == sum(Decimal(row[column]) for row in encounters)
    assert found["total"] == Decimal128("22017867.90")
    assert (found["count"], found["reasons"], found["immunizations"]) == (11501, 11501 - 3906, 1766)
    assert found["supplies"] == sum(int(row["QUANTITY"]) for row in rows("supplies")) == 51691
    (sums,) = live.aggregate([{"$group": {"_id": None, "total": {"$sum": "$totals.costs"}, "count": {"$sum": "$totals.encounters"}}}])
    assert (sums["total"].to_decimal(), sums["count"]) == (Decimal("22017867.90"), 11501)


def test_leading_zeros_of_vaccine_codes_are_kept(example) -> None:
    steps = [EACH, {"$unwind": "$encounters.immunizations"}, {"$match": {"encounters.immunizations.code": {"$regex": "^0"}}}]
    found = list(example.database["patients"].aggregate([*steps, {"$sortByCount": "$encounters.immunizations.code"}]))
    assert sum(one["count"] for one in found) == 59
    assert {one["_id"] for one in found} == {"03", "08"}


def test_the_biggest_patient(example) -> None:
    live = example.database["patients"]
    (most,) = live.aggregate([{"$sort": {"totals.encounters": -1}}, {"$limit": 1}, {"$addFields": {"size": {"$bsonSize": "$$ROOT"}}}])
    assert (str(UUID(bytes=bytes(most["_id"]))), len(most["encounters"])) == (MOST_SEEN, 813)
    assert most["size"] < 1_000_000
    assert all((one["start"], one["id"]) <= (next_["start"], next_["id"]) for one, next_ in pairwise(most["encounters"]))
    for one in live.find({}, {"encounters.start": 1, "care_plans.start": 1}):
        for array in ("encounters", "care_plans"):
            starts = [element["start"] for element in one[array]]
            assert starts == sorted(starts)


def test_a_patient(example) -> None:
    found = example.database["patients"].find_one({"_id": uuid("dbaa48b1-720a-f5f2-9360-ae6bb9321037")})
    assert found["name"] == {"first": "Georgine810", "middle": "Caroyln232", "last": "Jacobs452"}
    assert (found["birth_date"], found["alive"], found["birth_place"]) == (datetime(2022, 4, 19), True, "Boston Massachusetts US")  # noqa: DTZ001
    assert found["address"]["location"] == {"type": "Point", "coordinates": [-71.56710741329738, 42.308589961113825]}
    assert (found["address"]["zip"], found["address"]["fips"]) == ("01752", "25017")
    assert found["finances"] == {"expenses": Decimal128("6002.42"), "coverage": Decimal128("0.00"), "income": Decimal128("60469")}
    first = found["encounters"][0]
    assert first == {
        "id": uuid("be04e13d-a16e-c330-3a9e-10f8db9a8aa1"),
        "start": datetime(2022, 4, 19, 0, 36, 40),  # noqa: DTZ001
        "stop": datetime(2022, 4, 19, 0, 51, 40),  # noqa: DTZ001
        "class": "wellness",
        "code": "410620009",
        "description": "Well child visit (procedure)",
        "organization": uuid("907b1d2f-2bf8-31b5-abc2-14d6b75faa96"),
        "provider": uuid("22ae92ae-29c7-3d31-b626-84f83995331e"),
        "costs": {"base": Decimal128("136.80"), "total": Decimal128("347.38"), "covered": Decimal128("0.00")},
        "payer": {"id": uuid("0133f751-9229-3cfd-815f-b6d4979bdd6a"), "name": "Aetna", "ownership": "PRIVATE"},
        "immunizations": [{"code": "08", "description": "Hep B adolescent or pediatric", "cost": Decimal128("136.00")}],
    }


def test_references_lead_somewhere(example) -> None:
    live = example.database["patients"]
    payers = {bytes(one["_id"]): one["name"] for one in example.database["payers"].find()}
    used = live.aggregate([EACH, {"$group": {"_id": "$encounters.payer"}}])
    assert {bytes(one["_id"]["id"]): one["_id"]["name"] for one in used} == payers
    plans = {"$expr": {"$not": {"$setIsSubset": ["$care_plans.encounter", "$encounters.id"]}}}
    assert live.count_documents(plans) == 0


def test_queries_use_the_indexes(example) -> None:
    assert example.indexes_of("patients", {"encounters.code": "50849002"}) == {"encounter_code"}
    assert example.indexes_of("patients", {"encounters.immunizations.code": "08"}) == {"immunization"}
    boston = {"type": "Point", "coordinates": [-71.06, 42.36]}
    around = {"address.location": {"$nearSphere": {"$geometry": boston, "$maxDistance": 20_000}}}
    assert example.indexes_of("patients", around) == {"home"}
    assert example.indexes_of("patients", {"name.last": "Fay398"}, sort=[("name.first", 1)]) == {"name"}


def test_the_server_refuses_what_is_wrong(example) -> None:
    for path, value in (
        ("death_date", datetime(1900, 1, 1)),  # noqa: DTZ001 -- before the birth
        ("address.zip", 1752),
        ("gender", 1),
        ("encounters.0.costs.covered", Decimal128("99999999")),
        ("encounters.0.costs.total", 347.38),
        ("encounters.0.supplies", [{"code": "1", "quantity": 1}]),
        ("identifiers.ssn", "123"),
        ("care_plans.0.start", "2006-02-07"),
    ):
        example.refuses("patients", path, value)
