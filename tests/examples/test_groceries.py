"""Groceries: ragged rows without a header become an array; a basket is named by its row."""

import csv


def baskets(example):
    return example.database["baskets"]


def lines(example) -> list[list[str]]:
    with (example.datasets / "groceries_ragged/groceries.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def test_every_line_but_the_empty_one_is_a_basket(example) -> None:
    empty, *rest = lines(example)
    assert set(empty) == {""}
    assert (len(empty), min(map(len, rest)), max(map(len, rest))) == (41, 1, 32)
    assert example.counts("baskets") == (len(rest), len(rest), 0, 0, 0, 0) == (9835, 9835, 0, 0, 0, 0)


def test_all_items_are_there_in_their_order(example) -> None:
    _, *rest = lines(example)
    expected = {number: [item.strip() for item in items] for number, items in enumerate(rest, start=1)}
    found = {one["_id"]: one["items"] for one in baskets(example).find()}
    assert found == expected
    assert sum(map(len, found.values())) == 43367
    assert len({item for items in found.values() for item in items}) == 169


def test_sizes_are_counted(example) -> None:
    (found,) = baskets(example).aggregate([{"$group": {"_id": None, "sum": {"$sum": "$size"}, "max": {"$max": "$size"}}}])
    assert (found["sum"], found["max"]) == (43367, 32)
    assert baskets(example).count_documents({"$expr": {"$ne": ["$size", {"$size": "$items"}]}}) == 0
    assert baskets(example).count_documents({"size": 1}) == 2159


def test_spot_documents_and_types(example) -> None:
    assert baskets(example).find_one({"_id": 4}) == {"_id": 4, "items": ["pip fruit", "yogurt", "cream cheese", "meat spreads"], "size": 4}
    assert baskets(example).count_documents({"_id": {"$type": "long"}, "size": {"$type": "int"}, "items": {"$type": "string"}}) == 9835


def test_queries_use_the_index(example) -> None:
    assert example.indexes_of("baskets", {"items": "whole milk"}) == {"item"}
    assert baskets(example).count_documents({"items": "whole milk"}) == 2513


def test_the_server_refuses_what_is_wrong(example) -> None:
    for path, value in (("items", []), ("items", ["soda", "soda"]), ("items", [1]), ("items", "soda"), ("size", 2.0), ("price", 1)):
        example.refuses("baskets", path, value)
