"""Rejected rows: the file, spreadsheets, explanation, and loading them again until the books balance."""

import csv
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs import Ended, Jobs, command

from engine.run.rejects import escape_formula, unescape_formula
from engine.run.rowranges import RowRanges, ranges

GOOD = [[1, "Ann", "Oslo", 30], [2, "Bob", "Rome", 40]]
BAD = [[3, "Canary-C", "Bern", -1], [4, "Canary-D", "=Wien", "many"]]
CELLS = st.text(st.sampled_from("'=+-@\t\r\n5a＝")) | st.text()


@given(CELLS)
def test_a_neutralised_cell_is_restored_exactly(cell: str) -> None:
    assert unescape_formula(escape_formula(cell)) == cell
    assert escape_formula(cell)[:1] not in tuple("=+-@\t\r\n＝＋－＠")


@pytest.mark.parametrize("cell", ["-5", "5", "'s-Hertogenbosch", "=1+1", "text", "'"])
def test_a_cell_that_is_typed_anew_stays(cell: str) -> None:
    assert unescape_formula(cell) == cell


@given(st.sets(st.integers(1, 60)))
def test_ranges_hold_the_same_numbers(rows: set[int]) -> None:
    found = ranges(rows)
    assert {row for first, last in found for row in range(first, last + 1)} == rows
    assert all(one[1] + 1 < other[0] for one, other in pairwise(found))


@given(st.lists(st.integers(1, 60), max_size=40), st.integers(1, 8))
def test_ranges_are_known_up_to_a_size(rows: list[int], most: int) -> None:
    found = RowRanges(most)
    for row in rows:
        found.add(row)
    whole = ranges(rows)
    if len(whole) <= most and found.known is not None:
        assert found.known == whole
    assert len(whole) <= most or found.known is None
    in_order = RowRanges(most)
    for row in sorted(rows):
        in_order.add(row)
    assert in_order.known == (whole if len(whole) <= most else None)


def test_only_rows_that_the_run_rejected_are_loaded(jobs: Jobs) -> None:
    """Row 1 was loaded; row 99 never was; no row counts twice."""
    file, run = reject(jobs)
    (first, second), before = read(file), jobs.documents()
    assert jobs.database["_engine_runs"].find_one({"_id": run})["rejected"] == [[3, 4]]
    for rows in ([first | {"_row": "1"}], [first, second | {"_row": "99"}], [first, second | {"_row": first["_row"]}]):
        ended = command("rejects", "retry", "-m", jobs.mapping, save(file, [row | {"age": "1"} for row in rows]), "--json")
        assert (ended.code, ended.report["errors"][0]["code"]) == (3, "not_a_reject"), ended.err
    assert jobs.documents() == before


@pytest.mark.parametrize("mode", ["upsert", "append"])
def test_a_later_run_is_not_written_over(jobs: Jobs, mode: str) -> None:
    """Case retry-stale: row 3 came again, right, with the next file; row 4 did not."""
    jobs.mode = mode
    file, _ = reject(jobs)
    later = jobs.run([[3, "New", "Bern", 7]]).report["run_id"]
    corrected = save(file, [row | {"age": "1"} for row in read(file)])
    ended = command("rejects", "retry", "-m", jobs.mapping, corrected, "--json")
    assert ended.counts == (2, 1, 0, 1, 0), ended.err
    assert any(f"run {later} was published since" in note for note in ended.report["notes"])
    assert [(one["code"], one["path"]) for one in ended.report["rejects"]] == [("superseded", "_id")]
    ages = {document["_id"]: document["age"] for document in jobs.documents()}
    assert (ages[3], ages[4]) == (7, 1)
    told = command("rejects", "retry", "-m", jobs.mapping, ended.report["rejects_file"], "--allow", "superseded", "--json")
    assert told.code == (0 if mode == "upsert" else 3), told.err  # append never changes a live document
    assert jobs.live.find_one({"_id": 3})["age"] == (1 if mode == "upsert" else 7)
    assert command("verify", "-m", jobs.mapping).code == 0


def read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def save(file: Path, rows: list[dict[str, str]], **dialect: str) -> Path:
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys(), **dialect)
        writer.writeheader()
        writer.writerows(rows)
    return file


def reject(jobs: Jobs) -> tuple[Path, str]:
    ended = jobs.run([*GOOD, *BAD])
    assert ended.counts == (4, 2, 0, 2, 0), ended.err
    return Path(ended.report["rejects_file"]), ended.report["run_id"]


def opened(jobs: Jobs) -> list[str]:
    """By file: rows and open rows."""
    return [" ".join(line.split()[1:3]) for line in command("rejects", "list", "-m", jobs.mapping).out.splitlines()[1:]]


