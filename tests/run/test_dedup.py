"""Which row stays of those that are the same: by the definition, in every mode, and said in time."""

import datetime as dt
import io
import sys
from collections.abc import Iterator
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobs import Jobs, command

from engine.errors import DataError
from engine.mapping.loader import loads
from engine.mongo import upserts
from engine.plan import Plan, compile_plan
from engine.run.dedup import KeepChosen, Order, decide
from engine.sources.batch import Batch
from engine.sources.names import ROW
from engine.values.types import type_table

MAPPING = """
mapping: some
source: {{path: some.csv}}
target: {{database: d, collection: c}}
dedup: {{on: {on}, keep: {keep}{more}}}
id: {{objectId: random}}
fields:
  key: key
  value: {{column: value, type: {kind}, on_error: 'null'}}
  checked: {{column: checked, type: bool}}
"""
NOW = dt.datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
VALUES = {
    "int": (["-2147483648", "2147483647", "-1", "0", "7"], int),
    "long": (["-9223372036854775808", "-9223372036854775807", "9223372036854775807", "0"], int),
    "double": (["-1e308", "-0.0", "0", "5e-324", "-5e-324", "2.5", "1e308"], float),
    "decimal": (["-999999999999999999.9999999999999999", "0.0000000000000001", "-0", "12.50", "12.5", "999999999999999999.9"], Decimal),
    "date": (["0001-01-01", "1969-12-31", "1970-01-01", "9999-12-31"], str),
}


def plan(on: str, keep: str, kind: str = "int", more: str = "") -> Plan:
    return compile_plan(loads(MAPPING.format(on=on, keep=keep, kind=kind, more=more)), ("key", "value", "checked"), now=NOW)


def batches(rows: list[tuple[str, str, str]], size: int) -> Iterator[Batch]:
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        frame = pl.DataFrame(part, schema={"key": pl.String, "value": pl.String, "checked": pl.String}, orient="row")
        yield Batch(frame.with_columns(pl.Series(ROW, range(start + 1, start + 1 + len(part)), dtype=pl.Int64)))


@pytest.mark.parametrize("kind", VALUES)
@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from(["last", "{max: value}", "{min: value}"]), st.integers(1, 5))
def test_the_row_that_stays_is_the_one_of_the_definition(kind: str, data: st.DataObject, keep: str, size: int) -> None:
    texts, value_of = VALUES[kind]
    row = st.tuples(st.sampled_from("abc"), st.sampled_from([*texts, ""]), st.sampled_from(["true", "true", "true", "no"]))
    rows = data.draw(st.lists(row, max_size=14))
    accepted = [one for one in rows if one[2] == "true"]

    def rank(at: int) -> tuple:
        text = accepted[at][1]
        if keep == "last":
            return (-at,)
        if not text:
            return (1, 0, at)
        return (0, sorted(map(value_of, texts), reverse="max" in keep).index(value_of(text)), at)

    stay = {min((at for at, one in enumerate(accepted) if one[0] == key), key=rank) for key, *_ in accepted}
    found = decide(plan("[key]", keep, kind), batches(rows, size))
    assert [at for at, lost in enumerate(found.duplicate) if not lost] == sorted(stay)
    assert not found.near.any()


def test_every_type_with_an_order_can_decide() -> None:
    assert set(VALUES) == {row.name for row in type_table.values() if row.ordered}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("12"), st.just("true")), max_size=12),
    st.sampled_from(["last", "{max: value}"]),
)
def test_near_duplicates_are_the_rows_that_repeat_another_but_for_some_columns(rows: list, keep: str) -> None:
    found = decide(plan("row", keep, more=", near: {except: [value]}"), batches(rows, 3))
    left = [row for row, same in zip(rows, found.duplicate, strict=True) if not same]
    assert sorted(left) == sorted(set(rows))
    both = found.duplicate | found.near
    best = [row for row, gone in zip(rows, both, strict=True) if not gone]
    assert sorted(row[0] for row in best) == sorted({row[0] for row in rows})
    for row in best:
        assert keep == "last" or row[1] == max(one[1] for one in rows if one[0] == row[0])


def test_a_source_that_grew_since_it_was_decided_is_refused() -> None:
    decided = plan("[key]", "last")
    judge = KeepChosen(decide(decided, batches([("a", "1", "true")], 5)))
    accepted = decided.apply(next(batches([("a", "1", "true")] * 2, 5)).frame).accepted
    with pytest.raises(DataError, match="more rows than at the first reading"):
        judge.judge(accepted.digests(decided.keys["key",]), None)


def test_words_of_a_rank() -> None:
    assert (Order("last", None).words, Order("max", plan("[key]", "{max: value}", "decimal").mapping.field("value")).words) == (1, 3)


# with a server

ANN, BOB = [1, "Ann", "Oslo", 30], [2, "Bob", "Rome", 40]
OLDER, YOUNGER, UNKNOWN, WRONG = [1, "Ann", "Bern", 31], [1, "Ann", "Nice", 29], [1, "Ann", "Bonn", ""], [1, "Ann", "Lyon", -5]


