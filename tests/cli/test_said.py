"""What commands say of runs, sources and servers: tables that fit, causes by name, no secret."""

import io
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from jobs import Jobs, command
from rich.text import Text

from engine.cli import display
from engine.cli.console import print_lines
from engine.cli.table import VERBS
from engine.mongo.records import Accounting, Outcome, RunRecord
from engine.run.report import Report

SEVERAL = """
mapping: several
sources:
  people: {{path: {folder}/people.csv, columns: {{extra: warn}}}}
  towns: {{path: {folder}/{towns}}}
target: {{database: {database}}}
collections:
  good: {{document: people, fields: {{_id: {{column: id, type: int}}, name: name}}}}
  bad: {{document: people, fields: {{_id: {{column: id, type: int}}, age: {{column: age, type: int, minimum: 30}}, town: town.town}},
         lookups: {{town: {{source: towns, on: [id]}}}}, limits: {{rejects: 0}}}}
"""
RUN = "20260101T000000Z-abcdef"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_ledger_knows_time_memory_and_changes(jobs: Jobs) -> None:
    ended = jobs.run([[1, "a", "b", 3]])
    found = jobs.database["_engine_runs"].find_one({"_id": ended.report["run_id"]})
    assert (found["seconds"] > 0, found["peak_memory_mb"] > 0, found["changes"]["inserted"]) == (True, True, 1)
    assert ended.report["changes"] == {"inserted": 1, "updated": 0, "unchanged": 0}


@pytest.mark.parametrize(("width", "least"), [(60, 0), (80, 80), (130, 120), (145, 140), (160, 150), (200, 180)])
def test_runs_fit_the_terminal(width: int, least: int, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.run([[1, "a", "b", 3]])
    run = jobs.database["_engine_runs"].find_one({})
    monkeypatch.setenv("COLUMNS", str(width))
    shown = Terminal()
    display.history([RunRecord.of(run)], shown)
    head, *lines = re.sub(r"\x1b\[[0-9;]*m", "", shown.getvalue()).splitlines()
    assert head.split() == [name for name, (_, needs) in display.HISTORY.items() if needs <= least]
    assert (len(lines), run["_id"] in lines[0], "published" in lines[0]) == (1, True, True)


@pytest.mark.parametrize("width", [40, 60, 100])
def test_lines_are_folded_between_words_on_a_terminal_and_whole_in_a_pipe(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = [
        "short",
        "      needs    the source again: the cells of column 'Room Number' are not in the documents, and only a run has them",
        "some words that are many more than a line of the terminal can hold, so that they go on in the next one, and in another",
        Text("! E701 documents of neither shape: 2 documents that neither mapping accepts, and that others wrote", "red"),
        "name_" * 50,
    ]
    shown, piped = Terminal(), io.StringIO()
    print_lines(lines, shown)
    print_lines(lines, piped)
    assert piped.getvalue().splitlines() == [str(line) for line in lines]
    folded = re.sub(r"\x1b\[[0-9;]*m", "", shown.getvalue()).splitlines()
    assert max(map(len, folded)) <= width
    words = [word for line in lines[:-1] for word in str(line).split()]
    assert " ".join(folded).split()[: len(words)] == words
    assert "".join(" ".join(folded).split()[len(words) :]) == lines[-1]
    starts = [line for line in folded if not line.startswith("  ") or "needs" in line]
    assert [line.split()[0] for line in starts[:-1]] == ["short", "needs", "some", "!"]
    inside = folded[folded.index(starts[1]) + 1 : folded.index(starts[2])]
    assert {len(line) - len(line.lstrip()) for line in inside} <= {starts[1].index("the source")}


def test_piped_tables_end_without_blanks(jobs: Jobs) -> None:
    jobs.write([[1, "a", "b", -3], [2, "a", "b", 3]])
    shown = command("run", "-m", jobs.mapping, "--source", jobs.folder / "in.csv", "--dry-run").out
    assert "Rejected because" in shown
    assert [line for line in shown.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize(("documents", "said"), [(4, True), (10, False)])
def test_a_summary_that_does_not_balance_says_why(documents: int, said: bool) -> None:
    out = io.StringIO()
    display.summary(Report("r", "m", 1, "s", "t", Outcome.INTERRUPTED, Accounting(10, documents)), out)
    assert ("stopped early" in out.getvalue()) is said


def test_verify_knows_our_own_unfinished_run(jobs: Jobs) -> None:
    published = jobs.run([[1, "a", "b", 3]]).report["run_id"]
    jobs.live.insert_one({"_id": 2, "name": "x", "age": 4})
    assert "something else" in command("verify", "-m", jobs.mapping).err
    record = jobs.database["_engine_runs"].find_one({"_id": published})
    later = {"_id": RUN, "mode": "upsert", "outcome": "running", "fence": record["fence"] + 1}
    later |= {name: record[name] for name in ("database", "collection")}
    jobs.database["_engine_runs"].insert_one(later)
    said = command("verify", "-m", jobs.mapping).err
    assert (f"run {RUN} has written to the collection since and was not finished" in said, "something else" in said) == (True, False)


def several(jobs: Jobs, towns: str = "towns.csv") -> Path:
    (jobs.folder / "people.csv").write_text("id,name,age,unread\n1,Ann,30,\n2,Bo,3,\n", encoding="utf-8")
    (jobs.folder / "towns.csv").write_text("id,town\n1,Oslo\n2,Bergen\n", encoding="utf-8")
    file = jobs.folder / "several.yaml"
    file.write_text(SEVERAL.format(folder=jobs.folder, database=jobs.database.name, towns=towns), encoding="utf-8")
    return file


def test_of_several_collections_the_one_that_failed_is_named(jobs: Jobs) -> None:
    ended = command("run", "-m", several(jobs), "--json")
    outcomes = [one["outcome"] for one in ended.report["collections"]]
    assert (ended.code, outcomes) == (3, ["not published", "failed"]), ended.err
    assert "reject_limit bad: 1 of 2 rows" in ended.err
    notes = [note for one in ended.report["collections"] for note in one["notes"] if "no field reads" in note]
    assert notes == ["columns that no field reads: 'unread'"] * 2


def test_a_missing_source_is_named_once(jobs: Jobs) -> None:
    said = command("run", "-m", several(jobs, "none.csv"), "--dry-run").err
    assert "several.yaml:5:1 source_missing bad: source towns: there is no such file: " in said
    assert said.endswith(f"did you mean {jobs.folder}/towns.csv?\n")


@pytest.mark.parametrize(("arguments", "words"), [(["--source", ""], "expected a path"), (["--limit", "x"], "a whole number above 0")])
def test_arguments_are_refused_in_words(arguments: list[str], words: str, jobs: Jobs) -> None:
    ended = command("run", "-m", jobs.mapping, *arguments)
    assert (ended.code, words in ended.err) == (2, True), ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], "there is no verb rnu — did you mean run?"),
        (["frobnicate"], "there is no verb frobnicate — engine --help lists the verbs"),
        (["run", "m.yaml"], "give the mapping with --mapping m.yaml"),
        (["check"], "required: --mapping/-m — engine check --help"),
        ([], "required: VERB — engine --help"),
        (["apply", "-m", "m.yaml", "--allow-mixed"], "engine apply: unrecognized arguments: --allow-mixed — did you mean --allow?"),
        (["plan", "-m", "m.yaml", "--throttle", "3"], "unrecognized arguments: --throttle — --throttle is an option of engine apply"),
        (["apply", "-m", "m.yaml", "--limit=3"], "unrecognized arguments: --limit=3 — --limit is an option of engine run, set-aside"),
        (["verify", "-m", "m.yaml", "n.yaml"], "engine verify: unrecognized arguments: n.yaml — engine verify --help"),
    ],
)
def test_a_slip_of_the_command_line_is_told_with_its_remedy(arguments: list[str], words: str) -> None:
    ended = command(*arguments)
    assert (ended.code, words in ended.err) == (2, True), ended.err


