"""A mongod of the test's own: its process can be killed, its disk can fill up, its log can be read."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from engine.mongo.embedded import mongod

PATIENCE = 30.0
SMALL = ("--wiredTigerCacheSizeGB", "0.25", "--nounixsocket", "--setParameter", "diagnosticDataCollectionEnabled=false")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Mongod:
    """One mongod: `folder` holds its data and, unless `logs` does, its log. A replica set of one node, or standalone."""

    def __init__(self, folder: Path, *options: str, replica_set: bool = True, logs: Path | None = None) -> None:
        self.folder, self.port, self.replica_set = folder, free_port(), replica_set
        self.log = (logs or folder) / "mongod.log"
        self.options = (*SMALL, *options, *(("--replSet", "faults", "--oplogSize", "300") if replica_set else ()))
        self.client: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", self.port, directConnection=True, connect=False)
        self.start()

    @property
    def uri(self) -> str:
        return address(self.port)

    def start(self) -> None:
        (self.folder / "db").mkdir(parents=True, exist_ok=True)
        where = ("--dbpath", self.folder / "db", "--logpath", self.log, "--logappend", "--bind_ip", "127.0.0.1", "--port", str(self.port))
        quiet = subprocess.DEVNULL  # it prints its stack when it aborts
        self.process = subprocess.Popen([mongod.program(), *self.options, *where], stdout=quiet, stderr=quiet)
        deadline = time.monotonic() + PATIENCE
        while not self._writable():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, "mongod does not become writable"
            time.sleep(0.02)

    def _writable(self) -> bool:
        with suppress(PyMongoError), MongoClient("127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=1000) as client:
            if self.replica_set and "setName" not in client.admin.command("hello"):
                members = [{"_id": 0, "host": f"127.0.0.1:{self.port}"}]
                client.admin.command("replSetInitiate", {"_id": "faults", "members": members}, check=False)
            return client.admin.command("hello")["isWritablePrimary"]
        return False

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """As `kill -9`: nothing is written that was not written before."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def wait_for_end(self, seconds: float) -> bool:
        """Whether it ended, by itself, within so many seconds."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return not self.alive

    def revive(self) -> None:
        """Start it again if it is dead."""
        if not self.alive:
            self.start()


def address(port: int, *options: str) -> str:
    return f"mongodb://127.0.0.1:{port}/?" + "&".join(("directConnection=true", *options))


@contextmanager
def running(folder: Path, *options: str, replica_set: bool = True, logs: Path | None = None) -> Iterator[Mongod]:
    """A mongod, gone with its data after the context."""
    server = Mongod(folder, *options, replica_set=replica_set, logs=logs)
    try:
        yield server
    finally:
        server.client.close()
        server.kill()
        shutil.rmtree(folder / "db", ignore_errors=True)
