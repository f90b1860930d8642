"""Fixtures of the tests of apply."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from evolution.bench import Bench
from faults.proxy import Proxy, between
from pymongo import MongoClient
from pymongo.database import Database


@pytest.fixture
def bench(database: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    return Bench(database, tmp_path / "work")


@pytest.fixture
def proxy(mongo_client: MongoClient) -> Iterator[Proxy]:
    """In front of the server, which forgets the transactions of dead clients in a second instead of a minute."""
    known = mongo_client.admin.command("getParameter", transactionLifetimeLimitSeconds=1)["transactionLifetimeLimitSeconds"]
    mongo_client.admin.command("setParameter", transactionLifetimeLimitSeconds=2)
    with between(mongo_client.address[1]) as one:
        yield one
    mongo_client.admin.command("setParameter", transactionLifetimeLimitSeconds=known)
