"""The lock of a process that is gone is taken over at once, but only where it is certain that nothing of it can still arrive."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from guarded import guarded
from jobs import Jobs
from pymongo import MongoClient
from pymongo.database import Database

from engine.errors import LockedError
from engine.mapping.model import Target
from engine.mongo import locks
from engine.mongo.holders import is_connected
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only /proc says when a process began")
DEAD, NEXT, APP = "20260101T000000Z-aaaaaa", "20260101T000001Z-bbbbbb", "engine of a process that was killed"
OTHER = "engine of another account"


def lock(database: Database, run: str, wait: float = 0) -> Lock:
    target = Target(database.name, "people")
    return Lock(database.client, target, Ledger(database.client, target, run), wait)


@contextmanager
def held(database: Database, **changed: Any) -> Iterator[None]:
    """A lock that another process holds, which by itself is dead: its id was another process's before."""
    with lock(database, DEAD) as one:
        one._done.set()  # no heartbeat
        one._thread.join()
        wanted = {"process.started": "1", "process.app": APP} | changed
        database["_engine_locks"].update_one({}, {"$set": wanted})
        yield


def fence(database: Database) -> int:
    return database["_engine_locks"].find_one()["fence"]


def assert_held(database: Database) -> None:
    with pytest.raises(LockedError, match=f"is locked by run {DEAD}"), lock(database, NEXT):
        pass


def ended_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.mark.parametrize("pid", [os.getpid(), None], ids=["its id was given away", "its id is free"])
def test_taken_over_at_once(database: Database, pid: int | None) -> None:
    with held(database, pid=pid or ended_process()), lock(database, NEXT) as taken:
        assert fence(database) == 2
        taken.hold()


def test_a_zombie_is_dead(database: Database) -> None:
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    started = Path(f"/proc/{zombie.pid}/stat").read_text().rpartition(")")[2].split()[19]
    with held(database, pid=zombie.pid, **{"process.started": started}), lock(database, NEXT):
        assert fence(database) == 2
    zombie.wait()


@pytest.mark.parametrize("name", ["boot", "spaces", "account"])
def test_of_another_host_container_or_account_nothing_is_known(database: Database, name: str) -> None:
    with held(database, pid=ended_process(), **{f"process.{name}": "another"}):
        assert_held(database)


def test_of_a_system_that_does_not_say_nothing_is_known(database: Database) -> None:
    with held(database):
        database["_engine_locks"].update_one({}, {"$set": {"process": {}}})
        assert_held(database)


def test_a_living_process_keeps_its_lock(database: Database) -> None:
    with lock(database, DEAD):
        assert_held(database)


def test_what_a_dead_process_has_sent_is_waited_for(database: Database, mongo_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the server has its connection, a batch may still come over it."""
    monkeypatch.setattr(locks, "LAST_WORD", 0.5)
    with held(database), MongoClient(mongo_uri, appname=APP) as left:
        left.admin.command("ping")
        assert_held(database)
        monkeypatch.setattr(locks, "LAST_WORD", 30)
        closing = Timer(0.5, left.close)
        closing.start()
        with lock(database, NEXT):
            assert fence(database) == 2
        closing.join()


def test_waiting_for_a_lock(jobs: Jobs) -> None:
    with lock(jobs.database, DEAD) as one:
        assert jobs.run([[1, "Ann", "Oslo", 30]], "--wait", "0.3").code == 5
        release = Timer(0.5, one.__exit__, (None, None, None))
        release.start()
        started = time.monotonic()
        ended = jobs.run([[1, "Ann", "Oslo", 30]], "--wait", "60")
        release.join()
    assert ended.code == 0, ended.err
    assert time.monotonic() - started < 30


def test_an_account_sees_its_own_connections_without_a_privilege(tmp_path: Path) -> None:
    """Idle ones too; those of others it does not see, so the account is a part of the identity."""
    with guarded(tmp_path) as server:
        loader = server.shipped("loader", "medicaldb")
        with MongoClient(loader) as mine, MongoClient(loader, appname=APP) as same, MongoClient(server.uri("root"), appname=OTHER) as other:
            same.medicaldb.people.find_one()
            other.medicaldb.people.find_one()
            assert (is_connected(mine, APP), is_connected(mine, OTHER)) == (True, False)
            same.close()
            deadline = time.monotonic() + 30
            while is_connected(mine, APP):
                assert time.monotonic() < deadline