def test_help_is_grouped_and_waits_for_no_library() -> None:
    script = "import sys; from engine import cli; cli.run(['--help'], sys.stdout, sys.stderr); print(LIBRARIES & {*sys.modules})"
    script = script.replace("LIBRARIES", "{'polars', 'rich', 'pymongo', 'yaml'}")
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    groups = {verb.group: verb for verb in VERBS.values()}
    assert [line[:-1] for line in said.splitlines() if line[:-1] in groups] == [*groups]
    assert [line.split()[0] for line in said.splitlines() if line.startswith("  ") and line.split()[0] in VERBS] == [*VERBS]
    assert said.endswith("set()\n")


@pytest.mark.parametrize("name", [*VERBS])
def test_each_verb_has_its_function(name: str) -> None:
    verb = VERBS[name]
    assert callable(getattr(import_module(f"engine.cli.verbs.{verb.module}"), verb.function))


def test_another_name_for_the_variable_of_the_server_is_no_surprise(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGODB_URI")
    monkeypatch.setenv("MONGO_URI", "mongodb://127.0.0.1:1/")
    ended = command("runs", "-m", jobs.mapping)
    assert (ended.code, "MONGO_URI is set, but the server is named by MONGODB_URI" in ended.err) == (2, True), ended.err


def test_a_home_that_is_a_file_is_named(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    (jobs.folder / "file").write_text("")
    monkeypatch.setenv("ENGINE_HOME", str(jobs.folder / "file" / "home"))
    ended = jobs.run([[1, "a", "b", 3]])
    assert (ended.code, f"{jobs.folder / 'file'} is a file — set ENGINE_HOME" in ended.err) == (2, True), ended.err


def test_no_rejects_are_said_to_be_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path))
    assert command("rejects", "list").out == f"there are no rejects files in {tmp_path / 'rejects'}\n"


def test_a_file_without_rows_is_not_too_large(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a,b\n", encoding="utf-8")
    said = command("infer", tmp_path / "in.csv").out
    assert ("there are no rows" in said, "too large" in said) == (True, False)


def test_a_preview_tells_decimals_from_text(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a\n1.50\n", encoding="utf-8")
    mapping = "mapping: m\nsource: {path: x}\ntarget: {database: d, collection: c}\nid: {objectId: random}\n"
    (tmp_path / "m.yaml").write_text(mapping + "fields: {a: {column: a, type: decimal}}\n", encoding="utf-8")
    said = command("preview", "-m", tmp_path / "m.yaml", "--source", tmp_path / "in.csv").out
    assert '"$numberDecimal": "1.50"' in said
