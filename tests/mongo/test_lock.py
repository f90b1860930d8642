"""One run at a time per collection, on the real server: races, takeover, and what a stale holder cannot do."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from agreement.judging import mapping_of
from bson import encode
from jobs import Jobs, own
from pymongo.database import Database

from engine.errors import LockedError
from engine.mapping.model import Target
from engine.mongo import locks
from engine.mongo.ledger import Ledger
from engine.mongo.leftovers import remove_leftovers, staging_name
from engine.mongo.locks import Lock
from engine.mongo.ownership import Ownership
from engine.mongo.replacement import Replacement

RUN, OTHER = "20260101T000000Z-aaaaaa", "20260101T000001Z-bbbbbb"
ROOT = Path(__file__).parents[2]


def lock(database: Database, run: str = RUN) -> Lock:
    target = Target(database.name, "people")
    return Lock(database.client, target, Ledger(database.client, target, run))


def test_of_many_one_gets_it(database: Database) -> None:
    def race(number: int) -> Lock | None:
        try:
            return lock(database, f"run-{number}").__enter__()
        except LockedError:
            return None

    with ThreadPoolExecutor(12) as racers:
        (winner,) = [one for one in racers.map(race, range(12)) if one]
    winner.hold()
    winner.__exit__(None, None, None)


def test_the_second_one_is_told_who_holds_it(jobs: Jobs) -> None:
    with lock(jobs.database):
        ended = jobs.run([[1, "Ann", "Oslo", 30]])
    assert (ended.code, ended.report["errors"][0]["code"]) == (5, "locked")
    assert f"is locked by run {RUN}, process {os.getpid()} on " in ended.err
    assert "people" not in jobs.database.list_collection_names()
    assert jobs.run([[1, "Ann", "Oslo", 30]]).code == 0


def test_the_fence_rises_and_the_heartbeat_keeps_the_lock(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "LEASE_SECONDS", 0.6)
    held = database["_engine_locks"]
    fences = []
    for _ in range(2):
        with lock(database):
            fences.append(held.find_one()["fence"])
            time.sleep(1.2)
            with pytest.raises(LockedError, match="is locked by"), lock(database, OTHER):
                pass
    assert fences == [1, 2]


def test_a_stale_holder_can_neither_go_on_nor_publish(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "LEASE_SECONDS", 0.4)
    target = Target(database.name, "people")
    stale = lock(database)
    stale.__enter__()
    stale._done.set()  # as if the process were stopped
    stale._thread.join()
    mapping = mapping_of({"_id": {"column": "i", "type": "int"}}, target={"database": database.name, "collection": "people"})
    sink = Replacement(database.client, Ownership(database.client, mapping, {}, Ledger(database.client, target)), stale, fenced=True)
    sink.open()
    sink.write(pl.Series([encode({"_id": 1})]))
    time.sleep(0.6)
    with lock(database, OTHER) as fresh:
        for attempt in (stale.hold, stale.check, sink.publish):
            with pytest.raises(LockedError, match="another run has taken it"):
                attempt()
        assert remove_leftovers(database.client, target) == [staging_name("people", RUN)]
        monkeypatch.setattr(stale, "hold", lambda: None)  # stopped right between the check and the rename
        with pytest.raises(LockedError, match="another run has taken it"):
            sink.publish()
        fresh.hold()
    assert "people" not in database.list_collection_names()
    stale.__exit__(None, None, None)
    assert database["_engine_locks"].find_one()["fence"] == 2


def test_only_what_a_dead_run_left_is_removed(jobs: Jobs) -> None:
    dead, own = staging_name("people", RUN), "people__staging_mine"
    for name in (dead, own, staging_name("others", RUN)):
        jobs.database.create_collection(name)
    jobs.database["_engine_runs"].insert_one({"_id": RUN, "database": jobs.database.name, "collection": "people", "outcome": "running"})
    ended = jobs.run([[1, "Ann", "Oslo", 30]])
    removed, died = ended.report["notes"]
    assert removed == f"removed {dead}, left by a run that died"
    assert died.startswith(f"run {RUN} died: ")
    assert {own, staging_name("others", RUN)} <= set(jobs.database.list_collection_names())
    assert dead not in jobs.database.list_collection_names()
    assert jobs.database["_engine_runs"].find_one({"_id": RUN})["outcome"] == "dead"


def start(jobs: Jobs, source: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "engine", "run", "-m", jobs.mapping, "--source", source]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ.copy(), stderr=subprocess.PIPE, text=True)


def until_it_loads(jobs: Jobs) -> None:
    deadline = time.monotonic() + 20
    while not jobs.database["_engine_runs"].find_one({"outcome": "running", "stage": "load"}) and time.monotonic() < deadline:
        time.sleep(0.005)


@pytest.mark.parametrize("mode", ["replace", "upsert"])
def test_a_killed_holder_is_taken_over(jobs: Jobs, mode: str) -> None:
    jobs.mode = mode
    rows = [[number, "x" * 200, "y", 1] for number in range(60_000)]
    source = jobs.write(rows)
    process = start(jobs, source)
    until_it_loads(jobs)
    process.kill()
    process.communicate()
    ended = jobs.run(rows)
    assert ended.code == 0, ended.err
    assert ended.counts == (60_000, 60_000, 0, 0, 0)
    assert any(" died: its process ended without a word" in note for note in ended.report["notes"])
    assert jobs.live.count_documents({}) == 60_000
    assert [one for one in jobs.database.list_collection_names() if "staging" in one] == []
    clean = jobs.run(rows)
    assert clean.report["checksum"] == ended.report["checksum"]


@pytest.mark.parametrize(("mode", "number"), [("replace", signal.SIGINT), ("sync", signal.SIGTERM)])
def test_a_signal_ends_a_run_within_seconds(jobs: Jobs, mode: str, number: int) -> None:
    jobs.mode = mode
    jobs.live.insert_one({"_id": -1})
    own(jobs.live)
    process = start(jobs, jobs.write([[row, "x" * 200, "y", 1] for row in range(60_000)]))
    until_it_loads(jobs)
    started = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, time.monotonic() - started < 5) == (130, True), err
    assert "run the same command again" in err
    assert "Traceback" not in err
    assert jobs.live.find_one({"_id": -1})
    if mode == "replace":
        assert jobs.live.count_documents({}) == 1
    with lock(jobs.database):
        assert jobs.database["_engine_runs"].count_documents({"outcome": "interrupted"}) == 1
