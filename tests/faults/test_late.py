"""A run is suspended with a command on its way; another run takes the lock over and loads; then the command arrives. What does it do?"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from faults.loading import LOCKED, Loading
from faults.proxy import Harm, Proxy

LEASE = 2.0
SHORT = f"from engine.mongo import locks; locks.LEASE_SECONDS = {LEASE}; from engine.cli.command import main; main()"
MAPPING = """
mapping: late
source: {{path: in.csv}}
target: {{database: {database}, collection: late, mode: {mode}}}
fields:
  _id: {{column: id, type: int}}
  value: {{column: value, required: true}}
{more}
"""
MORE = {"sync": "limits: {deletions: 100%}", "replace": "indexes: {by_value: {keys: {value: 1}}}"}


@dataclass
class Two:
    """Two loaders of one collection: `first` behind the proxy, and others at the server itself."""

    folder: Path
    server: Any
    proxy: Proxy
    database: str
    stack: ExitStack

    @property
    def live(self) -> Any:
        return self.server.client[self.database]["late"]

    @property
    def values(self) -> dict[int, str]:
        return {document["_id"]: document["value"] for document in self.live.find()}

    def start(self, uri: str, mode: str, values: dict[int, str], verb: str = "run") -> Loading:
        folder = self.folder / os.urandom(4).hex()
        folder.mkdir(parents=True)
        mapping, source = folder / "late.yaml", folder / "in.csv"
        mapping.write_text(MAPPING.format(database=self.database, mode=mode, more=MORE.get(mode, "")), encoding="utf-8")
        source.write_text("id,value\n" + "".join(f"{key},{value}\n" for key, value in values.items()), encoding="utf-8")
        arguments = ["--source", str(source), "--json"] if verb == "run" else []
        environment = os.environ | {"MONGODB_URI": uri, "ENGINE_HOME": str(folder)}
        loading = Loading([sys.executable, "-c", SHORT, verb, "-m", str(mapping), *arguments], environment)
        self.stack.callback(loading.close)
        return loading

    def load(self, mode: str, values: dict[int, str]) -> None:
        ended = self.start(self.server.uri, mode, values).end()
        assert ended.code == 0, ended.err

    @contextmanager
    def suspended(self, mode: str, values: dict[int, str], command: str, target: str = "late") -> Iterator[tuple[Loading, Harm]]:
        """A loader with that command on its way, until it has lost its lease."""
        harm = self.proxy.harm("hold", command, target=target)
        first = self.start(self.proxy.uri(), mode, values)
        assert harm.happened.wait(60)
        first.process.send_signal(signal.SIGSTOP)
        time.sleep(LEASE + 0.1)
        yield first, harm

    def end(self, first: Loading, harm: Harm) -> None:
        """The command arrives, the loader wakes up and says that its lock was lost."""
        harm.release.set()
        first.process.send_signal(signal.SIGCONT)
        ended = first.end(patience=60)
        assert (ended.code, ended.findings) == (LOCKED, ["lock_lost"]), ended.err

    def assert_verified(self) -> None:
        ended = self.start(self.server.uri, "upsert", {}, "verify").end()
        assert ended.code == 0, ended.err


@pytest.fixture
def two(replica, proxy, tmp_path: Path) -> Iterator[Two]:
    replica.revive()
    with ExitStack() as stack:
        made = Two(tmp_path, replica, proxy, f"faults_{os.urandom(4).hex()}", stack)
        yield made
    replica.client.drop_database(made.database)


@pytest.mark.parametrize("mode", ["upsert", "sync"])
def test_an_update_changes_nothing(two: Two, mode: str) -> None:
    two.load(mode, dict.fromkeys(range(50), "old"))
    with two.suspended(mode, dict.fromkeys(range(50), "late"), "update") as (first, harm):
        two.load(mode, dict.fromkeys(range(50), "new"))
        two.end(first, harm)
    assert set(two.values.values()) == {"new"}
    two.assert_verified()


def test_a_deletion_deletes_nothing(two: Two) -> None:
    two.load("sync", dict.fromkeys(range(50), "old"))
    with two.suspended("sync", {0: "old"}, "delete") as (first, harm):
        two.load("upsert", dict.fromkeys(range(50), "old"))
        two.end(first, harm)
    assert len(two.values) == 50
    two.assert_verified()


def test_an_insert_may_add_but_changes_none(two: Two) -> None:
    """What remains, as docs/guarantees.md says: `verify` finds it."""
    with two.suspended("upsert", dict.fromkeys(range(50), "late"), "insert") as (first, harm):
        two.load("upsert", dict.fromkeys(range(40), "new"))
        two.end(first, harm)
    assert two.values == dict.fromkeys(range(40), "new") | dict.fromkeys(range(40, 50), "late")
    assert "count: recorded 40 documents, found 50" in two.start(two.server.uri, "upsert", {}, "verify").end().err


def test_an_insert_into_a_collection_that_was_replaced_adds_nothing(two: Two) -> None:
    with two.suspended("upsert", dict.fromkeys(range(50), "late"), "insert") as (first, harm):
        two.load("replace", {1: "new"})
        two.end(first, harm)
    assert two.values == {1: "new"}
    two.assert_verified()


@pytest.mark.parametrize("command", ["insert", "createIndexes"])
def test_staging_is_not_made_again(two: Two, command: str) -> None:
    """The loader never wakes up, so that it cannot tidy up."""
    two.load("replace", {1: "old"})
    with two.suspended("replace", dict.fromkeys(range(50), "late"), command, "staging") as (first, harm):
        two.load("replace", {1: "new"})
        before = executed(two, command)
        harm.release.set()
        while executed(two, command) == before:
            time.sleep(0.01)
        assert [name for name in two.live.database.list_collection_names() if not name.startswith("_engine")] == ["late"]
        first.kill()
    assert two.values == {1: "new"}


def executed(two: Two, command: str) -> int:
    """How many of these commands the server has carried out or refused."""
    return two.server.client.admin.command("serverStatus")["metrics"]["commands"][command]["total"]


def test_a_run_that_only_slept_goes_on(two: Two) -> None:
    """Nobody took the lock: the update is refused by the server, since the lease was over, and then sent again."""
    two.load("upsert", dict.fromkeys(range(50), "old"))
    with two.suspended("upsert", dict.fromkeys(range(50), "late"), "update") as (first, harm):
        harm.release.set()
        first.process.send_signal(signal.SIGCONT)
        ended = first.end()
    assert (ended.code, set(two.values.values())) == (0, {"late"}), ended.err
    assert two.proxy.requests["update"] > 1
