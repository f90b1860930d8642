"""The ledger, and `engine verify` against it; a source that changes while it is read."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from bson import Binary, decode, encode
from jobs import Jobs, command

from engine.errors import DataError
from engine.mapping.loader import load
from engine.mapping.model import Dialect
from engine.mongo import state
from engine.mongo.records import VERSION, Kind, Outcome, Reason, RunRecord, as_fields
from engine.sources.csv import CsvFile

ROWS = [[number, f"Canary-{number}", "Oslo", 30] for number in range(50)]


def verify(jobs: Jobs) -> tuple[int, str]:
    ended = command("verify", "-m", jobs.mapping)
    return ended.code, ended.out + ended.err


def test_the_ledger_says_what_was_loaded(jobs: Jobs) -> None:
    jobs.mode = "replace"
    ended = jobs.run([*ROWS, [51, "x", "y", -5]])
    found = jobs.database["_engine_runs"].find_one({"_id": ended.report["run_id"]})
    source = jobs.folder / "in.csv"
    assert found["source_file"] == {
        "path": str(source),
        "size": source.stat().st_size,
        "mtime_ns": source.stat().st_mtime_ns,
        "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
    }
    assert found["mapping_text"] == jobs.mapping.read_text(encoding="utf-8")
    assert found["mapping_sha256"] == hashlib.sha256(jobs.mapping.read_bytes()).hexdigest()
    assert (found["outcome"], found["stage"], found["mode"], found["engine"]) == ("published", "done", "replace", "0.1.0")
    assert found["rejects"] == [{"code": "minimum", "path": "age", "message": "expected at least 0", "rows": 1}]
    assert found["heartbeat"] >= found["started_at"]
    assert found["live"]["count"] == 50
    assert found["live"]["checksum"] == ended.report["checksum"]


def test_a_record_survives_the_ledger(jobs: Jobs) -> None:
    jobs.run([*ROWS, [51, "x", "y", -5]])
    found = jobs.database["_engine_runs"].find_one({})
    record = RunRecord.of(found)
    assert record.as_document() == found
    assert (record.outcome, record.record_version, record.live.count) == (Outcome.PUBLISHED, VERSION, 50)
    assert (record.accounting.rejected, record.rejects) == (1, {Reason("minimum", "age", "expected at least 0"): 1})
    whole = replace(record, kind=Kind.APPLY, previous="x", allow=("E102",), done=("a",), position=7, steps=({"name": "a"},))
    assert RunRecord.of(decode(encode(whole.as_document()))) == whole
    with pytest.raises(KeyError):
        as_fields({}, {"no_such_field": 1})


def test_what_a_newer_engine_recorded_is_not_guessed_at(jobs: Jobs) -> None:
    run = jobs.run(ROWS).report["run_id"]
    jobs.database["_engine_runs"].update_one({"_id": run}, {"$set": {"record_version": VERSION + 1}})
    ended = jobs.run(ROWS)
    assert (ended.code, f"newer_record run {run} was recorded in form {VERSION + 1}" in ended.err) == (3, True), ended.err
    for verb in ("runs", "verify", "plan"):
        assert "newer_record" in command(verb, "-m", jobs.mapping).err


def test_runs_are_listed_newest_first(jobs: Jobs) -> None:
    good, bad = jobs.run(ROWS), None
    jobs.limits = "rejects: 0"
    bad = jobs.run([[1, "x", "y", -5]])
    listed = command("runs", "-m", jobs.mapping, "--json")
    assert [(one["_id"], one["outcome"]) for one in json.loads(listed.out)] == [
        (bad.report["run_id"], "failed"),
        (good.report["run_id"], "published"),
    ]
    shown = command("runs", "-m", jobs.mapping, "--rows", "1").out.splitlines()
    assert len(shown) == 2
    assert bad.report["run_id"] in shown[1]


@pytest.mark.parametrize("mode", ["replace", "upsert", "append", "sync"])
def test_verify_finds_nothing_where_nothing_changed(jobs: Jobs, mode: str) -> None:
    jobs.mode = mode
    assert "never_published" in verify(jobs)[1]
    jobs.run(ROWS)
    code, said = verify(jobs)
    assert (code, "50 documents" in said) == (0, True), said


def test_verify_names_what_differs(jobs: Jobs) -> None:
    jobs.mode = "replace"
    jobs.run(ROWS)
    live = jobs.live
    changes = [
        (lambda: live.update_one({"_id": 7}, {"$set": {"name": "Canary-8"}}), "checksum: recorded"),
        (lambda: live.delete_one({"_id": 8}), "count: recorded 50 documents, found 49"),
        (lambda: live.drop_index("by_city"), "index by_city: missing"),
        (
            lambda: live.create_index("home.city", name="by_city", sparse=True),
            "index by_city: differs from the recorded one",
        ),
        (lambda: live.create_index("age", name="own"), "index own: added since the run ended"),
        (lambda: jobs.database.command("collMod", "people", validationLevel="moderate"), "validator: differs from the recorded one"),
    ]
    for change, message in changes:
        change()
        code, said = verify(jobs)
        assert (code, message in said) == (3, True), said
        assert "Canary" not in said
    live.drop()
    assert "found 0" in verify(jobs)[1]


def test_one_flipped_byte_is_found(jobs: Jobs) -> None:
    jobs.database["bytes"].insert_one({"_id": 1, "data": Binary(bytes(1000))})
    before = state.content_of(jobs.database["bytes"])
    jobs.database["bytes"].replace_one({"_id": 1}, {"data": Binary(bytes(999) + b"\1")})
    after = state.content_of(jobs.database["bytes"])
    assert (before.count, before.checksum != after.checksum) == (after.count, True)


def test_the_state_survives_the_ledger(jobs: Jobs) -> None:
    live = jobs.live
    live.create_index([("a.b", 1)], name="with.point")
    found = state.state_of(live, state.content_of(live))
    assert state.CollectionState.of(found.as_document()) == found
    assert state.differences(found, found, load(jobs.mapping)) == state.Differences((), ())
    assert encode(found.as_document())


@pytest.mark.parametrize("how", ["written", "replaced", "replaced with its time kept", "written before the second pass"])
def test_a_file_that_changes_while_it_is_read(how: str, tmp_path: Path) -> None:
    file, other = tmp_path / "in.csv", tmp_path / "other.csv"
    file.write_text("a,b\n" + "1,2\n" * 1000)
    other.write_text("a,b\n" + "1,3\n" * 1000)
    source = CsvFile(file, Dialect(), block_bytes=1000)
    assert source.columns == ("a", "b")
    if how == "written before the second pass":
        list(source.batches())
    with pytest.raises(DataError, match="source_changed"):  # noqa: PT012
        for number, _ in enumerate(source.batches()) if "before" not in how else [(1, None)]:
            if number == 1:
                if "written" in how:
                    with file.open("a") as stream:
                        stream.write("9,9\n")
                else:
                    found = file.stat()
                    other.rename(file)
                    if "kept" in how:
                        os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
        if "before" in how:
            list(source.batches())


def test_a_changed_source_changes_nothing_live(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.run(ROWS)
    before = jobs.documents()
    load = CsvFile._check

    def touch(self, reading):
        os.utime(self.path)
        load(self, reading)

    monkeypatch.setattr(CsvFile, "_check", touch)
    ended = jobs.run([[1, "other", "Rome", 1]])
    assert (ended.code, ended.report["errors"][0]["code"]) == (3, "source_changed")
    assert jobs.documents() == before
