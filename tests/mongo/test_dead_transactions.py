"""A transaction that a killed process left open keeps documents, and the lock, from others: who takes the lock over ends it.

Of a living process nothing is ended.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pymongo
import pytest
from guarded import guarded
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.results import UpdateResult

from engine.errors import LockedError
from engine.mapping.model import Target
from engine.mongo.holders import OPEN, end_transactions, is_connected
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only /proc says when a process began")
ROOT = Path(__file__).parents[2]
FIRST, NEXT = "20260101T000000Z-aaaaaa", "20260101T000001Z-bbbbbb"
PATIENCE = 60  # seconds until a test that hangs has failed
HOLDER = """
import sys
from datetime import datetime
from engine.mapping.model import Target
from engine.mongo.address import address_of
from engine.mongo.connection import connect
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock

uri, database, run, *more = sys.argv[1:]
target = Target(database, "people")
with connect(address_of(uri)) as client, Lock(client, target, Ledger(client, target, run)) as lock, client.start_session() as session:
    if "expired" in more:
        client[database]["_engine_locks"].update_one({}, {"$set": {"expires": datetime(2000, 1, 1)}})
    with session.start_transaction():
        client[database].people.update_one({"_id": 1}, {"$set": {"name": "theirs"}}, session=session)
        if "claims" in more:
            lock.claim(session)
        print("open", flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def patient(mongo_client: MongoClient) -> Iterator[None]:
    """The server keeps transactions for an hour."""
    known = mongo_client.admin.command("setParameter", transactionLifetimeLimitSeconds=3600)["was"]
    yield
    mongo_client.admin.command("setParameter", transactionLifetimeLimitSeconds=known)


@contextmanager
def holder(database: Database, uri: str, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock, and has changed a document in a transaction; it commits at the end of its input."""
    database["people"].insert_one({"_id": 1, "name": "old"})
    words = [sys.executable, "-c", HOLDER, uri, database.name, FIRST, *more]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "open\n"
            yield process
        finally:
            process.kill()


def open_transactions(database: Database) -> int:
    """Those of the process that holds the lock, whether it is alive or not."""
    found = database.client.admin.aggregate([{"$currentOp": {"idleSessions": True}}, {"$match": OPEN}])
    name = database["_engine_locks"].find_one()["process"]["app"]
    return sum(one.get("appName") == name for one in found)


def lock(database: Database) -> Lock:
    target = Target(database.name, "people")
    return Lock(database.client, target, Ledger(database.client, target, NEXT))


def change(database: Database) -> UpdateResult:
    with pymongo.timeout(PATIENCE):
        return database["people"].update_one({"_id": 1, "name": "old"}, {"$set": {"name": "mine"}})


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("more", [(), ("claims",), ("expired",), ("claims", "expired")], ids=" ".join)
def test_it_is_ended_by_who_takes_over(database: Database, mongo_uri: str, more: tuple[str, ...]) -> None:
    with holder(database, mongo_uri, *more) as process, ThreadPoolExecutor(1) as application:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert open_transactions(database) == 1
        write = application.submit(change, database)
        with pymongo.timeout(PATIENCE), lock(database) as taken:
            assert write.result().modified_count == 1
            taken.hold()
        assert database["people"].find_one() == {"_id": 1, "name": "mine"}


def test_that_of_a_living_process_is_not(database: Database, mongo_uri: str) -> None:
    with holder(database, mongo_uri, "claims") as process:
        with pytest.raises(LockedError, match=f"is locked by run {FIRST}"), lock(database):
            pass
        assert open_transactions(database) == 1
        process.stdin.close()
        assert process.wait(60) == 0
    assert database["people"].find_one() == {"_id": 1, "name": "theirs"}
    with lock(database):
        pass


def test_an_account_ends_its_own_without_a_privilege_and_no_others(tmp_path: Path) -> None:
    name = "engine of a process that was killed"
    with guarded(tmp_path) as server:
        loader, root = server.shipped("loader", "medicaldb"), server.uri("root")
        with MongoClient(loader) as mine:
            for uri, left in ((loader, False), (root, True)):
                process = MongoClient(uri, appname=name)
                with process.start_session() as session:
                    session.start_transaction()
                    process.medicaldb.people.insert_one({}, session=session)
                    end_transactions(mine, name)
                    found = [*server.root.admin.aggregate([{"$currentOp": {"allUsers": True}}, {"$match": OPEN | {"appName": name}}])]
                    assert bool(found) is left
                process.close()
            assert not is_connected(mine, name)
