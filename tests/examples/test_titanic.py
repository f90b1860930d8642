"""Titanic: names taken apart by regular expressions, cabins as a list, labels, exact fares."""

import csv
from decimal import Decimal

from bson.decimal128 import Decimal128


def passengers(example):
    return example.database["passengers"]


def test_every_passenger_is_there(example) -> None:
    assert example.counts("passengers") == (891, 891, 0, 0, 0, 0)
    live = passengers(example)
    assert live.count_documents({"survived": True}) == 342
    assert live.count_documents({"age": {"$exists": False}}) == 177
    assert live.count_documents({"cabins": {"$exists": False}}) == 687
    assert live.count_documents({"cabins.1": {"$exists": True}}) == 24
    assert live.count_documents({"embarked": {"$exists": False}}) == 2
    assert live.count_documents({"embarked": "Southampton"}) == 644
    assert live.count_documents({"name.nick": {"$exists": True}}) == 53
    assert live.count_documents({"ticket": {"$not": {"$regex": "^[0-9]+$"}}}) == 230


def test_ages_that_are_estimates_are_marked(example) -> None:
    live = passengers(example)
    fractions = {"$expr": {"$ne": ["$age", {"$floor": "$age"}]}, "age": {"$exists": True}}
    assert live.count_documents(fractions) == 25
    assert live.count_documents({"age_estimated": True}) == live.count_documents({**fractions, "age": {"$gte": 1}}) == 18
    assert live.count_documents({"age": {"$lt": 1}, "age_estimated": {"$exists": True}}) == 0


def test_fares_are_exact(example) -> None:
    with (example.datasets / "titanic/titanic.csv").open(encoding="utf-8", newline="") as stream:
        total = sum(Decimal(row["Fare"]) for row in csv.DictReader(stream))
    assert total == Decimal("28693.9493")
    (found,) = passengers(example).aggregate([{"$group": {"_id": None, "sum": {"$sum": "$fare"}}}])
    assert found["sum"] == Decimal128(total)


def test_every_name_is_taken_apart(example) -> None:
    live = passengers(example)
    titles = {one["_id"]: one["count"] for one in live.aggregate([{"$sortByCount": "$name.title"}])}
    assert len(titles) == 17
    assert titles.items() >= {"Mr": 517, "Miss": 182, "Mrs": 125, "Master": 40, "the Countess": 1}.items()
    assert live.find_one({"_id": 2}) == {
        "_id": 2,
        "survived": True,
        "class": 1,
        "name": {
            "full": "Cumings, Mrs. John Bradley (Florence Briggs Thayer)",
            "last": "Cumings",
            "title": "Mrs",
            "first": "John Bradley",
            "own": "Florence Briggs Thayer",
        },
        "sex": "female",
        "age": 38.0,
        "age_estimated": False,
        "family": {"siblings_spouses": 1, "parents_children": 0, "alone": False},
        "ticket": "PC 17599",
        "fare": Decimal128("71.2833"),
        "cabins": ["C85"],
        "embarked": "Cherbourg",
    }
    last = {one["name"]["last"]: one["name"] for one in live.find({"name.last": {"$in": ["Rothes", "Duff Gordon", "McGowan", "Hewlett"]}})}
    assert last["Rothes"] | {"full": ""} == {"full": "", "last": "Rothes", "title": "the Countess", "own": "Lucy Noel Martha Dyer-Edwards"}
    assert (last["McGowan"]["first"], last["McGowan"]["nick"]) == ("Anna", "Annie")
    assert "first" not in last["Hewlett"]


def test_cabins_keep_their_order(example) -> None:
    assert passengers(example).find_one({"_id": 28})["cabins"] == ["C23", "C25", "C27"]


def test_queries_use_the_indexes(example) -> None:
    assert example.indexes_of("passengers", {"name.last": "Sage"}, sort=[("name.first", 1)]) == {"last_name"}
    assert example.indexes_of("passengers", {"cabins": "C23"}) == {"cabin"}
    assert example.indexes_of("passengers", {"ticket": "CA. 2343"}) == {"ticket"}


def test_the_server_refuses_what_is_wrong(example) -> None:
    for path, value in (("class", 4), ("age", 0.0), ("survived", 1), ("cabins", ["Z9"]), ("fare", 7.25), ("deck", "A")):
        example.refuses("passengers", path, value)
