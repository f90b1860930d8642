"""The network between the loader and the server breaks, in every way, on every kind of server, with and without the driver's retries."""

import time

import pytest

from faults.loading import MAPPING, TARGET
from faults.proxy import between

BREAKS = {
    "replies lost": [{"how": "drop_reply", "nth": 1}, {"how": "drop_reply", "nth": 3, "times": 2}, {"how": "cut_reply", "nth": 5}],
    "requests cut": [{"how": "cut_request", "nth": 2, "after": 500_000}, {"how": "cut_request", "nth": 4, "after": 20, "times": 2}],
    "requests lost": [{"how": "drop_request", "nth": 1}, {"how": "drop_request", "nth": 4, "times": 4}],
}
STAGES = [
    ("create", "staging", 1), ("createIndexes", "staging", 1), ("find", "staging", 1), ("getMore", "", 1),
    ("renameCollection", "staging", 1), ("update", "_engine_runs", 1), ("update", "_engine_runs", 2),
]  # fmt: skip


@pytest.mark.parametrize("retries", ["retryWrites=true", "retryWrites=false"])
@pytest.mark.parametrize("breaks", BREAKS)
def test_a_broken_insert_is_settled(mongod, jobs, breaks, retries) -> None:
    with between(mongod.port) as proxy:
        harms = [proxy.harm(command="insert", target="staging", **one) for one in BREAKS[breaks]]
        job = jobs(mongod, proxy.uri(retries))
        job.assert_whole(job.run())
        assert all(one.happened.is_set() for one in harms)


@pytest.mark.parametrize("how", ["drop_request", "drop_reply"])
@pytest.mark.parametrize("place", STAGES)
def test_a_break_at_any_command_ends_in_one_place(replica, jobs, proxy, place, how) -> None:
    """Either the run is done and says so, or it is not, says so, and is simply run again. Never live and called failed."""
    job = jobs(replica, proxy.uri())
    command, target, nth = place
    harm = proxy.harm(how, command, target=target, nth=nth)
    ended = job.run()
    assert harm.happened.is_set()
    if ended.code == 0:
        job.assert_whole(ended)
    elif "ledger_unwritten" in ended.findings:
        assert "ARE live" in ended.err
        assert job.live.count_documents({}) == job.clean.count
    else:
        job.assert_untouched(ended)
        job.assert_tidy()
    job.finish()


def test_the_server_is_away_for_30_seconds(replica, jobs, proxy) -> None:
    job = jobs(replica, proxy.uri())
    harm = proxy.harm("hold", "insert", nth=3, target="staging")
    loading = job.start()
    assert harm.happened.wait(30)
    replica.kill()
    proxy.heal()
    time.sleep(30)
    replica.start()
    job.assert_whole(loading.end())


@pytest.mark.parametrize("command", ["createIndexes", "find", "renameCollection"])
def test_the_server_is_away_for_a_moment(replica, jobs, proxy, command) -> None:
    job = jobs(replica, proxy.uri())
    harm = proxy.harm("hold", command, target="staging")
    loading = job.start()
    assert harm.happened.wait(30)
    replica.kill()
    proxy.heal()
    time.sleep(2)
    replica.start()
    ended = loading.end()
    if ended.code == 0:
        job.assert_whole(ended)
    else:
        job.assert_untouched(ended)
    job.finish()


def test_a_silent_connection_is_given_up(replica, jobs, proxy) -> None:
    """A firewall that forgets a connection answers nothing and breaks nothing; the others go on."""
    job = jobs(replica, proxy.uri("socketTimeoutMS=2000"))
    harm = proxy.harm("silence", "insert", nth=3, target="staging")
    loading = job.start()
    assert harm.happened.wait(30)
    job.assert_whole(loading.end(patience=40))


def test_a_network_that_swallows_everything_is_given_up(replica, jobs, proxy) -> None:
    """Without any timeout in the address: the driver's heartbeats are not answered either."""
    job = jobs(replica, proxy.uri("connectTimeoutMS=3000", "heartbeatFrequencyMS=1000"))
    job.hasty = True
    harm = proxy.harm("hold", "insert", nth=3, target="staging")
    loading = job.start()
    assert harm.happened.wait(30)
    proxy.passes.clear()
    ended = loading.end(patience=60)
    proxy.heal()
    assert ended.code == TARGET, ended.err
    job.assert_untouched(ended)
    job.finish()


def test_one_insert_that_is_never_answered_is_given_up(replica, jobs, proxy) -> None:
    """The server's heartbeats go on, the connection does not break, and the address names no timeout."""
    job = jobs(replica, proxy.uri())
    job.hasty = True
    harm = proxy.harm("silence", "insert", nth=3, target="staging")
    loading = job.start()
    assert harm.happened.wait(30)
    job.assert_whole(loading.end(patience=40))


@pytest.fixture
def without_uuid(replica, jobs, proxy):
    """A job on a server whose collections have no UUID to compare, as Amazon DocumentDB's."""
    job = jobs(replica, proxy.uri())
    job.folder.mkdir(exist_ok=True)
    job.mapping = job.folder / "stays.yaml"
    job.mapping.write_text(MAPPING.read_text(encoding="utf-8").replace("collection: stays", "collection: stays, profile: documentdb-5"))
    return job


@pytest.mark.parametrize("how", ["drop_request", "drop_reply"])
def test_a_rename_without_answer_is_told_by_the_content(without_uuid, proxy, how) -> None:
    """Case rename-answer-lost."""
    job = without_uuid
    harm = proxy.harm(how, "renameCollection", target="staging")
    ended = job.run()
    assert (ended.code, harm.happened.is_set()) == (0, True), ended.err
    assert len(list(job.live.find({}, {"_id": 1}))) == job.clean.count
    assert [one["outcome"] for one in job.client[job.database]["_engine_runs"].find({"mode": "replace"})] == ["published"]


def test_a_rename_without_answer_and_other_content_is_unknown(without_uuid, proxy) -> None:
    job = without_uuid
    harm = proxy.harm("hold_reply", "renameCollection", target="staging")
    loading = job.start()
    assert harm.happened.wait(60)
    job.live.delete_one({})
    proxy.heal()
    ended = loading.end()
    assert (ended.code, ended.findings) == (TARGET, ["outcome_unknown"]), ended.err
    assert "engine verify" in ended.err
