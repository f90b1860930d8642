"""Modes that write into a live collection, on a network that breaks and with loaders that are killed: the content of one clean run."""

import pytest

from faults.loading import MAPPING
from faults.proxy import between

BREAKS = {
    "insert": [{"how": "drop_reply", "nth": 1}, {"how": "cut_request", "nth": 3, "after": 500_000}, {"how": "drop_request", "nth": 4}],
    "update": [{"how": "drop_reply", "nth": 1}, {"how": "cut_request", "nth": 2, "after": 500_000}],
    "find": [{"how": "drop_reply", "nth": 2}, {"how": "drop_request", "nth": 4}],
    "delete": [{"how": "drop_reply", "nth": 1}],
}


@pytest.fixture
def in_place(jobs):
    """A job in another mode, without the documents that the validator would not have."""

    def make(server, uri: str, mode: str):
        job = jobs(server, uri)
        job.environment["MODE"] = mode
        if mode == "sync":
            job.folder.mkdir(exist_ok=True)
            job.mapping = job.folder / "sync.yaml"
            job.mapping.write_text(MAPPING.read_text(encoding="utf-8").replace("rejects: 1%", "rejects: 1%, deletions: 100%"))
        job.live.delete_many({})
        return job

    return make


@pytest.mark.parametrize("command", BREAKS)
@pytest.mark.parametrize("retries", ["retryWrites=true", "retryWrites=false"])
def test_a_broken_command_is_settled(mongod, in_place, command, retries) -> None:
    """Half of the documents are there but are not as they should be, and one is there that should not be."""
    with between(mongod.port) as proxy:
        job = in_place(mongod, mongod.uri, "sync")
        job.assert_whole(job.run())
        job.live.update_many({"number": {"$mod": [2, 0]}}, {"$set": {"note": "old"}})
        job.live.delete_many({"number": {"$mod": [3, 0]}})
        mongod.client[job.database].command("collMod", "stays", validationLevel="off")
        job.live.insert_one({"_id": "stranger", "number": -1})
        job.uri = proxy.uri(retries)
        harms = [proxy.harm(command=command, target="stays", **one) for one in BREAKS[command]]
        job.assert_whole(job.run())
        assert all(one.happened.is_set() for one in harms)


@pytest.mark.parametrize("mode", ["upsert", "append", "sync"])
@pytest.mark.parametrize("nth", [1, 3, 5])
def test_a_killed_loader_goes_on(replica, in_place, proxy, mode, nth) -> None:
    job = in_place(replica, proxy.uri(), mode)
    harm = proxy.harm("hold_reply", "insert", nth=nth, target="stays")
    loading = job.start()
    assert harm.happened.wait(30)
    loading.kill()
    proxy.heal()
    job.finish()
