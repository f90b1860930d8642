"""Café sales: three texts for a missing value, totals computed where they are missing, and transactions that contradict themselves."""

import csv
from collections import Counter
from decimal import Decimal
from pathlib import Path

from bson.decimal128 import Decimal128

UNKNOWN = {"", "ERROR", "UNKNOWN"}
COLUMNS = {"item": "Item", "quantity": "Quantity", "unit_price": "Price Per Unit", "paid": "Total Spent", "payment": "Payment Method",
           "place": "Location", "date": "Transaction Date"}  # fmt: skip
IMPOSSIBLE = {"-3", "0", "100"}  # quantities; of 100 pieces only one was paid for


def sales(example):
    return example.database["sales"]


def rows(example) -> list[dict[str, str]]:
    with (example.datasets / "cafe_sales_dirty/dirty_cafe_sales.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def kept(example) -> list[dict[str, str]]:
    """The first row of each transaction, without the impossible ones."""
    first: dict[str, dict[str, str]] = {}
    for row in rows(example):
        if row["Quantity"] not in IMPOSSIBLE:
            first.setdefault(row["Transaction ID"], row)
    return list(first.values())


def test_every_row_ends_somewhere(example) -> None:
    assert example.counts("sales") == (10004, 9994, 0, 2, 8, 0)
    report = example.reports["sales"]
    assert {one["code"]: one["rows"] for one in report["rejects"]} == {"duplicate_key": 5, "minimum": 2, "total_adds_up": 1}
    with Path(report["rejects_file"]).open(encoding="utf-8", newline="") as stream:
        again = {row["Transaction ID"] for row in csv.DictReader(stream) if row["_code"] == "duplicate_key"}
    times = Counter(row["Transaction ID"] for row in rows(example))
    contradicting = {row["Transaction ID"] for row in rows(example) if times[row["Transaction ID"]] > 1} - {"TXN_1710476", "TXN_4558455"}
    assert again == contradicting


def test_what_is_not_known_is_missing(example) -> None:
    file = {path: sum(row[column] in UNKNOWN for row in rows(example)) for path, column in COLUMNS.items()}
    assert file == {"item": 971, "quantity": 479, "unit_price": 534, "paid": 503, "payment": 3179, "place": 3963, "date": 461}
    for path, column in COLUMNS.items():
        missing = sum(row[column] in UNKNOWN for row in kept(example))
        assert sales(example).count_documents({path: {"$exists": False}}) == missing > 0
        assert not sales(example).count_documents({path: {"$in": [None, *UNKNOWN]}, "$expr": {"$ne": [{"$type": f"${path}"}, "missing"]}})


def test_the_first_of_contradicting_rows_stays(example) -> None:
    found = sales(example).find_one({"_id": "TXN_9872258"})
    assert (found["item"], found["payment"], found["total"].to_decimal()) == ("Juice", "Cash", 12)
    assert "place" in sales(example).find_one({"_id": "TXN_8872984"})


def test_totals_are_exact_and_computed_where_missing(example) -> None:
    known = [row for row in kept(example) if row["Total Spent"] not in UNKNOWN]
    unpaid = [row for row in kept(example) if row["Total Spent"] in UNKNOWN and not UNKNOWN & {row["Quantity"], row["Price Per Unit"]}]
    computed = [int(row["Quantity"]) * Decimal(row["Price Per Unit"]) for row in unpaid]
    totals = sum(Decimal(row["Total Spent"]) for row in known) + sum(computed)
    (found,) = sales(example).aggregate([{"$group": {"_id": None, "paid": {"$sum": "$paid"}, "total": {"$sum": "$total"}}}])
    assert (found["paid"].to_decimal(), found["total"].to_decimal()) == (sum(Decimal(row["Total Spent"]) for row in known), totals)
    assert sales(example).count_documents({"paid": {"$exists": False}, "total": {"$exists": True}}) == len(computed) == 462
    assert sales(example).find_one({"_id": "TXN_4271903"}) | {"date": 0} == {
        "_id": "TXN_4271903", "item": "Cookie", "quantity": 4, "unit_price": Decimal128("1.0"), "total": Decimal128("4"),
        "payment": "Credit Card", "place": "In-store", "date": 0,
    }  # fmt: skip


def test_both_ways_of_writing_a_date(example) -> None:
    american = [row for row in kept(example) if "/" in row["Transaction Date"]]
    for row in american:
        month, day, year = map(int, row["Transaction Date"].split("/"))
        date = sales(example).find_one({"_id": row["Transaction ID"]})["date"]
        assert (date.year, date.month, date.day) == (year, month, day)
    assert len(american) == 3
    assert sales(example).count_documents({"date": {"$type": "date"}}) == len(kept(example)) - 460


def test_queries_use_the_indexes(example) -> None:
    assert example.indexes_of("sales", {"item": "Tea"}, sort=[("date", -1)]) == {"item_by_date"}
    assert example.indexes_of("sales", {}, sort=[("date", -1)]) == {"by_date"}
    assert example.indexes_of("sales", {"place": "Takeaway", "payment": "Cash"}) == {"place"}


def test_the_server_refuses_what_is_wrong(example) -> None:
    for path, value in (("item", "UNKNOWN"), ("quantity", 0), ("quantity", 2.0), ("total", 4.0), ("date", "2023-01-01"), ("tip", 1)):
        example.refuses("sales", path, value)
