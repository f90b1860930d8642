"""`target.timeseries`: such a collection is made, added to, compared and kept; what MongoDB cannot do there is said."""

import csv
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from bson import Decimal128, decode, encode
from jobs import Ended, Jobs, command

from engine.mongo import upserts
from engine.mongo.kinds import CollectionKind, collection_info
from engine.mongo.timeseries import in_order

MAPPING = """
mapping: readings
source: {{path: in.csv}}
target: {{database: {database}, collection: readings, mode: append{series}}}
dedup: {{on: row}}
limits: {{rejects: 100%}}
fields:
  {identity}
  zone: {{column: zone}}
  at: {{column: at, type: date, format: "%Y-%m-%d %H:%M", required: true}}
  sensor.room: {{column: room, type: int}}
  sensor.name: {{column: sensor, required: true}}
  celsius: {{column: celsius, type: decimal, minimum: -100}}
  tags[]: {{column: tags, split: "|"}}
indexes:
  by_sensor: {{keys: {{sensor.name: 1, at: -1}}}}
{rest}
"""
HEADER = ["id", "zone", "at", "room", "sensor", "celsius", "tags"]
SERIES = ", timeseries: {timeField: at, metaField: sensor, granularity: minutes}"
BY_ID, BY_HASH = "_id: {column: id, type: int}", "number: {column: id, type: int}"
ROWS = [[n, "a" if n % 3 else "", f"2024-01-{1 + n % 28:02} 10:00", n % 5, f"s{n % 2}", "1.50", "x|y" if n % 4 else ""] for n in range(60)]


@dataclass
class Readings:
    jobs: Jobs
    series: str = SERIES
    identity: str = BY_ID
    rest: str = ""

    @property
    def live(self):
        return self.jobs.database["readings"]

    @property
    def mapping(self) -> Path:
        text = MAPPING.format(database=self.jobs.database.name, series=self.series, identity=self.identity, rest=self.rest)
        (self.jobs.folder / "readings.yaml").write_text(text, encoding="utf-8")
        return self.jobs.folder / "readings.yaml"

    def run(self, rows: list[list[Any]]) -> Ended:
        file = self.jobs.folder / "in.csv"
        with file.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([HEADER, *rows])
        return command("run", "-m", self.mapping, "--source", file, "--json")

    def verb(self, *arguments: Any) -> Ended:
        return command(arguments[0], "-m", self.mapping, *arguments[1:])


@pytest.fixture
def readings(jobs: Jobs) -> Readings:
    return Readings(jobs)


def ok(ended: Ended) -> Ended:
    assert ended.code == 0, ended.err
    return ended


@pytest.mark.parametrize("identity", [BY_ID, BY_HASH])
def test_a_collection_is_made_and_the_same_rows_are_there_once(readings: Readings, identity: str) -> None:
    readings.identity = identity
    first, second, third = ok(readings.run(ROWS[:50])), ok(readings.run(ROWS[:50])), ok(readings.run(ROWS))
    assert first.report["changes"] == {"inserted": 50, "updated": 0, "unchanged": 0}
    assert second.report["changes"] == {"inserted": 0, "updated": 0, "unchanged": 50}
    assert third.report["changes"] == {"inserted": 10, "updated": 0, "unchanged": 50}
    assert first.report["checksum"] == second.report["checksum"] != third.report["checksum"]
    found = collection_info(readings.jobs.database, "readings")
    assert found
    assert found.kind is CollectionKind.TIMESERIES
    assert found.series.items() >= {"timeField": "at", "metaField": "sensor", "granularity": "minutes"}.items()
    assert "by_sensor" in readings.live.index_information()
    one = readings.live.find_one({"at": datetime(2024, 1, 2, 10), "sensor.room": 1})  # noqa: DTZ001 -- BSON dates are UTC
    assert (one["sensor"], one["celsius"], one["tags"], one["zone"]) == ({"room": 1, "name": "s1"}, Decimal128("1.50"), ["x", "y"], "a")
    assert readings.live.count_documents({}) == 60
    assert "60 documents" in ok(readings.verb("verify")).out
    assert ok(readings.verb("plan")).out.endswith("Nothing to do: the collection matches the mapping.\n")


@pytest.mark.parametrize("at", ["2024-01-01 10:00", "2030-06-01 10:00"], ids=["the same time", "another time"])
def test_another_document_with_the_same_id_is_rejected_as_in_every_append(readings: Readings, at: str) -> None:
    ok(readings.run(ROWS[:2]))
    ended = ok(readings.run([[0, "b", at, 0, "s0", "2", ""], ROWS[1]]))
    assert (ended.report["changes"]["unchanged"], ended.report["rejects"][0]["code"]) == (1, "duplicate_key")
    assert readings.live.count_documents({}) == 2