@pytest.mark.parametrize("mode", ["replace", "upsert", "append", "sync"])
def test_corrected_rows_are_loaded_and_the_books_balance(jobs: Jobs, mode: str) -> None:
    jobs.mode = mode
    file, run = reject(jobs)
    assert opened(jobs) == ["2 2"]
    rows = read(file)
    rows[0]["age"] = "1"
    half = command("rejects", "retry", "-m", jobs.mapping, save(jobs.folder / f"people-{run} corrected.csv", rows, delimiter=";"), "--json")
    assert (half.code, half.counts) == (0, (2, 1, 0, 1, 0)), half.err
    assert sorted(opened(jobs)) == ["1 1", "2 1"]
    left = Path(half.report["rejects_file"])
    (row,) = read(left)
    assert (row["_row"], row["_code"], row["city"]) == ("4", "type", "'=Wien")
    row["age"] = "2"
    rest = command("rejects", "retry", "-m", jobs.mapping, save(left, [row]), "--json")
    assert rest.counts == (1, 1, 0, 0, 0), rest.err
    assert sorted(opened(jobs)) == ["1 0", "2 0"]
    assert [(one["_id"], one["home"]["city"]) for one in jobs.documents()] == [(1, "Oslo"), (2, "Rome"), (3, "Bern"), (4, "=Wien")]
    recorded = jobs.database["_engine_runs"].find_one({"_id": rest.report["run_id"]})
    assert (recorded["retry_of"], recorded["settled"]) == (run, [[4, 4]])
    again = command("rejects", "retry", "-m", jobs.mapping, left, "--json")
    assert again.report["changes"] == {"inserted": 0, "updated": 0, "unchanged": 1}
    assert command("verify", "-m", jobs.mapping).code == 0


def test_nothing_corrected_is_rejected_again(jobs: Jobs) -> None:
    source = jobs.folder / "in.csv"
    source.write_text("id,name,city,age\n1,Ann,Oslo,30\n2,Bob\n3,C,Bern,5,more\n4,D,Kyiv,-1\n")
    ended = command("run", "-m", jobs.mapping, "--source", source, "--json")
    file = Path(ended.report["rejects_file"])
    again = command("rejects", "retry", "-m", jobs.mapping, file, "--json")
    assert again.counts == (3, 0, 0, 3, 0), again.err
    rows = read(file)
    for row in rows:
        row |= {"_code": "", "_extra": "", "age": "7"}
    fixed = command("rejects", "retry", "-m", jobs.mapping, save(file, rows), "--json")
    assert fixed.counts == (3, 3, 0, 0, 0), fixed.err


def test_show_explains_without_private_values(jobs: Jobs) -> None:
    file, _ = reject(jobs)
    shown = command("rejects", "show", "-m", jobs.mapping, file)
    assert "row 3: age: expected at least 0\n    age: -1" in shown.out
    assert "row 4: age: expected " in shown.out
    assert "Canary" not in shown.out


@pytest.mark.parametrize(("policy", "code"), [("mask", "private_masked"), ("omit", "private_omitted")])
def test_private_columns_are_masked_or_left_out_as_declared(jobs: Jobs, policy: str, code: str) -> None:
    jobs.rest = f"rejects: {{private: {policy}}}"
    file, _ = reject(jobs)
    assert "Canary" not in file.read_text(encoding="utf-8")
    assert ("name" in read(file)[0]) == (policy == "mask")
    ended = command("rejects", "retry", "-m", jobs.mapping, file, "--json")
    assert (ended.code, code in ended.err) == (3, True)
    assert len(jobs.documents()) == 2


def test_rows_of_a_run_that_is_not_live_are_not_loaded(jobs: Jobs) -> None:
    jobs.mode, jobs.limits = "replace", "rejects: 1, shrink: 100%"
    failed = jobs.run([*GOOD, *BAD])
    retry = command("rejects", "retry", "-m", jobs.mapping, failed.report["rejects_file"], "--json")
    assert (retry.code, retry.report["errors"][0]["code"]) == (3, "not_published")
    jobs.limits = "rejects: 100%, shrink: 100%"
    file, _ = reject(jobs)
    jobs.run(GOOD)
    retry = command("rejects", "retry", "-m", jobs.mapping, file, "--json")
    assert retry.report["errors"][0]["code"] == "superseded"
    assert len(jobs.documents()) == 2


def test_what_is_no_rejects_file_is_said(jobs: Jobs) -> None:
    source = jobs.write(GOOD)
    for file in (source, jobs.folder / "missing.csv", jobs.folder):
        assert command("rejects", "retry", "-m", jobs.mapping, file, "--json").code == 3
    file, _ = reject(jobs)
    rows = read(file)
    rows[0]["_row"] = "first"
    ended = command("rejects", "show", "-m", jobs.mapping, save(file, rows))
    assert (ended.code, "not_rejects" in ended.err) == (3, True)
    listed = command("rejects", "list")
    assert (listed.code, "not_rejects" in listed.err) == (0, True)


