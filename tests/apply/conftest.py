"""Fixtures of the tests of apply."""

from pathlib import Path

import pytest
from evolution.bench import Bench
from pymongo.database import Database


@pytest.fixture
def bench(database: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    return Bench(database, tmp_path / "work")
