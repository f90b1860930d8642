"""`engine history`: what a mapping's collections went through, and the mapping of any run as the start of a rollback."""

from pathlib import Path

import pytest
from jobs import Jobs, command
from pymongo.database import Database


@pytest.fixture
def jobs(database: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    found = Jobs(database, tmp_path, mode="replace")
    assert found.run([[1, "Canary-1", "Oslo", 30], [2, "Canary-2", "Bern", 40]]).code == 0
    return found


def renamed(jobs: Jobs) -> Path:
    file = jobs.folder / "renamed.yaml"
    text = jobs.mapping.read_text(encoding="utf-8").replace("home.city: city", "home.town: {column: city, was: home.city}")
    file.write_text(text.replace("home.city: 1", "home.town: 1"), encoding="utf-8")
    return file


def ids(jobs: Jobs) -> list[str]:
    return [one["_id"] for one in command("history", "-m", jobs.mapping, "--json").report]


def test_the_newest_is_the_first_with_its_changes_and_reason(jobs: Jobs) -> None:
    assert command("apply", "-m", renamed(jobs), "--reason", "towns, not cities").code == 0
    newest, oldest = ids(jobs)
    said = command("history", "-m", jobs.mapping).out
    assert said.index(newest) < said.index(oldest)
    assert "towns, not cities" in said
    assert f"{newest} E103 home.town: field renamed: home.city → home.town" in said
    assert "2 rewritten" in said
    assert oldest not in command("history", "-m", jobs.mapping, "--rows", "1").out


def test_one_run_is_shown_whole_and_without_values(jobs: Jobs) -> None:
    assert command("apply", "-m", renamed(jobs)).code == 0
    newest, oldest = ids(jobs)
    said = command("history", "show", newest, "-m", jobs.mapping).out
    for part in (f"after     {oldest}", "change    E103 home.town", "rewrite: rewrite documents", "live      2 documents, checksum"):
        assert part in said, said
    assert "Canary" not in said + command("history", "show", newest, "-m", jobs.mapping, "--json").out


def test_the_mappings_of_two_runs_are_compared_as_plan_does(jobs: Jobs) -> None:
    assert command("apply", "-m", renamed(jobs)).code == 0
    newest, oldest = ids(jobs)
    ended = command("history", "diff", oldest, newest, "-m", jobs.mapping)
    assert ended.out.startswith(f"run {oldest} → run {newest}\n"), ended.err
    assert "~ E103 home.town: field renamed: home.city → home.town" in ended.out
    back = command("history", "diff", newest, oldest, "-m", jobs.mapping, "--json").report
    assert ("E103", "home.city") in [(change["code"], change["subject"]) for change in back["changes"]]


def test_the_mapping_of_a_run_is_the_start_of_a_rollback(jobs: Jobs) -> None:
    written, before = jobs.mapping.read_text(encoding="utf-8"), jobs.documents()
    file = jobs.folder / "wider.yaml"
    file.write_text(written.replace("  age:", "  origin: {value: paper}\n  age:"), encoding="utf-8")
    assert command("apply", "-m", file).code == 0
    assert jobs.documents() != before
    text = command("history", "mapping", ids(jobs)[-1], "-m", file).out
    assert text == written
    file.write_text(text, encoding="utf-8")
    ended = command("plan", "-m", file, "--json")
    assert [loss["subject"] for loss in ended.report["losses"]] == ["origin"]
    assert command("apply", "-m", file, "--allow", "E102:origin").code == 0
    assert [list(one.items()) for one in jobs.documents()] == [list(one.items()) for one in before]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["show"], 2, "engine history show takes 1 run"),
        (["diff", "a"], 2, "takes 2 runs"),
        (["list", "a"], 2, "takes 0 runs"),
        (["show", "nobody"], 3, "unknown_run the ledger has no run nobody of people"),
    ],
)
def test_what_is_asked_wrongly_is_told(arguments: list[str], code: int, words: str, jobs: Jobs) -> None:
    ended = command("history", *arguments, "-m", jobs.mapping)
    assert (ended.code, words in ended.err) == (code, True), ended.err