class Odd:
    """A mapping of its own beside files of its own, run once with wrong cells and once with right ones."""

    def __init__(self, jobs: Jobs, mapping: str, files: dict[str, str]) -> None:
        self.jobs, self.file = jobs, jobs.folder / "odd.yaml"
        target = f"target: {{database: {jobs.database.name}, collection: people}}"
        self.file.write_text(
            f"mapping: odd\n{target}\nlimits: {{rejects: 100%}}\n{mapping.replace('IN', str(jobs.folder))}", encoding="utf-8"
        )
        for name, text in files.items():
            (jobs.folder / name).write_text(text, encoding="utf-8")

    def run(self) -> Ended:
        return command("run", "-m", self.file, "--json")

    def retry(self, file: Path | str) -> Ended:
        return command("rejects", "retry", "-m", self.file, file, "--json")

    def right(self, **files: str) -> list[dict[str, Any]]:
        """The documents of a run over right files."""
        for name, text in files.items():
            (self.jobs.folder / f"{name}.csv").write_text(text, encoding="utf-8")
        assert self.run().code == 0
        return self.jobs.documents()


PLACES = """
source: {path: "IN/*.csv"}
fields:
  _id: {column: id, type: int}
  age: {column: age, type: int}
  from: {meta: file, required: true}
  row: {meta: row}
"""


def test_a_row_that_is_loaded_again_has_its_file_and_number(jobs: Jobs) -> None:
    odd = Odd(jobs, PLACES, {"1.csv": "id,age\n1,30\n2,x\n", "2.csv": "age,id\n40,3\n4\n5,5\nx,6\n"})
    file = Path(odd.run().report["rejects_file"])
    rows = read(file)
    assert {(row["_row"], row["_file"]) for row in rows} == {("2", "1.csv"), ("4", "2.csv"), ("6", "2.csv")}
    for row in rows:
        row |= {"_code": "", "_extra": "", "age": "7", "id": str(row["_row"])}
    again = odd.retry(save(file, rows))
    assert again.counts == (3, 3, 0, 0, 0), again.err
    found = jobs.documents()
    assert [(one["row"], one["from"]) for one in found] == [(number, "1.csv" if number < 3 else "2.csv") for number in range(1, 7)]
    assert found == odd.right(**{"1": "id,age\n1,30\n2,7\n", "2": "age,id\n40,3\n7,4\n5,5\n7,6\n"})


ORDERS = """
sources: {orders: {path: IN/orders.csv}, lines: {path: IN/lines.csv}, towns: {path: IN/towns.csv}}
document: orders
arrays:
  lines: {source: lines, on: [id], orphans: fail}
lookups:
  town: {source: towns, on: [town]}
fields:
  _id: {column: id, type: int}
  country: town.country
  day: {column: day, type: date}
  lines[].price: {column: price, type: int, required: true}
"""


def test_rows_with_arrays_and_lookups_are_loaded_again(jobs: Jobs) -> None:
    files = {
        "orders.csv": "id,town,day\n1,Oslo,2024-01-01\n2,Oslo,never\n3,Olso,2024-01-02\n",
        "lines.csv": "id,price\n1,5\n2,6\n3,7\n2,8\n",
        "towns.csv": "town,country\nOslo,Norway\n",
    }
    odd = Odd(jobs, ORDERS, files)
    ended = odd.run()
    assert ended.counts == (3, 1, 0, 2, 0), ended.err
    file = Path(ended.report["rejects_file"])
    rows = [row | {"town": "Oslo", "day": "2024-01-02"} for row in read(file)]
    again = odd.retry(save(file, rows))
    assert again.counts == (2, 2, 0, 0, 0), again.err
    found = jobs.documents()
    assert [[line["price"] for line in one["lines"]] for one in found] == [[5], [6, 8], [7]]
    assert found == odd.right(orders="id,town,day\n1,Oslo,2024-01-01\n2,Oslo,2024-01-02\n3,Oslo,2024-01-02\n")


GROUPS = """
source: {path: IN/in.csv}
group_by: [id]
arrays: {visits: {rows: true}}
fields:
  _id: {column: id, type: int}
  first: {meta: row}
  visits[].cost: {column: cost, type: int, required: true}
"""


def test_groups_are_loaded_again_whole_and_rows_that_were_none_never(jobs: Jobs) -> None:
    odd = Odd(jobs, GROUPS, {"in.csv": "id,cost\n1,5\n2,6\n1\n2,x\n,9\n1,7\n"})
    ended = odd.run()
    assert ended.counts == (6, 1, 0, 4, 0), ended.err
    file = Path(ended.report["rejects_file"])
    rows = read(file)
    assert sorted((row["_row"], row["_file"]) for row in rows) == [(number, "in.csv") for number in "2345"]
    cleared = {"3": {"_code": "", "_extra": ""}}
    right = [row | {"cost": "8", "id": row["id"] or "1"} | cleared.get(row["_row"], {}) for row in rows]
    again = odd.retry(save(file, right))
    assert again.counts == (4, 1, 0, 2, 0), again.err
    assert {one["_reason"].split(":")[0] for one in read(Path(again.report["rejects_file"]))} == {
        "its group may be in the collection already, without this row"
    }
    costs = [(one["_id"], one["first"], [visit["cost"] for visit in one["visits"]]) for one in jobs.documents()]
    assert costs == [(1, 1, [5, 7]), (2, 2, [8, 8])]
