"""Rejected rows: the file, spreadsheets, explanation, and loading them again until the books balance."""

import csv
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs import Jobs, command

from engine.corrections import ranges
from engine.rejects import neutralise, restore

GOOD = [[1, "Ann", "Oslo", 30], [2, "Bob", "Rome", 40]]
BAD = [[3, "Canary-C", "Bern", -1], [4, "Canary-D", "=Wien", "many"]]
CELLS = st.text(st.sampled_from("'=+-@\t\r\n5a＝")) | st.text()


@given(CELLS)
def test_a_neutralised_cell_is_restored_exactly(cell: str) -> None:
    assert restore(neutralise(cell)) == cell
    assert neutralise(cell)[:1] not in tuple("=+-@\t\r\n＝＋－＠")


@pytest.mark.parametrize("cell", ["-5", "5", "'s-Hertogenbosch", "=1+1", "text", "'"])
def test_a_cell_that_is_typed_anew_stays(cell: str) -> None:
    assert restore(cell) == cell


@given(st.sets(st.integers(1, 60)))
def test_ranges_hold_the_same_numbers(rows: set[int]) -> None:
    found = ranges(rows)
    assert {row for first, last in found for row in range(first, last + 1)} == rows
    assert all(one[1] + 1 < other[0] for one, other in pairwise(found))


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
    jobs.mode, jobs.rest = "replace", "limits: {rejects: 1}"
    failed = jobs.run([*GOOD, *BAD])
    retry = command("rejects", "retry", "-m", jobs.mapping, failed.report["rejects_file"], "--json")
    assert (retry.code, retry.report["errors"][0]["code"]) == (3, "not_published")
    jobs.rest = ""
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