def cities(jobs: Jobs) -> dict:
    return {one["_id"]: one["home"]["city"] for one in jobs.documents()}


@pytest.mark.parametrize("mode", ["replace", "upsert", "append", "sync"])
@pytest.mark.parametrize(
    ("keep", "city"), [("first", "Bonn"), ("last", "Nice"), ("{max: age}", "Bern"), ("{min: age}", "Nice"), ("{max: _id}", "Bonn")]
)
def test_in_every_mode_and_again_nothing_changes(jobs: Jobs, mode: str, keep: str, city: str) -> None:
    jobs.mode, jobs.rest = mode, f"dedup: {{on: [id], keep: {keep}}}"
    for turn in range(2):
        ended = jobs.run([WRONG, UNKNOWN, BOB, OLDER, ANN, YOUNGER, WRONG])
        assert (ended.code, ended.counts) == (0, (7, 2, 3, 2, 0)), ended.err
        assert cities(jobs) == {1: city, 2: "Rome"}
        assert mode == "replace" or ended.report["changes"]["unchanged"] == 2 * turn
    assert ("decide" in ended.report["stages"]) == (keep != "first")


def test_a_limit_on_rows_decides_among_those_rows(jobs: Jobs) -> None:
    jobs.rest = "dedup: {on: [id], keep: last}"
    ended = jobs.run([ANN, BOB, OLDER, YOUNGER], "--limit", "3")
    assert (ended.counts, cities(jobs)) == ((3, 2, 1, 0, 0), {1: "Bern", 2: "Rome"})


def test_a_dry_run_decides_too(jobs: Jobs) -> None:
    jobs.rest = "dedup: {on: [id], keep: {max: age}}"
    assert jobs.run([ANN, OLDER], "--dry-run").counts == (2, 1, 1, 0, 0)


def test_a_stopped_run_goes_on_with_the_same_decision(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.rest = "dedup: {on: [id], keep: last}"
    rows = [[number % 2000, "x" * 600, f"c{number}", 1] for number in range(3000)]
    monkeypatch.setattr("engine.sources.CsvFile.__init__.__kwdefaults__", {"block_bytes": 200_000, "record_cap": 16 << 20})
    write, written = upserts.UpsertBatch.write, []

    def stop_in_the_fourth(self, documents):
        written.append(len(documents))
        if len(written) == 4:
            raise KeyboardInterrupt
        return write(self, documents)

    with monkeypatch.context() as stopping:
        stopping.setattr(upserts.UpsertBatch, "write", stop_in_the_fourth)
        assert jobs.run(rows).code == 130
    ended = jobs.run(rows)
    assert (ended.code, ended.counts) == (0, (3000, 2000, 1000, 0, 0)), ended.err
    assert ended.report["changes"]["before"] > 0
    assert cities(jobs) == {row[0]: row[2] for row in rows}


def test_rejects_that_are_loaded_again_compete_among_themselves(jobs: Jobs) -> None:
    jobs.rest = "dedup: {on: [id], keep: {max: age}}"
    rejects = Path(jobs.run([BOB, WRONG, [1, "Ann", "Metz", -6]]).report["rejects_file"])
    rejects.write_text(rejects.read_text(encoding="utf-8").replace("'-5", "50").replace("'-6", "60"), encoding="utf-8")
    ended = command("rejects", "retry", rejects, "-m", jobs.mapping, "--json")
    assert (ended.code, ended.counts) == (0, (2, 1, 1, 0, 0)), ended.err
    assert cities(jobs) == {1: "Metz", 2: "Rome"}


@pytest.mark.parametrize("mode", ["replace", "upsert"])
def test_standard_input_is_refused_before_anything_is_written(jobs: Jobs, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.mode, jobs.rest = mode, "dedup: {on: [id], keep: last}"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"id,name,city,age\n1,Ann,Oslo,30\n")))
    ended = command("run", "-m", jobs.mapping, "--source", "-", "--json")
    assert (ended.code, ended.report["errors"][0]["code"]) == (3, "read_once")
    assert "save it to a file and load that, or use dedup.keep: first" in ended.err
    assert "people" not in jobs.database.list_collection_names()


NEAR = [[1, "Ann", "Oslo", 30], [1, "Ann", "Oslo", 32], [1, "Ann", "Oslo", 30], [1, "Ann", "Oslo", 31], [2, "Bob", "Rome", 40]]


