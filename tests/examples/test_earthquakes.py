"""Earthquakes: moments to the millisecond, places on the globe, a text taken apart, values below zero."""

import csv
from datetime import datetime

from bson.int64 import Int64

PAHALA = [-155.4618378, 19.12716675]


def test_every_event_is_there(example) -> None:
    assert example.counts("events") == (10630, 10630, 0, 0, 0, 0)
    assert example.reports["events"]["warnings"] == []
    live = example.database["events"]
    types = {one["_id"]: one["count"] for one in live.aggregate([{"$sortByCount": "$type"}])}
    assert types == {"earthquake": 10449, "quarry blast": 108, "explosion": 73}
    assert live.count_documents({"magnitude.value": {"$lt": 0}}) == 801
    assert live.count_documents({"magnitude.value": {"$exists": False}}) == 2
    assert live.count_documents({"depth_km": {"$lt": 0}}) == 487
    assert live.count_documents({"quality.stations": {"$exists": False}}) == 1601
    assert live.count_documents({"status": "reviewed"}) == 7543


def test_sums_are_those_of_the_file(example) -> None:
    with (example.datasets / "usgs_earthquakes/all_month.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    (found,) = example.database["events"].aggregate(
        [
            {"$sort": {"_id": 1}},
            {"$group": {"_id": None, "depth": {"$sum": "$depth_km"}, "stations": {"$sum": "$quality.stations"}, "last": {"$max": "$at"}}},
        ]
    )
    assert abs(found["depth"] - sum(float(row["depth"]) for row in rows)) < 1e-6
    assert found["stations"] == sum(int(row["nst"]) for row in rows if row["nst"])
    assert found["last"].isoformat(timespec="milliseconds") + "Z" == max(row["time"] for row in rows)


def test_an_event(example) -> None:
    assert example.database["events"].find_one({"_id": "ci40739512"}) == {
        "_id": "ci40739512",
        "type": "earthquake",
        "at": datetime(2024, 5, 5, 1, 48, 16, 400_000),  # noqa: DTZ001 -- BSON dates are UTC, pymongo gives them naive
        "updated": datetime(2024, 5, 5, 1, 54, 44, 224_000),  # noqa: DTZ001
        "magnitude": {"value": 1.71, "type": "ml", "error": 0.195, "stations": 26, "source": "ci"},
        "location": {"type": "Point", "coordinates": [-117.6883333, 35.9385]},
        "depth_km": 2.57,
        "place": {"text": "20 km E of Little Lake, CA", "distance_km": 20, "direction": "E", "near": "Little Lake, CA"},
        "quality": {
            "stations": 26,
            "gap_degrees": 63.0,
            "nearest_degrees": 0.03219,
            "rms_seconds": 0.15,
            "horizontal_error_km": 0.21,
            "depth_error_km": 0.25,
        },
        "network": "ci",
        "location_source": "ci",
        "status": "automatic",
    }


def test_places_without_a_distance_keep_their_text(example) -> None:
    live = example.database["events"]
    assert live.count_documents({"place.distance_km": {"$exists": False}}) == 196
    assert live.count_documents({"place.direction": "WNW"}) == 1087
    assert live.count_documents({"place.direction": {"$exists": False}, "$expr": {"$eq": ["$place.near", "$place.text"]}}) == 196


def test_names_that_were_read_wrongly_are_mended(example) -> None:
    live = example.database["events"]
    assert live.count_documents({"place.near": "Pāhala, Hawaii"}) == 267
    assert live.find_one({"place.text": {"$regex": "Waiʻ|Wai‘"}})["place"]["near"] == "Wai‘ōhinu, Hawaii"
    assert live.count_documents({"place.text": {"$regex": "[ÃÄÅ]|â€"}}) == 0


def test_queries_use_the_indexes(example) -> None:
    around = {"location": {"$nearSphere": {"$geometry": {"type": "Point", "coordinates": PAHALA}, "$maxDistance": 20_000}}}
    live = example.database["events"]
    nearest = live.find_one(around)
    assert nearest["location"]["coordinates"] == PAHALA
    assert nearest["_id"] == "hv74213857"
    assert example.indexes_of("events", around) == {"where"}
    assert example.indexes_of("events", {"type": "explosion"}, sort=[("at", -1)]) == {"latest"}
    assert example.indexes_of("events", {"magnitude.value": {"$gte": 6}}) == {"strongest"}
    assert live.find_one(sort=[("magnitude.value", -1)])["magnitude"]["value"] == 6.8


def test_the_server_refuses_what_is_wrong(example) -> None:
    wrong = {
        "magnitude.value": 11.0,
        "magnitude.stations": Int64(3),
        "location": {"type": "Point", "coordinates": [35.0, 135.0]},
        "place.direction": "EN",
        "depth_km": "5",
        "updated": datetime(2024, 1, 1),  # noqa: DTZ001 -- before the event
        "status": "guessed",
    }
    for path, value in wrong.items():
        example.refuses("events", path, value)
