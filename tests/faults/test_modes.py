"""The modes that write into the live collection: killed, cut off and repeated, they end where one clean run ends."""

import pytest

from faults.loading import content
from faults.proxy import between

WRITES = {"append": "insert", "upsert": "update", "sync": "update"}


@pytest.fixture(params=WRITES)
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


def start_empty(jobs, server, uri, mode):
    job = jobs(server, uri)
    if mode != "sync":  # the others keep what the source has not
        job.live.drop()
    job.environment["MODE"] = mode
    return job


def test_a_loader_killed_goes_on(replica, jobs, proxy, mode) -> None:
    job = start_empty(jobs, replica, proxy.uri(), mode)
    for nth in (1, 3, 5):
        for command in ("insert", "update"):
            proxy.harm("hold" if nth == 3 else "hold_reply", command, nth=nth, target="stays")
        loading = job.start()
        while loading.process.poll() is None and not any(one.happened.wait(0.01) for one in proxy.harms):
            pass
        loading.kill()
        proxy.heal()
        job.expire()
    job.finish()
    job.assert_whole(job.run())


def test_broken_writes_are_settled(mongod, jobs, mode) -> None:
    with between(mongod.port) as proxy:
        job = start_empty(jobs, mongod, proxy.uri("retryWrites=false"), mode)
        for command in ("insert", "update"):
            proxy.harm("drop_reply", command, nth=1, target="stays", times=2)
            proxy.harm("cut_request", command, nth=4, target="stays", after=300_000)
        job.assert_whole(job.run())
        assert sum(one.happened.is_set() for one in proxy.harms) >= 2
        found = content(job.live)
        job.assert_whole(job.run())
        assert content(job.live) == found
