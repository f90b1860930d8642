"""A real MongoDB for the tests: the one that MONGODB_URI names, else the embedded one, shared by every pytest-xdist worker."""

import os
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from jobs import Jobs
from pymongo import MongoClient
from pymongo.database import Database

from engine.mongo import embedded

# One home for every worker and every run: a run that was killed leaves its server to the next one, which uses and stops it.
HOME = Path(__file__).parents[1] / ".engine" / "tests"

settings.register_profile("engine", deadline=None)  # how long a test takes is no law, least of all on a busy machine
settings.load_profile("engine")


def pytest_configure() -> None:
    """A job in a shell's background ignores SIGINT, and the commands under test would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def mongo_uri() -> Iterator[str]:
    """The address of a replica set that takes writes. Without a server the test fails; it is never skipped."""
    if uri := os.environ.get("MONGODB_URI"):
        yield uri
    else:
        with embedded.lease(HOME) as server:
            yield server.uri


@pytest.fixture(scope="session")
def mongo_client(mongo_uri: str) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](mongo_uri, serverSelectionTimeoutMS=5000) as client:
        yield client


@pytest.fixture
def database(mongo_client: MongoClient[dict[str, Any]]) -> Iterator[Database[dict[str, Any]]]:
    """An empty database of the test's own, dropped after it."""
    name = f"test_{secrets.token_hex(6)}"
    yield mongo_client[name]
    mongo_client.drop_database(name)


@pytest.fixture
def jobs(mongo_uri: str, database: Database[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Jobs:
    """The small job of tests/jobs.py, against the test's own database."""
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    return Jobs(database, tmp_path)