@pytest.mark.parametrize(
    ("keep", "action", "ages"),
    [
        ("first", "drop", [30, 40]),
        ("last", "drop", [31, 40]),
        ("{max: age}", "drop", [32, 40]),
        ("first", "report", [30, 31, 32, 40]),
        ("last", "report", [30, 31, 32, 40]),
    ],
)
def test_near_duplicates_are_told_apart(jobs: Jobs, keep: str, action: str, ages: list) -> None:
    jobs.rest = f"dedup: {{on: row, keep: {keep}, near: {{except: [age], action: {action}}}}}"
    text = jobs.mapping.read_text(encoding="utf-8").replace("_id: {column: id, type: int}", "number: {column: id, type: int}")
    mapping = jobs.folder / "near.yaml"
    mapping.write_text(text, encoding="utf-8")
    ended = command("run", "-m", mapping, "--source", jobs.write(NEAR), "--json")
    assert (ended.code, ended.counts) == (0, (5, len(ages), 5 - len(ages), 0, 0)), ended.err
    done = "dropped" if action == "drop" else "loaded"
    told = {"code": "near_duplicate", "path": "", "message": f"{done}: equal to another row except in age", "rows": 2}
    assert ended.report["warnings"] == [told]
    assert sorted(one["age"] for one in jobs.live.find()) == ages


REFERENCE = Path(__file__).parents[2] / "../shared/corpora/healthcare/healthcare_dataset.csv"


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference file is not beside the checkout")
@pytest.mark.parametrize(("keep", "action", "left"), [("first", "drop", 50_000), ("last", "drop", 50_000), ("first", "report", 54_966)])
def test_the_near_duplicates_of_the_reference_file(tmp_path: Path, keep: str, action: str, left: int) -> None:
    text = (Path(__file__).parents[2] / "mappings" / "admissions.yaml").read_text(encoding="utf-8")
    changed = text.replace("dedup: {on: row, keep: first}", f"dedup: {{on: row, keep: {keep}, near: {{except: [Age], action: {action}}}}}")
    assert changed != text
    mapping = tmp_path / "admissions.yaml"
    mapping.write_text(changed, encoding="utf-8")
    ended = command("run", "-m", mapping, "--source", REFERENCE, "--dry-run", "--json")
    assert ended.counts == (55_500, left, 55_500 - left, 0, 0)
    assert [one["rows"] for one in ended.report["warnings"] if one["code"] == "near_duplicate"] == [4_966]


def test_near_duplicates_of_a_column_that_is_not_there(jobs: Jobs) -> None:
    jobs.rest = "dedup: {on: row, near: {except: [agee]}}"
    ended = jobs.run([ANN])
    assert (ended.code, "did you mean age" in ended.err) == (3, True)
    jobs.rest = "dedup: {on: row, near: {except: [id, name, city, age]}}"
    assert "leaves no column" in jobs.run([ANN]).err


@pytest.mark.parametrize("mode", ["replace", "sync"])
def test_too_many_duplicates_stop_before_anything_is_live(jobs: Jobs, mode: str) -> None:
    jobs.mode, jobs.rest, jobs.limits = mode, "dedup: {on: [id], keep: last}", "duplicates: 50%"
    assert jobs.run([ANN, BOB, OLDER]).code == 0
    ended = jobs.run([ANN, OLDER, YOUNGER])
    assert (ended.code, ended.report["errors"][0]["code"]) == (3, "duplicate_limit")
    assert "2 of 3 rows are duplicates, the limit is 50 % of the rows; nothing was published" in ended.err
    assert cities(jobs) == {1: "Bern", 2: "Rome"}


def test_a_key_that_is_nearly_constant_is_said_before_the_load_ends(jobs: Jobs) -> None:
    jobs.rest = "dedup: {on: [city, name]}"
    rows = [[number, f"n{number % 3}", "Oslo", 1] for number in range(300)]
    ended = command("run", "-m", jobs.mapping, "--source", jobs.write(rows))
    early = "WARNING: dedup.on: the first 300 rows have only 3 different keys (city has 1, name has 3); the others count as duplicates"
    late = "WARNING: dedup.on: 297 of 300 rows repeat the key (city, name) of another; does it identify a row?"
    said = ended.err.splitlines()
    assert said.index(early) < said.index("Reading back …")
    assert said.index(late) < said.index("Reading back …")
    assert f"note: {early.removeprefix('WARNING: ')}" in ended.out.splitlines()
    jobs.rest = "dedup: {on: row}"
    assert "WARNING" not in command("run", "-m", jobs.mapping, "--source", jobs.write([ANN] * 300)).err


@pytest.mark.parametrize(
    ("dedup", "message"),
    [
        ("{on: [id], keep: {max: ages}}", "there is no field ages — did you mean age"),
        ("{on: [id], keep: {min: name}}", "rows cannot be compared by name, because of its type — map it as one of int, long"),
        ("{on: [id], keep: latest}", "latest"),
        ("{on: [id], keep: last, near: {except: [age]}}", "on: row, or keep: first"),
        ("{on: [id], keep: {max: age, min: age}}", "dedup.keep takes only one of max and min"),
    ],
)
def test_what_makes_no_sense_is_said_when_the_mapping_is_read(jobs: Jobs, dedup: str, message: str) -> None:
    jobs.rest = f"dedup: {dedup}"
    ended = command("check", "-m", jobs.mapping)
    assert (ended.code, message in ended.err) == (2, True), ended.err


def test_a_limit_without_dedup_is_said(jobs: Jobs) -> None:
    jobs.limits = "duplicates: 1"
    assert "without dedup, rows cannot be duplicates" in command("check", "-m", jobs.mapping).err
