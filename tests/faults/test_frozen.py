"""A server that is frozen (SIGSTOP): it takes connections and answers nothing. A signal ends a run within ten seconds all the same."""

import os
import signal

import pytest

from faults.loading import INTERRUPTED, content

SECONDS = 10.0
REPLACE = {
    "load": {"command": "insert", "nth": 2, "target": "staging"},
    "index": {"command": "createIndexes", "target": "staging"},
    "publish": {"command": "renameCollection", "target": "staging"},
}
IN_PLACE = {"index": {"command": "createIndexes", "target": "stays"}, "load": {"command": "insert", "nth": 2, "target": "stays"}}
CASES = [("replace", stage) for stage in REPLACE] + [(mode, stage) for mode in ("upsert", "append", "sync") for stage in IN_PLACE]


@pytest.mark.parametrize(("mode", "stage"), CASES)
def test_a_signal_ends_the_run(replica, jobs, proxy, mode, stage) -> None:
    job = jobs(replica, proxy.uri())
    job.environment["MODE"] = mode
    if mode != "replace":
        job.live.delete_many({})
        job.before = content(job.live)
    harm = proxy.harm("hold", **(REPLACE if mode == "replace" else IN_PLACE)[stage])
    loading = job.start()
    assert harm.happened.wait(30)
    os.kill(replica.process.pid, signal.SIGSTOP)
    try:
        harm.release.set()
        ended = loading.end(signal.SIGTERM, 30)
    finally:
        os.kill(replica.process.pid, signal.SIGCONT)
    assert (ended.code, ended.seconds < SECONDS) == (INTERRUPTED, True), ended.err
    assert "interrupted: " in ended.err
    assert "Traceback" not in ended.err
    if (mode, stage) == ("replace", "publish"):
        assert "the server did not answer the rename" in ended.err
        job.assert_old_or_new()
    proxy.heal()
    if mode != "sync":
        job.finish()
