"""Several collections in one file, several sources, and arrays of child rows, through the command line."""

from pathlib import Path
from typing import Any

import pytest
from jobs import Ended, command
from pymongo.database import Database

ORDERS = """
sources:
  people: {{path: {folder}/people.csv}}
  lines: {{path: {folder}/lines.csv}}
collections:
  orders:
    document: people
    fields:
      _id: {{column: id, type: int}}
      {name}: {{column: name{was}}}
      items[].sku: {{column: sku, required: true}}
      items[].price: {{column: price, type: {price}}}
      {more}
    arrays:
      items: {{source: lines, on: {{id: id}}, {items}}}
  names:
    document: people
    fields:
      _id: {{column: id, type: int}}
      name: {{column: name{length}}}
"""


class Orders:
    """Two collections of one file."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        (folder / "people.csv").write_text("id,name\n1,Ann\n2,Bo\n3,Cy\n", encoding="utf-8")
        (folder / "lines.csv").write_text("id,sku,price\n1,a,5\n1,b,7\n2,c,\n", encoding="utf-8")
        self.file = folder / "orders.yaml"

    def write(self, **parts: str) -> None:
        usual = {"name": "name", "was": "", "price": "int", "more": "", "items": "minItems: 0", "length": ""}
        target = f"mapping: shop\ntarget: {{database: {self.database.name}}}"
        self.file.write_text(target + ORDERS.format(folder=self.folder, **usual | parts), encoding="utf-8")

    def call(self, verb: str, *more: str) -> Ended:
        return command(verb, "-m", self.file, *more)

    def content(self) -> list[Any]:
        return [[list(one.items()) for one in self.database[name].find().sort("_id", 1)] for name in ("orders", "names")]


@pytest.fixture
def orders(database: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Orders:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    found = Orders(database, tmp_path)
    found.write()
    ended = found.call("run", "--quiet")
    assert ended.code == 0, ended.err
    return found


def test_several_collections_are_planned_and_applied_one_after_the_other(orders: Orders) -> None:
    assert orders.call("plan").code == 0
    orders.write(name="called", was=", was: name", price="double", more="items[].currency: {value: EUR}", length=", minLength: 3")
    ended = orders.call("plan", "--json")
    assert ended.code == 11, ended.err
    assert [one["exit_code"] for one in ended.report["collections"]] == [10, 11]
    assert orders.call("plan", "--collection", "orders").code == 10
    before = orders.content()
    assert (orders.call("apply").code, orders.content()) == (3, before)  # neither begins where one may not
    ended = orders.call("apply", "--allow", "E111", "--json")
    assert ended.code == 0, ended.err
    first, second = ended.report["collections"]
    assert (first["rewritten"], first["set_aside"], second["set_aside"]) == (3, 0, 2)
    assert first["run_id"] != second["run_id"]
    assert orders.content()[0][0] == [
        ("_id", 1),
        ("called", "Ann"),
        ("items", [{"sku": "a", "price": 5.0, "currency": "EUR"}, {"sku": "b", "price": 7.0, "currency": "EUR"}]),
    ]
    assert orders.call("plan").code == 0
    assert orders.call("verify").code == 0
    applied = orders.content()[0]
    orders.call("run", "--collection", "orders", "--quiet")
    assert orders.content()[0] == applied


def test_the_server_counts_what_an_array_breaks(orders: Orders) -> None:
    orders.write(items="minItems: 1")
    ended = orders.call("plan", "--json", "--collection", "orders")
    change = ended.report["changes"][0]
    assert (change["code"], change["subject"], change["needs"], change["violators"]) == ("E111", "items", "rules", 1)
    assert orders.call("apply", "--allow", "E111", "--quiet", "--collection", "orders").code == 0
    assert [one["_id"] for one in orders.database["orders"].find()] == [1, 2]


def test_data_reads_the_other_sources_too(orders: Orders) -> None:
    old = orders.folder / "old.yaml"
    old.write_text(orders.file.read_text())
    orders.write(price="long")
    people = orders.folder / "people.csv"
    ended = command("plan", old, orders.file, "--collection", "orders", "--data", people)
    assert "of 3 rows: 1 documents differ, 2 are the same" in ended.out, ended.err
    assert command("plan", old, orders.file, "--data", people).code == 2
    ended = command("plan", old, orders.file)
    assert (ended.code, "collection orders" in ended.out, "collection names" in ended.out) == (10, True, True)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"items": "on_error: drop"}, "built again"),
        ({"items": "sort: [sku]"}, "built again"),
        ({"more": "items[].other: {column: other}"}, "column 'other'"),
        ({"more": "total: {compute: 'sum(items[].price)'}"}, "aggregates over an array"),
    ],
)
def test_what_only_the_source_tells_of_an_array(orders: Orders, part: dict[str, str], reason: str) -> None:
    orders.write(**part)
    ended = orders.call("plan", "--json", "--collection", "orders")
    assert ended.out, ended.err
    assert (ended.code, ended.report["needs"]) == (10, "source")
    assert any(reason in why for why in ended.report["blocked"].values()), ended.report["blocked"]


def test_an_array_goes_last_and_as_a_whole(orders: Orders) -> None:
    text = orders.file.read_text()
    orders.file.write_text("\n".join(line for line in text.splitlines() if "items" not in line and "arrays" not in line))
    assert orders.call("plan", "--collection", "orders").code == 11
    ended = orders.call("apply", "--collection", "orders", "--allow", "E102", "--json")
    assert ended.code == 0, ended.err
    assert [one["name"] for one in ended.report["steps"]] == ["widen", "check", "trim", "tighten"]
    applied = orders.content()[0]
    assert applied[0] == [("_id", 1), ("name", "Ann")]
    assert orders.call("run", "--collection", "orders", "--quiet").code == 0
    assert orders.content()[0] == applied


def test_an_array_is_renamed_by_its_fields(orders: Orders) -> None:
    text = orders.file.read_text()
    for name in ("sku", "price"):
        text = text.replace(f"items[].{name}: {{", f"parts[].{name}: {{was: 'items[].{name}', ")
    orders.file.write_text(text.replace("      items: {source", "      parts: {source"))
    ended = orders.call("apply", "--json")
    assert ended.code == 0, ended.err
    assert ended.report["collections"][1]["run_id"] == ""
    applied = orders.content()[0]
    assert applied[1] == [("_id", 2), ("name", "Bo"), ("parts", [{"sku": "c"}])]
    assert orders.call("run", "--quiet").code == 0
    assert orders.content()[0] == applied


def test_a_collection_that_is_new_in_the_file_is_planned_and_the_others_are_applied(orders: Orders) -> None:
    old = orders.folder / "before.yaml"
    old.write_text(orders.file.read_text(), encoding="utf-8")
    orders.write(name="called", was=", was: name")
    split = "  visits:\n    document: people\n    id: {hash: [id]}\n    dedup: {on: [id]}\n    fields: {who: {column: id}}\n"
    orders.file.write_text(orders.file.read_text() + split, encoding="utf-8")
    ended = orders.call("plan", "--json")
    assert ended.code == 10, ended.err
    assert [plan["unloaded"] for plan in ended.report["collections"]] == [False, False, True]
    assert "`engine run` with --collection loads it" in orders.call("plan").out
    assert [plan["unloaded"] for plan in command("plan", old, orders.file, "--json").report["collections"]] == [False, False, True]
    applied = orders.call("apply")
    assert (applied.code, "--collection visits" in applied.err) == (0, True), applied.err
    assert orders.database["orders"].count_documents({"called": {"$exists": True}}) == 3
    loaded = orders.call("run", "--collection", "visits", "--quiet")
    assert (loaded.code, orders.call("plan").code) == (0, 0), loaded.err
