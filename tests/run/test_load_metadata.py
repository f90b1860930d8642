"""Load metadata alone is no change: a row that was loaded before leaves its document as it is, whenever and from wherever it comes."""

import time
from typing import Any

import pytest
from jobs import Ended, Jobs, command

MAPPING = """
mapping: meta
source: {{path: in.csv}}
target: {{database: {database}, collection: people, mode: {mode}}}
validation: {{additional: {open}}}
version: {version}
fields:
  _id: {{column: id, type: int}}
  city: city
  load.at: {{meta: loaded_at}}
  load.file: {{meta: file}}
  load.row: {{meta: row}}
  load.by: {{meta: version}}
  seen: {{compute: "now( )"}}
  tags[].name: {{column: "{{value}}"}}
  tags[].at: {{compute: now()}}
arrays:
  tags: {{split: {{column: tags, separator: "|"}}}}
"""
MODES = ["upsert", "upsert, on_match: merge", "sync", "append"]


def run(jobs: Jobs, rows: str, mode: str, name: str = "in.csv", *arguments: str, **parts: Any) -> Ended:
    mapping, source = jobs.folder / "meta.yaml", jobs.folder / name
    mapping.write_text(
        parts.pop("text", MAPPING).format(database=jobs.database.name, **{"mode": mode, "open": "false", "version": 1, **parts}),
        encoding="utf-8",
    )
    source.write_text(f"id,city,tags\n{rows}\n", encoding="utf-8")
    time.sleep(0.002)  # a moment of the clock of dates
    return command("run", "-m", mapping, "--source", source, "--json", *arguments)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("opened", ["false", "true"])
def test_the_same_rows_again_are_unchanged_and_not_written(jobs: Jobs, mode: str, opened: str) -> None:
    assert run(jobs, "1,Oslo,a|b\n2,Rome,", mode, open=opened).code == 0
    before = jobs.documents()
    ended = run(jobs, "2,Rome,\n1,Oslo,a|b", mode, "another.csv", "--allow", "mixed_shapes", open=opened, version=2)
    assert (ended.code, ended.report["changes"]["unchanged"]) == (0, 2), ended.err
    assert jobs.documents() == before
    assert command("verify", "-m", jobs.folder / "meta.yaml").code == 0


@pytest.mark.parametrize("mode", MODES[:3])
@pytest.mark.parametrize("rows", ["1,Bern,a|b", "1,Oslo,a|c", "1,Oslo,a"])
def test_metadata_is_written_along_with_a_change(jobs: Jobs, mode: str, rows: str) -> None:
    run(jobs, "1,Oslo,a|b", mode)
    [before] = jobs.documents()
    ended = run(jobs, rows, mode, "another.csv")
    assert (ended.code, ended.report["changes"]["updated"]) == (0, 1), ended.err
    [after] = jobs.documents()
    assert after["load"]["file"] == "another.csv"
    for path in (("load", "at"), ("seen",), ("tags", 0, "at")):
        assert value(after, path) > value(before, path)


def value(document: Any, path: tuple) -> Any:
    for name in path:
        document = document[name]
    return document


def test_metadata_that_a_document_lacks_is_written(jobs: Jobs) -> None:
    """Such as a document that was loaded before the mapping had it, or one whose type was another."""
    run(jobs, "1,Oslo,a|b\n2,Rome,", "upsert")
    jobs.live.update_one({"_id": 1}, {"$unset": {"load.at": ""}})
    ended = run(jobs, "1,Oslo,a|b\n2,Rome,", "upsert")
    assert (ended.code, ended.report["changes"]["updated"]) == (0, 1), ended.err
    assert all("at" in document["load"] for document in jobs.documents())


def test_what_is_computed_from_the_time_is_data(jobs: Jobs) -> None:
    source = jobs.write([[1, "Ann", "Oslo", 30]])
    computed = '  born: {value: 2020-01-01, type: date}\n  days: {compute: "days(now() - born)", type: int}\n  age:'
    mapping = jobs.mapping
    mapping.write_text(mapping.read_text(encoding="utf-8").replace("  age:", computed), encoding="utf-8")
    assert command("run", "-m", mapping, "--source", source).code == 0
    jobs.live.update_one({}, {"$set": {"days": 7}})
    assert command("run", "-m", mapping, "--source", source, "--json").report["changes"]["updated"] == 1


@pytest.mark.parametrize("mode", ["upsert", "upsert, on_match: merge", "sync"])
def test_the_time_of_the_first_load_stays(jobs: Jobs, mode: str) -> None:
    text, loads = MAPPING.replace("  seen:", "  load.first: {{meta: first_loaded_at}}\n  seen:"), []
    for city in ("Oslo", "Oslo", "Bern"):
        ended = run(jobs, f"1,{city},a", mode, text=text)
        assert ended.code == 0, ended.err
        loads += [document["load"] for document in jobs.documents()]
    assert [load["first"] for load in loads] == [loads[0]["at"]] * 3
    assert loads[0]["at"] == loads[1]["at"] < loads[2]["at"]
