"""SIGINT and SIGTERM: the loader stops within seconds, and leaves nothing but a ledger entry."""

import signal

import pytest

from faults.loading import INTERRUPTED
from faults.test_loader_killed import STAGES

SECONDS = 5.0
SIGNALS = [signal.SIGINT, signal.SIGTERM]


def assert_interrupted(job, ended) -> None:
    assert ended.code == INTERRUPTED, ended.err
    assert ended.seconds < SECONDS
    assert "Traceback" not in ended.err
    assert "interrupted" in ended.err
    job.assert_untouched(ended)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda one: one.name)
def test_under_load(replica, jobs, proxy, number) -> None:
    proxy.rate = 4_000_000
    job = jobs(replica, proxy.uri())
    seen = proxy.harm("hold_reply", "insert", nth=2, target="staging")
    loading = job.start()
    assert seen.happened.wait(30)
    seen.release.set()
    ended = loading.end(number, 30)
    assert_interrupted(job, ended)
    job.assert_tidy()
    assert job.client[job.database]["_engine_runs"].count_documents({"outcome": "running"}) == 0
    proxy.heal()
    job.finish()


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "publish"])
def test_while_the_server_is_slow_to_answer(replica, jobs, proxy, stage) -> None:
    """The command under way is not answered; the staging collection may have to stay until the next run."""
    job = jobs(replica, proxy.uri())
    harm = proxy.harm("hold", **STAGES[stage])
    loading = job.start()
    assert harm.happened.wait(30)
    assert_interrupted(job, loading.end(signal.SIGTERM, 15))
    proxy.heal()
    job.finish()
