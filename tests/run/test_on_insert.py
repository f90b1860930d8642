"""`on_insert: true`: written when the document is inserted, and never changed afterwards."""

from datetime import datetime

import pytest
from jobs import MAPPING, Jobs

ANN, BOB = [1, "Ann", "Oslo", 30], [2, "Bob", "Rome", 40]
CREATED = """  log.created: {{meta: loaded_at, on_insert: true}}
  first_city: {{column: city, on_insert: true}}
  age:"""


@pytest.fixture
def dated(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """Its documents say when they were made, and what the city was then."""
    monkeypatch.setattr("jobs.MAPPING", MAPPING.replace("  age:", CREATED, 1))
    return jobs


def created(jobs: Jobs) -> dict[int, tuple[datetime, str]]:
    return {one["_id"]: (one["log"]["created"], one["first_city"]) for one in jobs.live.find()}


@pytest.mark.parametrize("mode", ["upsert", "sync", "append"])
@pytest.mark.parametrize("opened", ["", "validation: {additional: true}"])
def test_it_stays_as_it_was(dated: Jobs, mode: str, opened: str) -> None:
    dated.mode, dated.rest = mode, opened
    assert dated.run([ANN]).report["changes"]["inserted"] == 1
    before = created(dated)
    rows = [ANN, BOB] if mode == "append" else [[1, "Ann", "Paris", ""], BOB]
    ended = dated.run(rows)
    assert (ended.code, ended.report["changes"]["inserted"]) == (0, 1), ended.err
    assert ended.report["changes"]["updated"] == (mode != "append")
    after = created(dated)
    assert (after[1], before[1][1], after[2][1]) == (before[1], "Oslo", "Rome")
    assert after[2][0] > before[1][0]
    assert dated.run(rows).report["changes"]["unchanged"] == 2
    if mode != "append":
        assert dated.documents()[0].keys() == {"_id", "name", "home", "log", "first_city"}


def test_merge_and_a_key_keep_it_too(dated: Jobs) -> None:
    dated.more = ", on_match: merge"
    dated.run([ANN])
    before = created(dated)
    assert dated.run([[1, "Ann", "Paris", ""]]).report["changes"]["updated"] == 1
    assert created(dated) == before
