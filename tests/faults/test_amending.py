"""Runs that match by a key, and the modes update and delete: killed or cut off and run again, they end where one clean run ends."""

from pathlib import Path
from typing import Any

import pytest
from jobs import own

from faults.loading import Job
from faults.proxy import between

KEYED = Path(__file__).with_name("keyed.yaml")
COMMANDS = {"upsert": "insert", "update": "update", "delete": "delete"}
THEIRS = 50  # documents that no row names


@pytest.fixture(params=COMMANDS)
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


def amending(jobs: Any, server: Any, uri: str, mode: str) -> Job:
    """What the source names is there with other values (to be changed or deleted) or not at all, and so are documents of others."""
    job: Job = jobs(server, uri)
    job.live.drop()
    job.live.create_index("number", unique=True)
    named = [] if mode == "upsert" else sorted(job.source.documents)
    job.live.insert_many([{"number": number, "age": -1, "seen": number} for number in (*named, *range(-THEIRS, 0))])
    own(job.live)
    job.mapping = KEYED
    job.environment["MODE"] = mode
    return job


def assert_done(job: Job, mode: str, ids: dict[int, Any]) -> None:
    found = {one["number"]: one for one in job.live.find()}
    assert {number: one["_id"] for number, one in found.items() if number in ids} == {n: ids[n] for n in found if n in ids}
    assert {number for number in found if number < 0} == set(range(-THEIRS, 0))
    assert all(one == {"_id": ids[number], "number": number, "age": -1, "seen": number} for number, one in found.items() if number < 0)
    ours = {number: one for number, one in found.items() if number >= 0}
    assert ours.keys() == (set() if mode == "delete" else job.source.documents)
    assert job.live.count_documents({}) == len(found)
    assert all(
        one["age"] >= 0 and "note" in one and one.get("seen", 0) == (one["number"] if mode == "update" else 0) for one in ours.values()
    )


@pytest.mark.parametrize("at", [("hold", 1), ("hold_reply", 4)])
def test_a_killed_loader_goes_on(replica, jobs, proxy, mode, at) -> None:
    how, nth = at
    job = amending(jobs, replica, proxy.uri(), mode)
    ids = {one["number"]: one["_id"] for one in job.live.find()}
    harm = proxy.harm(how, COMMANDS[mode], nth=nth, target="stays")
    loading = job.start("--allow", "deletion_limit")
    assert harm.happened.wait(30)
    loading.kill()
    proxy.heal()
    job.expire()
    ended = job.run("--allow", "deletion_limit")
    assert ended.code == 0, ended.err
    assert_done(job, mode, ids)


@pytest.mark.parametrize("retries", ["retryWrites=true", "retryWrites=false"])
def test_broken_commands_are_settled(mongod, jobs, mode, retries) -> None:
    with between(mongod.port) as proxy:
        job = amending(jobs, mongod, proxy.uri(retries), mode)
        ids = {one["number"]: one["_id"] for one in job.live.find()}
        harms = [proxy.harm("drop_reply", COMMANDS[mode], nth=1, target="stays"), proxy.harm("drop_request", "find", nth=3, target="stays")]
        ended = job.run("--allow", "deletion_limit")
        assert ended.code == 0, ended.err
        assert all(harm.happened.is_set() for harm in harms)
        assert_done(job, mode, ids)
        if mode == "delete":
            assert ended.report["changes"] == {"deleted": len(job.source.documents), "unmatched": 0}
