"""TTL indexes: what they delete while a run loads, reads back or publishes, and before `verify`, is expired and no damage."""

import time
from collections.abc import Iterator

import pytest
from bson import encode
from bson.datetime_ms import DatetimeMS
from jobs import Jobs, command

from engine.mongo import expiry
from engine.mongo.expiry import Rule, Schedule, due
from engine.mongo.upserts import UpsertBatch

TTL = """
mapping: seen
source: {{path: in.csv}}
target: {{database: {database}, collection: people, mode: {mode}}}
fields:
  _id: {{column: id, type: int}}
  seen: {{column: name, type: date}}
  host: city
indexes:
  ttl: {{keys: {{seen: 1}}, expireAfterSeconds: 3600}}
"""
PAST, FUTURE = "2020-01-01", "2099-01-01"
ROWS = [[number, FUTURE if number % 3 == 0 else PAST, "h", 1] for number in range(90)]


@pytest.fixture
def eager(jobs: Jobs) -> Iterator[Jobs]:
    """The server deletes every second."""
    admin = jobs.database.client.admin
    usual = admin.command({"setParameter": 1, "ttlMonitorSleepSecs": 1})["was"]
    yield jobs
    admin.command({"setParameter": 1, "ttlMonitorSleepSecs": usual})


def load(jobs: Jobs, mode: str):
    file = jobs.folder / "seen.yaml"
    file.write_text(TTL.format(database=jobs.database.name, mode=mode), encoding="utf-8")
    return file, command("run", "-m", file, "--source", jobs.write(ROWS), "--json")


@pytest.mark.parametrize("mode", ["replace", "upsert", "append", "sync"])
def test_what_expires_is_no_damage(eager: Jobs, mode: str) -> None:
    """Case ttl-and-read-back."""
    file, ended = load(eager, mode)
    assert ended.code == 0, ended.err
    assert ended.counts[:2] == (90, 90)
    while eager.live.count_documents({}) > 30:
        time.sleep(0.1)
    verified = command("verify", "-m", file)
    assert (verified.code, "60 of them are gone" in verified.out or mode != "replace") == (0, True), verified.err
    eager.live.update_one({"_id": 0}, {"$set": {"host": "other"}})
    assert "differs" in command("verify", "-m", file).err
    eager.live.delete_one({"_id": 0})
    assert "count: recorded 30 documents, found 29" in command("verify", "-m", file).err


def test_a_batch_whose_documents_are_gone_is_counted_as_expired(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the server's pass met the batch between write and read-back; what is missing and not due is damage."""
    insert = UpsertBatch._insert
    for gone, code in (({"seen": {"$lt": DatetimeMS(1600000000000)}}, 0), ({"_id": 3}, 4)):
        jobs.live.drop()

        def passing(self: UpsertBatch, *more: object, gone: dict = gone) -> object:
            refused = insert(self, *more)
            self.collection.delete_many(gone)
            return refused

        monkeypatch.setattr(UpsertBatch, "_insert", passing)
        ended = load(jobs, "upsert")[1]
        assert ended.code == code, ended.err
        assert code or ended.report["changes"] == {"inserted": 30, "updated": 0, "unchanged": 0, "expired": 60}


@pytest.mark.parametrize(
    ("document", "when"),
    [
        ({"a": {"b": DatetimeMS(5)}}, 2005),
        ({"a": [{"b": DatetimeMS(9)}, {"b": [DatetimeMS(7), DatetimeMS(8)]}]}, 2007),
        ({"a": {"b": 5}}, None),
        ({"a": 1}, None),
        ({}, None),
    ],
)
def test_a_document_is_due_after_its_earliest_date(document: dict, when: int | None) -> None:
    assert due(encode(document), (Rule("a.b", 2),)) == when


def test_a_schedule_has_a_bounded_number_of_periods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "MOST", 4)
    found = Schedule((Rule("a", 0),), 10)
    found.add(encode({"a": DatetimeMS(when)}) for when in range(-200, 200, 7))
    compact = found.compact()
    assert len(compact.periods) <= 4
    assert Schedule.of(compact.as_document()) == compact
    end = compact.width // found.width
    assert compact.before(1) == found.before(end)
