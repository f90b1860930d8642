"""GeoNames: no header, no quotes, a list cell in every script, points, codes that look like numbers, and a number that means nothing."""

import csv
from collections import Counter
from datetime import datetime

NAMES = ("id", "name", "ascii", "alternates", "lat", "lon", "class", "code", "country", "cc2", "a1", "a2", "a3", "a4", "population",
         "elevation", "dem", "timezone", "modified")  # fmt: skip


def places(example):
    return example.database["places"]


def rows(example) -> list[dict[str, str]]:
    with (example.datasets / "geonames_cities/cities15000_first6000.txt").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, NAMES, delimiter="\t", quoting=csv.QUOTE_NONE))


def total(example, value: object) -> int:
    (found,) = places(example).aggregate([{"$group": {"_id": None, "sum": {"$sum": value}}}])
    return found["sum"]


def test_every_line_is_a_place(example) -> None:
    assert example.counts("places") == (6000, 6000, 0, 0, 0, 0)
    assert places(example).count_documents({"alternate_names": '"', "name": '"'}) == 0
    quoted = [row for row in rows(example) if any('"' in cell for cell in row.values())]
    assert places(example).count_documents({"alternate_names": {"$regex": '"'}}) == len(quoted) == 2


def test_alternate_names_keep_their_order_and_script(example) -> None:
    expected = {int(row["id"]): [name.strip() for name in row["alternates"].split(",") if name] for row in rows(example)}
    assert {one["_id"]: one["alternate_names"] for one in places(example).find({}, {"alternate_names": 1})} == expected
    assert total(example, {"$size": "$alternate_names"}) == 31442
    assert places(example).count_documents({"alternate_names": []}) == 973


def test_places_are_where_the_file_says(example) -> None:
    expected = {int(row["id"]): [float(row["lon"]), float(row["lat"])] for row in rows(example)}
    assert {one["_id"]: one["location"]["coordinates"] for one in places(example).find({}, {"location": 1})} == expected
    near = {"location": {"$nearSphere": {"$geometry": {"type": "Point", "coordinates": [1.52, 42.51]}, "$maxDistance": 5000}}}
    assert [one["name"] for one in places(example).find(near)] == ["Andorra la Vella", "les Escaldes"]


def test_numbers_and_what_is_missing(example) -> None:
    assert total(example, "$population") == sum(int(row["population"]) for row in rows(example)) == 799691374
    assert places(example).count_documents({"population": {"$type": "long"}}) == 6000
    assert places(example).count_documents({"elevation": {"$exists": False}}) == 5924
    assert places(example).count_documents({"dem": {"$exists": False}}) == sum(row["dem"] == "-9999" for row in rows(example)) == 11
    assert places(example).count_documents({"ascii_name": {"$exists": False}}) == 2


def test_codes_stay_texts(example) -> None:
    expected = {int(row["id"]): [row[f"a{n}"] for n in range(1, 5) if row[f"a{n}"]] for row in rows(example)}
    found = {one["_id"]: one["admin"] for one in places(example).find({}, {"admin": 1})}
    assert found == expected
    assert sum(codes[:1] != [] and codes[0].startswith("0") for codes in found.values()) == 2473
    assert places(example).count_documents({"other_countries": []}) == 5916
    countries = Counter(row["country"] for row in rows(example))
    assert {one["_id"]: one["count"] for one in places(example).aggregate([{"$sortByCount": "$country"}])} == countries


def test_a_spot_document(example) -> None:
    found = places(example).find_one({"_id": 3040051})
    assert found["alternate_names"][-1] == "萊塞斯卡爾德－恩戈爾達"
    assert len(found.pop("alternate_names")) == 10
    assert found == {
        "_id": 3040051,
        "name": "les Escaldes",
        "ascii_name": "les Escaldes",
        "location": {"type": "Point", "coordinates": [1.53414, 42.50729]},
        "feature": {"class": "P", "code": "PPLA"},
        "country": "AD",
        "other_countries": [],
        "admin": ["08"],
        "population": 15853,
        "dem": 1033,
        "timezone": "Europe/Andorra",
        "modified": datetime(2008, 10, 15),  # noqa: DTZ001 -- BSON dates are UTC, pymongo gives them naive
    }


def test_queries_use_the_indexes(example) -> None:
    within = {"location": {"$geoWithin": {"$centerSphere": [[1.5, 42.5], 0.001]}}}
    folded = {"locale": "en", "strength": 1}
    assert example.indexes_of("places", within) == {"location"}
    assert example.indexes_of("places", {"name": "sao paulo"}, collation=folded) == {"name"}
    assert places(example).find_one({"name": "sao paulo"}, collation=folded)["name"] == "São Paulo"
    assert example.indexes_of("places", {"alternate_names": "Андорра"}) == {"any_name"}
    assert example.indexes_of("places", {"country": "ES"}, sort=[("population", -1)]) == {"by_country"}


def test_the_server_refuses_what_is_wrong(example) -> None:
    outside = {"type": "Point", "coordinates": [0.0, 90.5]}
    wrong = (("location", outside), ("location", [1.5, 42.5]), ("population", 15853.0), ("country", "Andorra"), ("admin", [8]), ("size", 1))
    for path, value in wrong:
        example.refuses("places", path, value)
