"""What may be lost is allowed by code, by subject, and by the number of documents; it holds at the moment of doing too."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jobs import Jobs, command
from pymongo.database import Database

from engine.apply.applying import Applying
from engine.errors import UsageError
from engine.evolution.approvals import Approval, approvals, aside_limit, exactly, narrowest, without_effect
from engine.evolution.losses import Loss

ROWS: list[list[Any]] = [[1, "Ann", "Oslo", 30], [2, "Bo", "Bern", 40], [3, "Cy", "Rome", 50]]
CITY = "  home.city: city\n"


@pytest.mark.parametrize(
    ("text", "subject", "documents", "covered"),
    [
        ("E102", "home.city", 9, True),
        ("E102:home.city", "home.city", 9, True),
        ("E102:home.city", "home.cities", 9, False),
        ("E102:home.city:9", "home.city", 9, True),
        ("E102:home.city:8", "home.city", 9, False),
        ("E102:home.city:9", "home.city", None, False),
        ("E402:index a:b", "index a:b", 0, True),
        ("E402:index a:7", "index a:7", 0, True),
        ("E402:index a:7:0", "index a:7", 0, True),
        ("E102:lines[].sku:2", "lines[].sku", 2, True),
        ("E111:home.city", "home.city", 9, False),
    ],
)
def test_an_approval_covers_its_losses_alone(text: str, subject: str, documents: int | None, covered: bool) -> None:
    loss = Loss("E402" if subject.startswith("index") else "E102", subject, documents, "")
    assert [approval.covers(loss) for approval in approvals([text])] == [covered]


def test_what_is_hinted_is_what_is_allowed() -> None:
    loss = Loss("E402", "index a:b c", 3, "")
    assert narrowest(loss) == "--allow 'E402:index a:b c'"
    assert approvals([exactly(loss)])[0].covers(loss)
    with pytest.raises(UsageError, match="what a run may be allowed is for engine run"):
        approvals(["mixed_shapes"])
    with pytest.raises(UsageError, match="no code E999"):
        approvals(["E999:home.city"])


def test_how_many_may_be_set_aside() -> None:
    assert aside_limit(approvals(["E102", "E401:index due"])) == 0
    assert aside_limit(approvals(["E111:age:5", "E111:size:7"])) == 12
    assert aside_limit(approvals(["E111:age:5", "E701"])) is None
    assert without_effect([Approval("E111", "age:5"), Approval("E102")], [Loss("E111", "age", 9, "")]) == [Approval("E102")]


@pytest.fixture
def jobs(database: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    found = Jobs(database, tmp_path, mode="replace")
    assert found.run(ROWS).code == 0
    return found


def edited(jobs: Jobs, old: str, new: str) -> Path:
    file = jobs.folder / "edited.yaml"
    text = jobs.mapping.read_text(encoding="utf-8").replace("home.city: 1", "age: 1")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    return file


def test_the_narrowest_approval_is_the_hint_and_is_enough(jobs: Jobs) -> None:
    file = edited(jobs, CITY, "")
    ended = command("apply", "-m", file)
    assert (ended.code, "add --allow E102:home.city\n" in ended.err) == (3, True), ended.err
    ended = command("apply", "-m", file, "--allow", "E102:home.town")
    assert (ended.code, "(--allow E102:home.town is about something else)" in ended.err) == (3, True), ended.err
    ended = command("apply", "-m", file, "--allow", "E102:home.city:2")
    assert (ended.code, "(at most 2 allowed)" in ended.err) == (3, True), ended.err
    ended = command("apply", "-m", file, "--allow", "E102:home.city:3", "--allow", "E111:age")
    assert (ended.code, "home" in jobs.documents()[0]) == (0, False), ended.err
    assert "note: --allow E111:age had no effect" in ended.err


def test_values_that_come_after_the_approval_are_not_dropped(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    file, log = edited(jobs, CITY, ""), Applying._log

    def written(work: Applying, step: Any) -> None:
        if step.name == "widen":
            jobs.live.insert_one({"_id": 4, "name": "Di", "home": {"city": "Kyiv"}, "age": 4})
        log(work, step)

    monkeypatch.setattr(Applying, "_log", written)
    ended = command("apply", "-m", file, "--allow", "E102:home.city:3")
    assert (ended.code, "E102 home.city: its values in 4 documents would be dropped (at most 3 allowed)" in ended.err) == (3, True), (
        ended.err
    )
    assert [one["home"]["city"] for one in jobs.documents()] == ["Oslo", "Bern", "Rome", "Kyiv"]
    assert "note: people: finished steps: widen," in ended.err
    ended = command("apply", "-m", file, "--allow", "E102:home.city:4")
    assert (ended.code, "home" in jobs.documents()[3]) == (0, False), ended.err


def test_no_more_documents_are_set_aside_than_was_allowed(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    file, log = edited(jobs, "minimum: 0", "minimum: 40"), Applying._log

    def written(work: Applying, step: Any) -> None:
        if step.name == "widen":
            jobs.live.insert_one({"_id": 4, "name": "Di", "home": {"city": "Kyiv"}, "age": 4})
        log(work, step)

    monkeypatch.setattr(Applying, "_log", written)
    ended = command("apply", "-m", file, "--allow", "E111:age:1")
    assert (ended.code, "violators" in ended.err, len(jobs.documents())) == (3, True, 4), ended.err
    ended = command("apply", "-m", file, "--allow", "E111:age:2", "--json")
    assert (ended.code, ended.report["set_aside"]) == (0, 2), ended.err


def test_no_more_documents_expire_than_was_allowed(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents that became due since the plan was approved stop the apply before their index is built."""
    file, log = edited(jobs, "  by_city", "  old: {keys: {since: 1}, expireAfterSeconds: 86400}\n  by_city"), Applying._log
    text = file.read_text(encoding="utf-8").replace(CITY, f"{CITY}  since: {{column: since, type: date}}\n")
    file.write_text(text, encoding="utf-8")
    (jobs.folder / "since.csv").write_text("id,name,city,age,since\n1,Ann,Oslo,30,2001-01-01\n2,Bo,Bern,40,\n", encoding="utf-8")
    bare = jobs.folder / "bare.yaml"
    bare.write_text(text.replace("  old: {keys: {since: 1}, expireAfterSeconds: 86400}\n", ""), encoding="utf-8")
    loaded = command("run", "-m", bare, "--source", jobs.folder / "since.csv", "--allow", "shrink_limit")
    assert loaded.code == 0, loaded.err

    def written(work: Applying, step: Any) -> None:
        if step.name == "widen":
            jobs.live.insert_one({"_id": 4, "name": "Di", "age": 4, "since": datetime(2002, 2, 2, tzinfo=UTC)})
        log(work, step)

    monkeypatch.setattr(Applying, "_log", written)
    ended = command("apply", "-m", file, "--allow", "E401:index old:1")
    assert (ended.code, "deletes 2 documents that are due now" in ended.err, "(at most 1 allowed)" in ended.err) == (3, True, True), (
        ended.err
    )
    assert "old" not in jobs.live.index_information()
    ended = command("apply", "-m", file, "--allow", "E401:index old:2")
    assert (ended.code, "old" in jobs.live.index_information()) == (0, True), ended.err
