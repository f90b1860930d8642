"""A unique index that cannot be built: which of the two causes it is, how many documents it is about, and the remedy that fits."""

import pytest
from jobs import Ended, Jobs

ANN, BOB, CAT = [1, "Ann", "Oslo", 30], [2, "Bob", "Rome", 40], [3, "Cat", "Bern", 50]
UNIQUE = "  one: {keys: {name: 1}, unique: true}"


def message(ended: Ended, jobs: Jobs) -> str:
    assert ended.code == 4, ended.err
    (found,) = ended.report["errors"]
    assert (found["code"], found["file"], found["path"]) == ("index_not_unique", str(jobs.folder / "people.yaml"), "indexes.one")
    assert "one:" in (jobs.folder / "people.yaml").read_text(encoding="utf-8").splitlines()[found["line"] - 1]
    return f"{found['message']} | {found['hint']}"


def test_documents_without_the_field_are_not_called_duplicates(jobs: Jobs) -> None:
    """Case unique-index-and-missing-values."""
    jobs.mode, jobs.rest = "replace", UNIQUE
    said = message(jobs.run([ANN, [2, "", "Rome", 1], [3, "", "Rome", 2], [4, "", "Oslo", 3]]), jobs)
    assert "3 documents without name count as having the same key" in said
    assert "sparse: true, or partialFilterExpression: {name: {$exists: true}}" in said
    assert "dedup" not in said


@pytest.mark.parametrize("option", ["sparse: true", "partialFilterExpression: {name: {$exists: true}}"])
def test_the_remedy_works(jobs: Jobs, option: str) -> None:
    jobs.mode, jobs.rest = "replace", UNIQUE.replace("}", "}, " + option, 1).replace(", unique", ", unique")
    ended = jobs.run([ANN, [2, "", "Rome", 1], [3, "", "Rome", 2]])
    assert ended.code == 0, ended.err


def test_nulls_need_another_remedy(jobs: Jobs) -> None:
    jobs.mode, jobs.rest = "replace", f"{UNIQUE}\ndefaults: {{empty: 'null'}}"
    said = message(jobs.run([ANN, [2, "", "Rome", 1], [3, "", "Rome", 2]]), jobs)
    assert "2 documents without name (2 hold null there) count as having the same key" in said
    assert "to index only documents that have it: partialFilterExpression: {name: {$type: string}}; or" in said
    jobs.rest = f"{UNIQUE[:-1]}, partialFilterExpression: {{name: {{$type: string}}}}}}\ndefaults: {{empty: 'null'}}"
    assert jobs.run([ANN, [2, "", "Rome", 1], [3, "", "Rome", 2]]).code == 0


def test_real_duplicates_are_counted(jobs: Jobs) -> None:
    jobs.mode, jobs.rest = "replace", UNIQUE
    said = message(jobs.run([ANN, [2, "Ann", "x", 1], [3, "Bob", "x", 1], [4, "Bob", "x", 1], [5, "Bob", "x", 1]]), jobs)
    assert "5 documents share 2 keys of name | add dedup: {on: [COLUMNS]}" in said
    assert "sparse" not in said


def test_both_causes_are_told_apart(jobs: Jobs) -> None:
    jobs.mode, jobs.rest = "replace", "  one: {keys: {name: 1, home.city: 1}, unique: true}"
    said = message(jobs.run([ANN, [2, "Ann", "Oslo", 1], [3, "Bob", "", 1], [4, "Bob", "", 1], [5, "", "", 1]]), jobs)
    assert "2 documents share 1 key of name, home.city; 2 documents without a part of name, home.city count as having the same key" in said
    assert "partialFilterExpression: {name: {$exists: true}, home.city: {$exists: true}}" in said


@pytest.mark.parametrize("mode", ["upsert", "append", "sync"])
def test_a_new_unique_index_is_tried_before_documents_are_written(jobs: Jobs, mode: str) -> None:
    jobs.mode = mode
    jobs.run([ANN, [2, "Ann", "Rome", 1]])
    jobs.rest = UNIQUE
    assert "2 documents share 1 key of name" in message(jobs.run([ANN, BOB, CAT]), jobs)
    assert sorted(one["name"] for one in jobs.documents()) == ["Ann", "Ann"]
