"""Runs over several sources that go on, are corrected, are shown: upsert, retried rejects, preview, and what mappings must not say."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jobs import Ended, command
from pymongo.database import Database

ORDERS = """
mapping: orders
sources: {orders: {path: orders.csv}, lines: {path: lines.csv}}
document: orders
target: {database: "${DATABASE}", collection: orders, mode: MODE}
arrays:
  lines: {source: lines, on: {order: id}, sort: [-amount], orphans: fail, on_match: replace}
limits: {rejects: 100%}
fields:
  _id: {column: id, type: int}
  paid: {column: paid, type: int}
  lines[].amount: {column: amount, type: int, minimum: 0}
  lines[].who: {column: who, private: true}
  total: {compute: "sum(lines[].amount)"}
"""
GROUPS = """
mapping: groups
source: {path: in.csv}
group_by: [k]
target: {database: "${DATABASE}", collection: groups, mode: upsert}
arrays:
  rows: {rows: true, on_match: replace}
limits: {rejects: 100%}
fields:
  _id: k
  rows[].v: {column: v, type: int, minimum: 0}
"""

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def folder(mongo_uri: str, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name, value in {"MONGODB_URI": mongo_uri, "ENGINE_HOME": str(tmp_path / "home"), "DATABASE": database.name}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(mapping: str, *arguments: str, **files: str) -> Ended:
    Path("m.yaml").write_text(mapping, encoding="utf-8")
    for name, text in files.items():
        Path(f"{name}.csv").write_text(text, encoding="utf-8")
    return command("run", "-m", "m.yaml", "--json", *arguments)


def corrected(ended: Ended, column: str, cells: dict[str, str]) -> Path:
    """The rejects file with cells of a column replaced."""
    file = Path(ended.report["rejects_file"])
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows({**row, column: cells.get(row[column], row[column])} for row in rows)
    return file


def stored(database: Database, name: str) -> list[dict[str, Any]]:
    return list(database[name].find().sort("_id"))


@pytest.mark.parametrize("mode", ["replace", "upsert"])
def test_a_corrected_parent_gets_its_children(mode: str, database: Database) -> None:
    lines = "order,amount,who\n1,5,canary\n2,7,canary\n2,9,canary\n"
    ended = run(ORDERS.replace("MODE", mode), orders="id,paid\n1,1\n2,x\n", lines=lines)
    assert (ended.code, ended.report["accounting"]["rejected"]) == (0, 1)
    assert ended.report["secondary"][0] | {"source": ""} == {
        "source": "", "rows_read": 3, "embedded": 1, "left_out": 2, "orphans": 0, "malformed": 0, "looked_up": 0,
    }  # fmt: skip
    again = command("rejects", "retry", corrected(ended, "paid", {"x": "2"}), "-m", "m.yaml", "--json")
    assert (again.code, again.report["accounting"]["documents"]) == (0, 1), again.out
    assert [one["total"] for one in stored(database, "orders")] == [5, 16]
    assert [line["amount"] for line in stored(database, "orders")[1]["lines"]] == [9, 7]
    assert "canary" not in ended.out + ended.err + again.out + again.err


def test_upsert_replaces_arrays_and_leaves_equal_ones(database: Database) -> None:
    mapping, orders = ORDERS.replace("MODE", "upsert"), "id,paid\n1,1\n2,2\n"
    run(mapping, orders=orders, lines="order,amount,who\n1,5,a\n2,7,b\n")
    ended = run(mapping, orders=orders, lines="order,amount,who\n1,5,a\n1,8,c\n2,7,b\n")
    assert {name: ended.report["changes"].get(name, 0) for name in ("inserted", "updated", "unchanged")} == {
        "inserted": 0,
        "updated": 1,
        "unchanged": 1,
    }
    assert [line["amount"] for line in stored(database, "orders")[0]["lines"]] == [8, 5]
    assert ended.report["secondary"][0]["embedded"] == 3


def test_a_rejected_group_is_corrected_as_a_whole(database: Database) -> None:
    ended = run(GROUPS, **{"in": "k,v\na,1\nb,2\na,-3\nb,4\n,5\n"})
    assert (ended.code, ended.report["accounting"]) == (
        0, {"rows_read": 5, "documents": 1, "grouped": 1, "duplicates": 0, "rejected": 3, "filtered": 0},
    )  # fmt: skip
    file = corrected(ended, "v", {"'-3": "3"})
    again = command("rejects", "retry", file, "-m", "m.yaml", "--json")
    assert (again.code, again.report["accounting"]["rejected"]) == (0, 1), again.out + again.err
    assert {one["_id"]: [row["v"] for row in one["rows"]] for one in stored(database, "groups")} == {"a": [1, 3], "b": [2, 4]}


def test_preview_shows_arrays_and_masks_what_is_private() -> None:
    run(ORDERS.replace("MODE", "upsert"), "--dry-run", orders="id,paid\n1,1\n2,x\n", lines="order,amount,who\n1,5,canary\n1,6,canary\n")
    ended = command("preview", "-m", "m.yaml", "--rows", "5")
    document = json.loads(ended.out[ended.out.index("{") : ended.out.rindex("}") + 1])
    assert document == {"_id": 1, "paid": 1, "lines": [{"amount": 6, "who": "(private)"}, {"amount": 5, "who": "(private)"}], "total": 11}
    assert "row 2: rejected, type: paid" in ended.out
    assert "canary" not in ended.out + ended.err


def test_a_trace_shows_the_elements_side_by_side() -> None:
    lines = "order,amount,who\n" + "".join(f"1,{amount},canary\n" for amount in (5, -1, 7, 9, 11))
    run(ORDERS.replace("MODE", "upsert"), "--dry-run", orders="id,paid\n1,1\n", lines=lines)
    ended = command("preview", "-m", "m.yaml", "--row", "1")
    said = [re.sub(" +", " ", line.strip()) for line in ended.out.splitlines()]
    assert said[0] == "row 1: rejected by minimum"
    assert "lines 5 elements from lines" in said
    amount = said.index("lines[].amount from column 'amount'")
    assert said[amount + 1 : amount + 6] == [
        'cell "5", "-1", "7", … and 2 more', "int 5, -1, 7, … and 2 more int", "type engine: holds; server: enforces it too",
        "minimum engine: broken, expected at least 0: rejects the row; server: enforces it too", "server refuses",
    ]  # fmt: skip
    assert "cell (private), (private), (private), … and 2 more" in said
    assert "canary" not in ended.out + ended.err


def test_no_private_column_is_kept_of_another_source(folder: Path) -> None:
    ended = run(
        ORDERS.replace("MODE", "upsert") + "rejects: {private: mask}\n", orders="id,paid\n1,1\n", lines="order,amount,who\n1,5,a,canary\n"
    )
    file = next((folder / "home" / "rejects").glob("orders.lines-*.csv"))
    assert "canary" not in file.read_text(encoding="utf-8") + ended.out


@pytest.mark.parametrize("mode", ["replace", "upsert"])
def test_malformed_rows_of_other_sources_count_for_the_limit_before_anything_is_live(mode: str, database: Database) -> None:
    mapping = ORDERS.replace("MODE", mode).replace("100%", "0")
    ended = run(mapping, orders="id,paid\n1,5\n", lines="order,amount,who\n1,5,Ann\n1,7\n")
    assert (ended.code, [one["code"] for one in ended.report["errors"]]) == (3, ["reject_limit"])
    assert {one["path"] for one in ended.report["rejects"]} == {"source lines"}
    assert any("malformed records of lines" in note for note in ended.report["notes"])
    assert database["orders"].count_documents({}) == 0


@pytest.mark.parametrize("mode", ["replace", "upsert", "append", "sync"])
def test_rows_of_other_sources_count_for_the_documents_that_are_stored(mode: str, database: Database) -> None:
    """Two orders with one `_id`: the second document is refused, and what the check before a run saw is not what it stored."""
    mapping = ORDERS.replace("MODE", mode).replace("column: id, type: int", "column: number, type: int")
    ended = run(mapping, orders="id,number,paid\n1,7,5\n2,7,6\n", lines="order,amount,who\n1,5,a\n2,6,b\n")
    assert (ended.code, ended.report["accounting"]["rejected"]) == (0, 1), ended.err
    assert {name: ended.report["secondary"][0][name] for name in ("embedded", "left_out", "orphans")} == {
        "embedded": 1,
        "left_out": 1,
        "orphans": 0,
    }
    assert [line["who"] for line in stored(database, "orders")[0]["lines"]] == ["a"]
