"""Standard output and error that are closed, full or left by their reader never decide how a run ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from jobs import Jobs
from pymongo.database import Database

ROOT = Path(__file__).parents[2]
ROWS = [[number, "Ann", "Oslo", 30] for number in range(50)]
BROKEN = {
    "full output": (">/dev/full", 1),
    "full output, JSON": ("--json >/dev/full", 1),
    "closed output": (">&-", 1),
    "full errors": ("2>/dev/full", 0),
    "closed errors": ("2>&-", 0),
    "all closed": ("<&- >&- 2>&-", 1),
    "all full": (">/dev/full 2>&1", 1),
    "reader of output gone": ("--json | true", 0),
    "reader of both leaves": ("2>&1 | head -1", 0),
}


def shell(*arguments: object, redirected: str) -> subprocess.CompletedProcess[str]:
    line = f'"$@" {redirected}; exit ${{PIPESTATUS[0]}}'
    command = ["bash", "-c", line, "bash", sys.executable, "-m", "engine", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=os.environ.copy(), capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("redirected", "code"), BROKEN.values(), ids=BROKEN)
def test_the_run_is_published(jobs: Jobs, redirected: str, code: int) -> None:
    ended = shell("run", "-m", jobs.mapping, "--source", jobs.write(ROWS), redirected=redirected)
    assert ended.returncode == code, ended.stderr
    assert outcomes(jobs.database) == ["published"]
    assert jobs.live.count_documents({}) == len(ROWS)
    if code and "2>" not in redirected:
        assert "output_lost standard output could not be written" in ended.stderr
        assert "are live" in ended.stderr


def outcomes(database: Database) -> list[str]:
    return [record["outcome"] for record in database["_engine_runs"].find()]


def test_of_a_failed_run_the_code_stays(jobs: Jobs) -> None:
    jobs.limits = "rejects: 0"
    ended = shell("run", "-m", jobs.mapping, "--source", jobs.write([[1, "Ann", "Oslo", -1]]), "--json", redirected=">/dev/full")
    assert ended.returncode == 3
    assert "reject_limit" in ended.stderr
    assert "output_lost" in ended.stderr
    assert "are live" not in ended.stderr
    assert outcomes(jobs.database) == ["failed"]


@pytest.mark.parametrize("verb", ["check", "runs", "verify", "plan", "apply"])
def test_every_verb_says_that_its_output_is_lost(jobs: Jobs, verb: str) -> None:
    jobs.run(ROWS)
    ended = shell(verb, "-m", jobs.mapping, redirected=">/dev/full")
    assert (ended.returncode, "output_lost" in ended.stderr) == (1, True), ended.stderr


def test_help_too() -> None:
    assert shell("--help", redirected=">/dev/full").returncode == 1


def test_characters_that_the_terminal_lacks(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    ended = shell("run", "-m", jobs.mapping, "--source", jobs.write(ROWS), redirected="")
    assert (ended.returncode, "\\u2192" in ended.stdout) == (0, True), ended.stderr