def test_rejected_rows_can_be_corrected_and_loaded(readings: Readings) -> None:
    ok(readings.run([ROWS[0], [*ROWS[1][:5], "-300", ""]]))
    file = next((readings.jobs.folder / "home" / "rejects").glob("*.csv"))
    file.write_text(file.read_text(encoding="utf-8").replace("-300", "-30"), encoding="utf-8")
    ok(command("rejects", "retry", file, "-m", readings.mapping))
    assert readings.live.count_documents({}) == 2


def test_load_metadata_is_no_change(readings: Readings) -> None:
    readings.identity += "\n  loaded_at: {meta: loaded_at}"
    first, second = ok(readings.run(ROWS)), ok(readings.run(ROWS))
    assert second.report["changes"] == {"inserted": 0, "updated": 0, "unchanged": 60}
    assert first.report["checksum"] == second.report["checksum"]


def test_a_changed_document_is_found_by_verify(readings: Readings) -> None:
    ok(readings.run(ROWS))
    readings.live.update_many({"sensor.name": "s1"}, {"$set": {"sensor.room": 9}})
    ended = readings.verb("verify")
    assert (ended.code, "the content of documents has changed" in ended.err) == (3, True)


def test_a_write_that_took_effect_twice_is_said(readings: Readings, monkeypatch: pytest.MonkeyPatch) -> None:
    once = upserts.insert

    def twice(*arguments: Any) -> Any:
        once(*arguments)
        return once(*arguments)

    monkeypatch.setattr(upserts, "insert", twice)
    ended = readings.run(ROWS[:3])
    assert (ended.code, "stored_twice 3 documents are in the time series collection twice" in ended.err) == (4, True), ended.err


def test_what_is_there_is_compared_before_any_work(readings: Readings) -> None:
    readings.jobs.database.create_collection("readings", timeseries={"timeField": "at", "metaField": "sensor", "granularity": "hours"})
    refused = {
        "": "add target.timeseries: {timeField: at, metaField: sensor, granularity: hours} with mode: append",
        SERIES: "and the mapping declares granularity: minutes",
        ", timeseries: {timeField: at}": "and the mapping declares no metaField",
        ", timeseries: {timeField: at, metaField: sensor, expireAfterSeconds: 60}": "and the mapping declares expireAfterSeconds: 60",
    }
    for series, words in refused.items():
        readings.series = series
        ended = readings.verb("run")  # its source does not exist
        assert (ended.code, "target_kind" in ended.err, words in ended.err) == (4, True, True), ended.err
    readings.series = ", timeseries: {timeField: at, metaField: sensor}"
    ok(readings.run(ROWS))


def test_a_plain_collection_does_not_become_one(readings: Readings) -> None:
    readings.live.insert_one({"_id": 1})
    ended = readings.verb("run")
    assert (ended.code, "readings is a plain collection, and the mapping declares a time series collection" in ended.err) == (4, True)
    assert readings.live.count_documents({}) == 1


def test_indexes_can_be_changed_and_documents_cannot(readings: Readings) -> None:
    ok(readings.run(ROWS))
    readings.rest = "  by_zone: {keys: {zone: 1}}"
    ok(readings.verb("apply"))
    assert "by_zone" in readings.live.index_information()
    readings.identity += "\n  extra: {value: 1, type: int}"
    plan = readings.verb("plan")
    assert "a time series collection can only be added to" in plan.out, plan.out
    refused = readings.verb("apply")
    assert (refused.code, "documents of a time series collection cannot be changed" in refused.err) == (3, True), refused.err
    assert readings.live.count_documents({"extra": 1}) == 0
    assert "mixed_shapes" in readings.run(ROWS).err


def test_the_engine_alone_checks_its_documents(readings: Readings) -> None:
    assert json.loads(ok(readings.verb("schema", "--output", "-")).out or "{}") == {}


def test_order_is_all_that_the_server_changes(readings: Readings) -> None:
    live = readings.jobs.database
    live.create_collection("t", timeseries={"timeField": "at", "metaField": "m"})
    when = datetime(2024, 1, 1)  # noqa: DTZ001 -- BSON dates are UTC
    values = [
        0.0,
        -0.0,
        1,
        1.0,
        Decimal128("1.0"),
        Decimal128("1.00"),
        None,
        "é",
        b"x",
        [],
        {},
        [{"b": 1, "a": [None]}],
        {"z": 1, "a": 2},
        True,
    ]
    sent = [{"_id": number, "v": value, "m": {"y": value, "a": number % 3}, "at": when, "b": 1} for number, value in enumerate(values)]
    live["t"].insert_many(sent)
    found = {decode(raw)["_id"]: raw for raw in (encode(one) for one in live["t"].find())}
    for one in sent:
        assert in_order(found[one["_id"]], "m") == in_order(encode(one), "m")
        assert in_order(encode({**one, "b": 2}), "m") != in_order(encode(one), "m")
