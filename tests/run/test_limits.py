"""What a run does not do unless it is told to: lose most rows, shrink or empty a collection, load with a mapping whose own tests fail."""

from typing import Any

import pytest
from jobs import Ended, Jobs

MODES = ["replace", "upsert", "append", "sync"]
GOOD = [[number, "Ann", "Oslo", 30] for number in range(1, 21)]
BAD = [[number, "Bob", "Rome", -1] for number in range(21, 41)]


@pytest.fixture
def usual(jobs: Jobs) -> Jobs:
    """The job with no limits of its own."""
    jobs.limits = ""
    return jobs


def said(ended: Ended) -> tuple[int, list[Any]]:
    return ended.code, [problem["code"] for problem in ended.report["errors"]]


@pytest.mark.parametrize("mode", MODES)
def test_a_tenth_of_the_rows_may_be_rejected(usual: Jobs, mode: str) -> None:
    usual.mode = mode
    assert said(usual.run([*GOOD, *BAD[:2]])) == (0, [])
    usual.live.drop()
    assert said(usual.run([*GOOD, *BAD[:3]])) == (3, ["reject_limit"])
    assert usual.documents() == []
    assert said(usual.run([*GOOD, *BAD[:3]], "--allow", "reject_limit")) == (0, [])
    assert len(usual.documents()) == 20


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["run", "dry run"])
def test_rows_that_give_no_document_are_never_a_success(usual: Jobs, mode: str, more: list[str]) -> None:
    usual.mode, usual.limits = mode, "rejects: 100%"
    assert said(usual.run(BAD, *more)) == (3, ["nothing_to_publish"])
    usual.rest = "rules: {adults: {check: age >= 18, on_fail: filter}}"
    filtered = usual.run([[1, "Kid", "Oslo", 3]], *more)
    assert said(filtered) == (3, ["nothing_to_publish"])
    assert usual.live.name not in usual.database.list_collection_names()
    assert said(usual.run([[1, "Kid", "Oslo", 3]], *more, "--allow", "nothing_to_publish")) == (0, [])
    assert said(usual.run([], *more)) == (0, []), "no rows, and nothing to lose"


def test_replace_halves_a_collection_and_no_more(usual: Jobs) -> None:
    usual.mode = "replace"
    assert usual.run(GOOD).code == 0
    assert said(usual.run(GOOD[:9])) == (3, ["shrink_limit"])
    assert len(usual.documents()) == 20
    assert [name for name in usual.database.list_collection_names() if "staging" in name] == []
    assert said(usual.run(GOOD[:10])) == (0, [])
    usual.limits = "shrink: 1"
    ended = usual.run(GOOD[:8])
    assert "10 documents are live, and 8 would replace them: 2 fewer, the limit is 1 document" in ended.err
    assert said(usual.run(GOOD[:8], "--allow", "shrink_limit")) == (0, [])
    assert len(usual.documents()) == 8


@pytest.mark.parametrize("mode", ["replace", "sync"])
def test_a_collection_is_emptied_on_demand_only(usual: Jobs, mode: str) -> None:
    usual.mode = mode
    assert usual.run(GOOD).code == 0
    limit = {"replace": "nothing_to_publish", "sync": "deletion_limit"}[mode]
    assert said(usual.run([])) == (3, [limit])
    assert len(usual.documents()) == 20
    codes = {"replace": ["nothing_to_publish", "shrink_limit"], "sync": ["deletion_limit"]}[mode]
    assert said(usual.run([], *(word for code in codes for word in ("--allow", code)))) == (0, [])
    assert usual.documents() == []


def test_a_mapping_whose_tests_fail_does_not_run(usual: Jobs) -> None:
    usual.rest = "tests:\n  - {given: {id: '1', name: x, city: Oslo, age: '3'}, expect: {age: 4}}\n"
    for more in ([], ["--dry-run"]):
        ended = usual.run(GOOD, *more)
        assert (ended.code, ended.out) == (2, "")
        assert "test_failed test 1: age: expected 4, found 3 — correct the mapping or its test, or --allow test_failed" in ended.err
    assert usual.documents() == []
    assert said(usual.run(GOOD, "--allow", "test_failed")) == (0, [])


def test_a_permission_is_for_one_refusal_and_known(usual: Jobs) -> None:
    usual.limits = "rejects: 0, duplicates: 0"
    usual.rest = "dedup: {on: [name]}"
    assert said(usual.run([*GOOD, *BAD], "--allow", "reject_limit")) == (3, ["duplicate_limit"])
    ended = usual.run(GOOD, "--allow", "rejects_limit")
    assert (ended.code, ended.out) == (2, "")
    assert "unknown_code --allow rejects_limit: there is no such permission — did you mean reject_limit?" in ended.err
    assert "no such permission — E102:age is for engine apply; a run can be allowed" in usual.run(GOOD, "--allow", "E102:age").err
