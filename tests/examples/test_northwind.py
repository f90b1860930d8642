"""Northwind: rows with an unquoted comma, lines with chained lookups, exact money, a table that looks itself up, two collections."""

import csv
import re
from datetime import datetime
from decimal import Decimal

import pytest
from bson.decimal128 import Decimal128


@pytest.fixture
def rows(example):
    def read(name: str) -> list[list[str]]:
        with (example.datasets / f"northwind_orders/{name}.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.reader(stream))[1:]

    return read


def test_every_row_has_its_place(example) -> None:
    assert example.counts("orders") == (830, 830, 0, 0, 0, 0)
    assert example.counts("employees") == (9, 9, 0, 0, 0, 0)
    others = {one["source"]: one for one in example.reports["orders"]["secondary"]}
    assert (others["details"]["embedded"], others["details"]["orphans"]) == (2155, 0)
    assert all(one["malformed"] == 0 for one in others.values())
    repaired = [note for note in example.reports["orders"]["notes"] if "csv.overflow" in note]
    assert sorted(int(re.search("[0-9]+", note)[0]) for note in repaired) == [9, 24, 176]


def test_facts_of_orders(example) -> None:
    live = example.database["orders"]
    assert live.count_documents({"dates.shipped": {"$exists": False}}) == 21
    assert live.count_documents({"shipping.late": True}) == 37
    assert live.count_documents({"shipping.address.region": {"$exists": False}}) == 507
    assert live.count_documents({"shipping.address.postal_code": {"$exists": False}}) == 19
    assert live.count_documents({"shipping.address.country": "Germany"}) == 122
    sizes = {one["_id"]: one["count"] for one in live.aggregate([{"$sortByCount": {"$size": "$lines"}}])}
    assert sizes == {1: 137, 2: 283, 3: 248, 4: 125, 5: 33, 6: 3, 25: 1}


def test_addresses_with_a_comma_are_whole(example, rows) -> None:
    live = example.database["orders"]
    long = {int(row[0]): (f"{row[9]},{row[10]}", row[11], row[14]) for row in rows("orders") if len(row) == 15}
    assert len(long) == 176
    for one in live.find({"_id": {"$in": list(long)}}):
        address = one["shipping"]["address"]
        assert (address["street"], address["city"], address["country"]) == long[one["_id"]]


def test_sums_are_exact(example, rows) -> None:
    details = rows("order-details")
    (found,) = example.database["orders"].aggregate(
        [
            {
                "$group": {
                    "_id": None,
                    "total": {"$sum": "$total"},
                    "freight": {"$sum": "$shipping.freight"},
                    "lines": {"$sum": {"$sum": "$lines.total"}},
                }
            }
        ]
    )
    total = sum(Decimal(row[2]) * int(row[3]) * (1 - Decimal(row[4])) for row in details)
    assert total == Decimal("1265793.0395")
    assert found["total"].to_decimal() == found["lines"].to_decimal() == total
    assert found["freight"].to_decimal() == Decimal("64942.69")


def test_an_order(example) -> None:
    assert example.database["orders"].find_one({"_id": 10250}) == {
        "_id": 10250,
        "customer": {"id": "HANAR", "company": "Hanari Carnes", "contact": "Mario Pontes", "country": "Brazil"},
        "employee": {"id": 4, "first_name": "Margaret", "last_name": "Peacock"},
        "dates": {"ordered": datetime(1996, 7, 8), "required": datetime(1996, 8, 5), "shipped": datetime(1996, 7, 12)},  # noqa: DTZ001
        "shipping": {
            "late": False,
            "via": {"id": 2, "company": "United Package"},
            "freight": Decimal128("65.83"),
            "address": {
                "name": "Hanari Carnes",
                "street": "Rua do Paço, 67",
                "city": "Rio de Janeiro",
                "region": "RJ",
                "postal_code": "05454-876",
                "country": "Brazil",
            },
        },
        "lines": [
            {
                "product": {
                    "id": 41,
                    "name": "Jack's New England Clam Chowder",
                    "category": "Seafood",
                    "supplier": "New England Seafood Cannery",
                },
                "unit_price": Decimal128("7.70"),
                "quantity": 10,
                "discount": Decimal128("0"),
                "total": Decimal128("77"),
            },
            {
                "product": {"id": 51, "name": "Manjimup Dried Apples", "category": "Produce", "supplier": "G'day, Mate"},
                "unit_price": Decimal128("42.40"),
                "quantity": 35,
                "discount": Decimal128("0.15"),
                "total": Decimal128("1261.4"),
            },
            {
                "product": {
                    "id": 65,
                    "name": "Louisiana Fiery Hot Pepper Sauce",
                    "category": "Condiments",
                    "supplier": "New Orleans Cajun Delights",
                },
                "unit_price": Decimal128("16.80"),
                "quantity": 15,
                "discount": Decimal128("0.15"),
                "total": Decimal128("214.2"),
            },
        ],
        "total": Decimal128("1552.6"),
    }


def test_suppliers_with_a_comma_in_their_name(example) -> None:
    found = set(example.database["orders"].distinct("lines.product.supplier"))
    assert len(found) == 29
    assert {"Pavlova, Ltd.", "Specialty Biscuits, Ltd.", "G'day, Mate"} < found


def test_employees(example, rows) -> None:
    live = example.database["employees"]
    found = {one["_id"]: one for one in live.find()}
    assert {number: one.get("reports_to") for number, one in found.items()} == {
        1: {"id": 2, "last_name": "Fuller"},
        2: None,
        3: {"id": 2, "last_name": "Fuller"},
        4: {"id": 2, "last_name": "Fuller"},
        5: {"id": 2, "last_name": "Fuller"},
        6: {"id": 5, "last_name": "Buchanan"},
        7: {"id": 5, "last_name": "Buchanan"},
        8: {"id": 2, "last_name": "Fuller"},
        9: {"id": 5, "last_name": "Buchanan"},
    }
    assigned = [(int(employee), territory) for employee, territory in rows("employee-territories")]
    assert sorted((number, territory["id"]) for number, one in found.items() for territory in one["territories"]) == sorted(assigned)
    assert found[1]["territories"] == [
        {"id": "06897", "name": "Wilton", "region": "Eastern"},
        {"id": "19713", "name": "Neward", "region": "Eastern"},
    ]
    assert found[1]["birth_date"] == datetime(1948, 12, 8)  # noqa: DTZ001


def test_queries_use_the_indexes(example) -> None:
    assert example.indexes_of("orders", {"customer.id": "SAVEA"}, sort=[("dates.ordered", -1)]) == {"customer"}
    assert example.indexes_of("orders", {"lines.product.id": 51}) == {"product"}
    assert example.indexes_of("orders", {"dates.shipped": None}, sort=[("dates.required", 1)]) == {"shipped"}
    assert example.indexes_of("employees", {"territories.id": "06897"}) == {"territory"}


def test_the_server_refuses_what_is_wrong(example) -> None:
    for path, value in (
        ("lines", []),
        ("lines.0.quantity", 0),
        ("lines.0.unit_price", 14.0),
        ("lines.0.discount", Decimal128("1.5")),
        ("dates.shipped", datetime(1990, 1, 1)),  # noqa: DTZ001 -- before the order
        ("customer.id", "savea"),
    ):
        example.refuses("orders", path, value)
    example.refuses("employees", "reports_to.id", example.database["employees"].find_one()["_id"])
