"""Readers during many replaces see the old collection or the new one, whole."""

import io
import json
from collections import Counter
from threading import Event, Thread

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from engine import cli
from faults.loading import MAPPING, Content, content, make_source

READERS, REPLACES = 4, 20
KILLED = {43, 175, 237}  # the cursor's collection is gone: CursorNotFound, QueryPlanKilled, CursorKilled


def test_no_partial_empty_or_mixed_read(replica, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    replica.revive()
    sources = [make_source(tmp_path / f"{seed}.csv", rows, seed=seed, padding=200) for seed, rows in ((1, 2400), (2, 1800))]
    for name, value in (("MONGODB_URI", replica.uri), ("ENGINE_HOME", str(tmp_path / "home")), ("DATABASE", tmp_path.name)):
        monkeypatch.setenv(name, value)

    def load(number: int) -> None:
        out, err = io.StringIO(), io.StringIO()
        code = cli.run(["run", "-m", str(MAPPING), "--source", str(sources[number % 2].file), "--json"], out, err)
        assert code == 0, err.getvalue()
        assert json.loads(out.getvalue())["accounting"]["documents"] == len(sources[number % 2].documents)

    live = replica.client[tmp_path.name]["stays"]
    allowed = set()
    for number in range(2):
        load(number)
        allowed.add(content(live))
    seen, done = Counter[Content | str](), Event()

    def read() -> None:
        with MongoClient(replica.uri) as client:
            while not done.is_set():
                try:
                    seen[content(client[tmp_path.name]["stays"])] += 1
                except OperationFailure as error:
                    seen["ended" if error.code in KILLED else f"code {error.code}"] += 1

    readers = [Thread(target=read) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    try:
        for number in range(REPLACES):
            load(number)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    replica.client.drop_database(tmp_path.name)
    assert seen.keys() - {"ended"} == allowed
    assert sum(seen[one] for one in allowed) > REPLACES, seen
