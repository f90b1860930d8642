"""A target that is no plain collection: said before any source is read, by every verb that writes, and left as it was."""

from typing import Any

import pytest
from jobs import Ended, Jobs, command

from engine.mongo.kinds import CollectionKind, collection_info

ANN = [1, "Ann", "Oslo", 30]
MODES = ["replace", "upsert", "append", "sync", "update", "delete"]
MADE: dict[str, dict[str, Any]] = {
    "is a view of base": {"viewOn": "base", "pipeline": [{"$match": {}}]},
    "is a time series collection": {"timeseries": {"timeField": "at", "metaField": "sensor"}},
    "is a capped collection": {"capped": True, "size": 4096},
}


def test_what_a_name_stands_for(jobs: Jobs) -> None:
    jobs.database["base"].insert_one({})
    for number, options in enumerate(MADE.values()):
        jobs.database.create_collection(f"c{number}", **options)
    view, series, capped, base = (collection_info(jobs.database, name) for name in ("c0", "c1", "c2", "base"))
    assert all((view, series, capped, base))
    assert (view.kind, view.uuid, view.options["viewOn"]) == (CollectionKind.VIEW, None, "base")
    assert (series.kind, series.options["timeseries"]["timeField"]) == (CollectionKind.TIMESERIES, "at")
    assert (capped.kind, capped.capped, base.capped) == (CollectionKind.COLLECTION, True, False)
    assert len({found.uuid for found in (series, capped, base)} - {None}) == 3
    assert collection_info(jobs.database, "nothing") is None


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("words", MADE)
def test_a_run_is_refused_before_its_source_is_read(jobs: Jobs, mode: str, words: str) -> None:
    jobs.mode = mode
    jobs.database.create_collection("people", **MADE[words])
    (jobs.folder / "in.csv").unlink(missing_ok=True)  # whoever looked for it would say so
    refused(command("run", "-m", jobs.mapping), words, jobs)
    assert set(jobs.database.list_collection_names()) - {"people", "system.views", "system.buckets.people"} == set()


@pytest.mark.parametrize("words", MADE)
def test_corrected_rows_are_refused_too(jobs: Jobs, words: str) -> None:
    jobs.run([ANN, [2, "Bob", "Rome", -1]])
    file = next((jobs.folder / "home" / "rejects").glob("*.csv"))
    file.write_text(file.read_text(encoding="utf-8").replace("-1", "41"), encoding="utf-8")
    in_its_place(jobs, words)
    refused(command("rejects", "retry", file, "-m", jobs.mapping), words, jobs)


@pytest.mark.parametrize("words", MADE)
def test_plan_and_apply_are_refused_too(jobs: Jobs, words: str) -> None:
    jobs.run([ANN])
    in_its_place(jobs, words)
    jobs.rest = "  by_age: {keys: {age: 1}}"
    for verb in ("plan", "apply"):
        refused(command(verb, "-m", jobs.mapping), words, jobs)


def test_of_several_collections_none_is_begun(jobs: Jobs) -> None:
    text = f"""
        mapping: two
        source: {{path: {jobs.write([ANN])}}}
        target: {{database: {jobs.database.name}}}
        collections:
          first: {{fields: {{_id: {{column: id, type: int}}}}}}
          second: {{fields: {{_id: {{column: id, type: int}}}}}}
    """
    mapping = jobs.folder / "two.yaml"
    mapping.write_text(text, encoding="utf-8")
    jobs.database.create_collection("second", viewOn="first")
    ended = command("run", "-m", mapping)
    assert (ended.code, "second: " in ended.err, "is a view of first" in ended.err) == (4, True, True), ended.err
    assert set(jobs.database.list_collection_names()) == {"second", "system.views"}


def in_its_place(jobs: Jobs, words: str) -> None:
    jobs.live.drop()
    jobs.database.create_collection("people", **MADE[words])


def refused(ended: Ended, words: str, jobs: Jobs) -> None:
    assert ended.code == 4, ended.err
    assert f"{jobs.database.name}.people {words}" in ended.err
    assert "target_kind" in ended.err
    assert "name another target.collection" in ended.err
    assert "refused with code" not in ended.err
