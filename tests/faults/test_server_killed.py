"""kill -9 of mongod under load: what it acknowledged with majority and journal is there after its restart, what with less is not."""

import time
from threading import Thread

import pytest
from pymongo import MongoClient, WriteConcern
from pymongo.errors import PyMongoError

from faults.servers import Mongod

TRIES = 8


@pytest.mark.parametrize("nth", [1, 3, 6])
def test_a_run_survives_it(mongod: Mongod, jobs, nth) -> None:
    job = jobs(mongod)
    loading = job.start()
    wait_for_documents(job, nth * 200)
    mongod.kill()
    mongod.start()
    ended = loading.end()
    if ended.code == 0:
        job.assert_whole(ended)
    else:
        job.assert_untouched(ended)
    job.finish()


def wait_for_documents(job, count: int) -> None:
    database, deadline = job.client[job.database], time.monotonic() + 30
    while time.monotonic() < deadline:
        if any(database[name].estimated_document_count() >= count for name in database.list_collection_names() if "staging" in name):
            return
        time.sleep(0.002)
    raise AssertionError("no staging collection was filled")


def lost(server: Mongod, concern: WriteConcern) -> int:
    """Kill the server under inserts; how many that it had acknowledged are not there afterwards."""
    acknowledged: list[int] = []

    def write() -> None:
        with MongoClient(server.uri, retryWrites=False) as client:
            collection = client["control"].get_collection("c", write_concern=concern)
            try:
                for number in range(1_000_000):
                    collection.insert_many([{"_id": number * 100 + one, "pad": "x" * 100} for one in range(100)])
                    acknowledged.append(number)
            except PyMongoError:
                return

    server.client.drop_database("control")
    writer = Thread(target=write)
    writer.start()
    time.sleep(0.35)
    server.kill()
    writer.join()
    server.start()
    return len(acknowledged) * 100 - server.client["control"]["c"].count_documents({"_id": {"$lt": len(acknowledged) * 100}})


def test_the_same_kill_loses_documents_under_w1(replica: Mongod) -> None:
    """Without this, the tests above would prove nothing."""
    replica.revive()
    losses = []
    while len(losses) < TRIES and not any(losses):
        losses.append(lost(replica, WriteConcern(w=1)))
    assert any(losses), f"nothing was lost in {TRIES} kills"
    assert [lost(replica, WriteConcern(w="majority", j=True)) for _ in range(2)] == [0, 0]
    replica.client.drop_database("control")
