"""kill -9 of the loader: at random points, and in each stage, where the proxy holds the command that the stage begins with."""

import random
import time

import pytest

from faults.loading import DONE, content

KILLS, SEED = 10, 5
STAGES = {
    "load": {"command": "insert", "nth": 3, "target": "staging"},
    "index": {"command": "createIndexes", "target": "staging"},
    "verify": {"command": "find", "target": "staging"},
    "publish": {"command": "renameCollection", "target": "staging"},
}


def test_ten_random_points(replica, jobs) -> None:
    whole = jobs(replica)
    whole.assert_whole(first := whole.run())
    seconds = min(first.seconds, jobs(replica).run().seconds)  # the first may be far slower
    chance, killed, left = random.Random(SEED), 0, []
    for _ in range(KILLS):
        job = jobs(replica)
        loading = job.start()
        time.sleep(chance.uniform(0.3, 1) * seconds)
        killed += (end := loading.kill()).code == -9
        assert end.code in (-9, DONE)
        job.assert_old_or_new()
        left.append(job)
    assert killed > KILLS // 2, "the kills came while loaders were at work"
    for job in left:
        job.assert_whole(job.run())


@pytest.mark.parametrize("how", ["hold", "hold_reply"], ids=["before", "after"])
@pytest.mark.parametrize("stage", STAGES)
def test_each_stage(replica, jobs, proxy, stage, how) -> None:
    """Killed before the server has the command, and after it has carried it out."""
    job = jobs(replica, proxy.uri())
    harm = proxy.harm(how, **STAGES[stage])
    loading = job.start()
    assert harm.happened.wait(30)
    assert loading.kill().code == -9
    proxy.heal()
    assert content(job.live) == (job.clean if (stage, how) == ("publish", "hold_reply") else job.before)
    job.finish()
