"""After Ctrl-C a command says what it had done, whichever verb it is and wherever it was."""

from typing import Any

import pytest
from jobs import Jobs, command

from engine.apply import task
from engine.apply.pacing import Pace
from engine.cli.deeds import Deeds
from engine.cli.table import NOTHING, VERBS
from engine.cli.verbs import adoption, evolution
from engine.mongo.privileges import TASKS

WRITES = {"insert", "update", "remove", "createCollection", "createIndex", "dropCollection", "collMod"}
ROWS = [[1, "Ann", "Rome", 40], [2, "Bo", "Oslo", 50]]


@pytest.mark.parametrize("verb", sorted({row.command.split()[0] for row in TASKS if WRITES & set(" ".join(row.needs.values()).split())}))
def test_no_verb_that_writes_claims_to_have_written_nothing(verb: str) -> None:
    assert VERBS[verb].interrupted != NOTHING


def test_whoever_writes_is_asked() -> None:
    deeds, done = Deeds("nothing was written"), []
    assert [*deeds.lines] == ["interrupted: nothing was written"]
    deeds.ask(lambda: [f"done: {one}" for one in done])
    done += ["a", "b"]
    assert [*deeds.lines] == ["interrupted: done: a", "interrupted: done: b"]


def _stop(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


def test_apply_that_was_done_says_so_when_its_report_is_interrupted(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    assert jobs.run(ROWS).code == 0
    jobs.rest = "  by_age: {keys: {age: 1}}"
    monkeypatch.setattr(evolution, "show_applied", _stop)
    ended = command("apply", "-m", jobs.mapping)
    assert ended.code == 130
    assert "all of it was done, and is recorded" in ended.err


def test_apply_that_had_not_begun_says_so(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    assert jobs.run(ROWS).code == 0
    monkeypatch.setattr(task, "inspect_and_plan", _stop)
    assert "nothing was written; run the same command again" in command("apply", "-m", jobs.mapping).err


TEXT = """
mapping: stays
source: {{path: in.csv}}
target: {{database: {database}, collection: stays}}
fields:
  _id: {{column: id, type: int}}
  {ward}: {{column: ward{more}}}
limits: {{rejects: 100%}}
"""


@pytest.mark.parametrize("room", [None, 1])
def test_apply_interrupted_amid_a_rewrite_says_how_many_documents_it_rewrote_and_set_aside(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, room: int | None
) -> None:
    """Also those that the server rewrote in an update before it refused one."""
    source, mapping = jobs.folder / "in.csv", jobs.folder / "stays.yaml"
    source.write_text("id,ward\n1,Oak\n2,Oak\n3,Oak\n4,Ash\n5,Oak\n6,Oak\n", encoding="utf-8")
    mapping.write_text(TEXT.format(database=jobs.database.name, ward="ward", more=""), encoding="utf-8")
    assert command("run", "-m", mapping, "--source", source).code == 0
    mapping.write_text(TEXT.format(database=jobs.database.name, ward="unit", more=", was: ward, enum: [Oak]"), encoding="utf-8")
    after, batches = Pace.after, []

    def stopping(pace: Pace, *arguments: Any) -> None:
        batches.append(arguments)
        if len(batches) == room:
            raise KeyboardInterrupt
        after(pace, *arguments)

    monkeypatch.setattr(Pace, "after", stopping)
    monkeypatch.setattr(Pace, "batch", 4)
    ended = command("apply", "-m", mapping, "--allow", "E111", "--json")
    record = jobs.database["_engine_runs"].find_one({"kind": "apply"})
    if room is None:
        assert (ended.report["rewritten"], ended.report["set_aside"]) == (5, 1)
        return
    assert ended.code == 130
    assert "interrupted: stays: finished steps: widen; at least 3 documents rewritten, 1 set aside; run `engine apply` again" in ended.err
    assert (record["outcome"], record["rewritten"], record["set_aside"]) == ("interrupted", 3, 1)
    assert jobs.database["stays"].count_documents({"unit": {"$exists": True}}) == 3


def test_a_run_interrupted_at_its_report_says_what_is_live(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.cli.verbs.loading.summary", _stop)
    ended = command("run", "-m", jobs.mapping, "--source", jobs.write(ROWS))
    assert (ended.code, "all documents were live already" in ended.err) == (130, True), ended.err


def test_adopt_says_what_it_adopted(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.live.insert_one({"_id": 1})
    monkeypatch.setattr(adoption.AdoptTask, "carry_out", _stop)
    assert "interrupted: adopted by then: none" in command("adopt", "-m", jobs.mapping, "--allow", "existing_documents").err
