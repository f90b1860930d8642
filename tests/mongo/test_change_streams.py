"""An open change stream on the target: mode replace ends it, sync and the other modes feed it."""

from collections.abc import Iterator
from typing import Any

import pytest
from jobs import Ended, Jobs
from pymongo.change_stream import CollectionChangeStream

ANN, BOB, CAT = [1, "Ann", "Oslo", 30], [2, "Bob", "Rome", 40], [3, "Cat", "Bern", 50]
OLDER = [1, "Ann", "Oslo", 31]


def ok(ended: Ended) -> Ended:
    assert ended.code == 0, ended.err
    return ended


def events(stream: CollectionChangeStream[Any]) -> Iterator[dict[str, Any]]:
    """Those that are there; `try_next` waits about a second for one."""
    while stream.alive and (event := stream.try_next()):
        yield event


def test_replace_ends_an_open_change_stream(jobs: Jobs) -> None:
    jobs.mode = "replace"
    ok(jobs.run([ANN, BOB]))
    with jobs.live.watch() as stream:
        ok(jobs.run([OLDER, CAT]))
        seen = [event["operationType"] for event in events(stream)]
        assert seen[-1] == "invalidate"
        assert not {"insert", "update", "replace", "delete"} & {*seen}  # nothing is said of single documents
        assert not stream.alive
    with jobs.live.watch() as again:  # one that is opened again sees the next changes, and ends with the next run
        jobs.live.update_one({"_id": 1}, {"$set": {"age": 32}})
        assert [event["operationType"] for event in events(again)] == ["update"]
        assert again.alive


@pytest.mark.parametrize("mode", ["upsert", "append", "sync"])
def test_the_other_modes_feed_it(jobs: Jobs, mode: str) -> None:
    jobs.mode, jobs.limits = mode, "rejects: 100%, deletions: 100%" if mode == "sync" else "rejects: 100%"
    jobs.more = ", options: {changeStreamPreAndPostImages: {enabled: true}}"
    ok(jobs.run([ANN, BOB]))
    with jobs.live.watch(full_document_before_change="whenAvailable") as stream:
        ok(jobs.run([OLDER, CAT] if mode != "append" else [ANN, CAT]))
        seen = {(event["operationType"], event["documentKey"]["_id"]): event.get("fullDocumentBeforeChange") for event in events(stream)}
        assert stream.alive
    changed = {("replace", 1): {"_id": 1, "name": "Ann", "home": {"city": "Oslo"}, "age": 30}}
    gone = {("delete", 2): {"_id": 2, "name": "Bob", "home": {"city": "Rome"}, "age": 40}}
    expected = {"upsert": changed, "append": {}, "sync": changed | gone}[mode]
    assert seen == {("insert", 3): None} | expected
