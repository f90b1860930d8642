"""Two loaders of one target: one works, the other is told who does; one that was out of touch cannot publish over its successor."""

import signal

from faults.loading import DONE, LOCKED, TARGET


def uuid(job) -> object:
    return next(iter(job.client[job.database].list_collections(filter={"name": "stays"})))["info"]["uuid"]


def test_the_second_is_told_who_works(replica, jobs, proxy) -> None:
    job = jobs(replica, proxy.uri())
    harm = proxy.harm("hold", "insert", nth=3, target="staging")
    first = job.start()
    assert harm.happened.wait(30)
    job.uri = replica.uri
    second = job.run()
    assert second.code == LOCKED
    assert f"process {first.process.pid} on " in second.err
    job.assert_untouched(second)
    harm.release.set()
    job.assert_whole(first.end())


def test_four_at_once(replica, jobs) -> None:
    job = jobs(replica)
    loaders = [job.start() for _ in range(4)]
    ended = [one.end() for one in loaders]
    assert {one.code for one in ended} <= {DONE, LOCKED}
    done = [one for one in ended if one.code == DONE]
    assert done
    job.assert_whole(done[0])
    assert job.client[job.database]["_engine_runs"].count_documents({"outcome": "published"}) == len(done)


def test_one_that_slept_past_its_lock_cannot_publish(replica, jobs, proxy) -> None:
    for stage in ({"command": "insert", "nth": 3, "target": "staging"}, {"command": "renameCollection"}):
        job = jobs(replica, proxy.uri())
        harm = proxy.harm("hold", **stage)
        first = job.start()
        assert harm.happened.wait(30)
        first.process.send_signal(signal.SIGSTOP)
        job.expire()
        job.uri = replica.uri
        second = job.run()
        job.assert_whole(second)
        published = uuid(job)
        harm.release.set()
        first.process.send_signal(signal.SIGCONT)
        ended = first.end(patience=60)
        assert ended.code in (TARGET, LOCKED), ended.err
        assert uuid(job) == published
        job.assert_whole(second)
