"""Cocktails: numbered columns in an odd order become ingredients in theirs; blanks that mean nothing are nothing."""

import csv
from collections import Counter
from datetime import datetime


def drinks(example):
    return example.database["drinks"]


def rows(example) -> list[dict[str, str]]:
    with (example.datasets / "cocktails_wide/all_drinks.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def squished(cell: str) -> str:
    return " ".join(cell.split())


def ingredients(row: dict[str, str]) -> list[dict[str, str]]:
    """As they must be: in the order of their numbers, without what is blank."""
    pairs = [(squished(row[f"strIngredient{n}"]), squished(row[f"strMeasure{n}"])) for n in range(1, 16)]
    return [{"name": name} | ({"measure": measure} if measure else {}) for name, measure in pairs if name]


def count(example, path: str) -> Counter[str | None]:
    return Counter({one["_id"]: one["count"] for one in drinks(example).aggregate([{"$sortByCount": path}])})


def test_every_row_is_a_drink(example) -> None:
    assert example.counts("drinks") == (546, 546, 0, 0, 0, 0)
    assert count(example, "$category") == Counter(row["strCategory"] for row in rows(example))


def test_ingredients_are_in_the_order_of_their_numbers(example) -> None:
    expected = {int(row["idDrink"]): ingredients(row) for row in rows(example)}
    assert {one["_id"]: one["ingredients"] for one in drinks(example).find()} == expected
    assert sum(map(len, expected.values())) == 2144
    assert max(map(len, expected.values())) == 12


def test_measures_of_blanks_are_missing(example) -> None:
    cells = [row[f"strMeasure{n}"] for row in rows(example) for n in range(1, 16)]
    assert sum(not cell.strip() for cell in cells if cell) == 2659
    without = [{"$unwind": "$ingredients"}, {"$match": {"ingredients.measure": {"$exists": False}}}, {"$count": "n"}]
    assert next(drinks(example).aggregate(without))["n"] == 163
    assert drinks(example).count_documents({"ingredients.measure": {"$regex": r"^\s|\s$"}}) == 0


def test_labels_are_one_and_the_same(example) -> None:
    assert count(example, "$alcoholic") == {"alcoholic": 478, "non alcoholic": 58, "optional alcohol": 9, None: 1}
    assert count(example, "$iba") == {None: 475, "Contemporary Classics": 29, "Unforgettables": 27, "New Era Drinks": 15}
    assert count(example, "$glass") == Counter(row["strGlass"].lower() for row in rows(example))
    assert len(count(example, "$glass")) == 28


def test_texts_and_dates(example) -> None:
    assert drinks(example).count_documents({"instructions": {"$regex": "\n"}}) == 5
    assert drinks(example).count_documents({"instructions": {"$exists": False}}) == 1
    assert drinks(example).count_documents({"modified": {"$type": "date"}}) == 545
    assert drinks(example).count_documents({"image": {"$regex": "^http://www.thecocktaildb.com/"}}) == 546


def test_a_spot_document(example) -> None:
    found = drinks(example).find_one({"_id": 14029})
    assert found == {
        "_id": 14029,
        "name": "'57 Chevy with a White License Plate",
        "category": "Cocktail",
        "glass": "highball glass",
        "alcoholic": "alcoholic",
        "instructions": "1. Fill a rocks glass with ice 2.add white creme de cacao and vodka 3.stir",
        "image": "http://www.thecocktaildb.com/images/media/drink/qyyvtu1468878544.jpg",
        "modified": datetime(2016, 7, 18, 22, 49, 4),  # noqa: DTZ001 -- BSON dates are UTC, pymongo gives them naive
        "ingredients": [{"name": "Creme de Cacao", "measure": "1 oz white"}, {"name": "Vodka", "measure": "1 oz"}],
    }


def test_queries_use_the_indexes(example) -> None:
    folded = {"locale": "en", "strength": 2}
    assert example.indexes_of("drinks", {"ingredients.name": "VODKA"}, collation=folded) == {"ingredient"}
    assert example.indexes_of("drinks", {"name": "mojito"}, collation=folded) == {"name"}
    assert example.indexes_of("drinks", {"category": "Shot", "alcoholic": "alcoholic"}) == {"category"}
    vodka = sum(any(one["name"].lower() == "vodka" for one in ingredients(row)) for row in rows(example))
    assert drinks(example).count_documents({"ingredients.name": "VODKA"}, collation=folded) == vodka


def test_the_server_refuses_what_is_wrong(example) -> None:
    nameless, extra = [{"measure": "1 oz"}], [{"name": "Vodka", "unit": "oz"}]
    for path, value in (
        ("ingredients", nameless),
        ("ingredients", extra),
        ("ingredients", []),
        ("iba", "Classics"),
        ("alcoholic", "Non Alcoholic"),
        ("video", ""),
        ("name", 57),
    ):
        example.refuses("drinks", path, value)
