"""What came last is said by the fence of the lock, whatever the clocks of the hosts say."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jobs import Jobs, command
from pymongo.database import Database

from engine.mapping.model import Target
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock

ROOT, SKEWED = Path(__file__).parents[2], Path(__file__).parent / "skewed.py"
HOUR = 3600
CLOCKS = re.compile(r"datetime\.(now|utcnow|today)\(|date\.today\(|time\.time|time_ns\(|utcnow")
"""Where the engine may ask the host's clock: for `now()` in a mapping and `plan`, and for the names of runs."""
MAY_ASK = {
    "apply/data.py", "cli/verbs/mappings.py", "infer/proof.py", "mongo/runids.py", "preview/documents.py", "preview/examples.py",
    "preview/tracing.py", "run/loading.py",
}  # fmt: skip


def on_host(skew: float, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command on a host whose clock is so many seconds ahead."""
    line = [sys.executable, SKEWED, str(skew), *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, env=os.environ.copy(), capture_output=True, text=True, check=False)


def run(jobs: Jobs, skew: float, value: str, count: int = 4) -> dict[str, object]:
    source = jobs.write([[number, value, "Oslo", 30] for number in range(count)])
    ended = on_host(skew, "run", "-m", jobs.mapping, "--source", source, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_the_skewed_clock_is_the_one_that_the_engine_sees(jobs: Jobs) -> None:
    assert run(jobs, -10 * 365 * 24 * HOUR, "a")["run_id"] < "2020"


def test_a_run_of_a_host_ahead_is_not_resumed_after_a_later_one(jobs: Jobs) -> None:
    """Case clock-skew-resume: A, half-way, on a host an hour ahead; B on another; then A again must write every row."""
    first = run(jobs, HOUR, "A")["run_id"]
    runs = jobs.database["_engine_runs"]
    runs.update_one({"_id": first}, {"$set": {"outcome": "running", "rows_done": 2}, "$unset": {"live": 1, "finished_at": 1}})
    assert not [note for note in run(jobs, 0, "B")["notes"] if "continues" in note]
    again = run(jobs, 0, "A")
    assert [note for note in again["notes"] if first in note] == []
    assert {document["name"] for document in jobs.live.find()} == {"A"}
    assert command("verify", "-m", jobs.mapping).code == 0


def test_the_last_run_is_resumed_though_its_clock_was_behind(jobs: Jobs) -> None:
    run(jobs, HOUR, "B")
    stopped = run(jobs, -HOUR, "A")["run_id"]
    jobs.database["_engine_runs"].update_one({"_id": stopped}, {"$set": {"outcome": "failed", "rows_done": 2}})
    assert any(stopped in note for note in run(jobs, -2 * HOUR, "A")["notes"])


@pytest.mark.parametrize("mode", ["replace", "upsert", "sync"])
def test_two_hosts_in_turn(jobs: Jobs, mode: str) -> None:
    """Case clock-back-verify: whoever was last, `verify`, `plan` and `rejects` speak of that run."""
    jobs.mode = mode
    for turn, skew in enumerate((HOUR, -24 * HOUR, 2 * HOUR, -48 * HOUR)):
        last = run(jobs, skew, f"value {turn}")["run_id"]
        ended = command("verify", "-m", jobs.mapping)
        assert (ended.code, f"is as run {last} left it" in ended.out) == (0, True), ended.err
        assert json.loads(command("plan", "-m", jobs.mapping, "--json").out)["applied"] == last
    listed = json.loads(command("runs", "-m", jobs.mapping, "--json").out)
    assert ([one["fence"] for one in listed], listed[0]["_id"]) == ([4, 3, 2, 1], last)


def test_the_times_of_a_record_are_the_servers(jobs: Jobs) -> None:
    before = jobs.database.client.admin.command("hello")["localTime"]
    found = jobs.database["_engine_runs"].find_one({"_id": run(jobs, -100 * HOUR, "a")["run_id"]})
    after = jobs.database.client.admin.command("hello")["localTime"]
    assert before <= found["started_at"] <= found["heartbeat"] <= after
    assert found["started_at"] <= found["finished_at"] == found["heartbeat"]


def test_a_removed_lock_does_not_begin_the_fence_again(jobs: Jobs, database: Database) -> None:
    for turn in range(3):
        run(jobs, 0, f"value {turn}")
    database["_engine_locks"].drop()
    target = Target(database.name, "people")
    with Lock(database.client, target, Ledger(database.client, target, "x")):
        assert database["_engine_locks"].find_one({"_id": f"{database.name}.people"})["fence"] == 4
    assert run(jobs, 0, "last")["run_id"] == Ledger(database.client, target).last_published()[0]


def test_a_server_whose_clock_went_back_lists_runs_by_fence(jobs: Jobs) -> None:
    first, second = run(jobs, 0, "a")["run_id"], run(jobs, 0, "b")["run_id"]
    runs = jobs.database["_engine_runs"]
    runs.update_one({"_id": second}, {"$set": {"started_at": runs.find_one({"_id": first})["started_at"].replace(year=2001)}})
    assert [one["_id"] for one in json.loads(command("runs", "-m", jobs.mapping, "--json").out)] == [second, first]


def test_no_other_part_asks_the_hosts_clock() -> None:
    engine = ROOT / "engine"
    asking = {path.relative_to(engine).as_posix() for path in engine.rglob("*.py") if CLOCKS.search(path.read_text(encoding="utf-8"))}
    assert asking == MAY_ASK
