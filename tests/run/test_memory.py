"""Exhausted memory is a sentence, whoever reports it."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from jobs import Jobs
from polars.exceptions import ComputeError

from engine.run.memory import exhausted

ROOT = Path(__file__).parents[2]
SECRET = "Ann Oslo"
REPORTS = [
    MemoryError(),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    RuntimeError("can't start new thread"),
    ComputeError(f"could not spawn threads: ThreadPoolBuildError {SECRET}"),
]


@pytest.mark.parametrize("error", REPORTS, ids=lambda one: type(one).__name__)
def test_each_report(error: BaseException) -> None:
    found = exhausted(error)
    assert found is not None
    assert found.findings[0].code == "out_of_memory"
    assert SECRET not in str(found)


def test_of_numpy() -> None:
    with pytest.raises(MemoryError) as caught:
        np.ones(1 << 60, dtype=np.uint8)
    assert exhausted(caught.value)


@pytest.mark.parametrize("error", [OSError(errno.EIO, "x"), RuntimeError("x"), ValueError("thread"), KeyboardInterrupt()])
def test_no_other_error(error: BaseException) -> None:
    assert exhausted(error) is None


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v")
def test_a_limit_that_no_run_could_keep(jobs: Jobs) -> None:
    arguments = ["run", "-m", str(jobs.mapping), "--source", str(jobs.write([[1, "a", "b", 3]])), "--dry-run"]
    command = ["bash", "-c", 'ulimit -v 900000; exec "$@"', "bash", sys.executable, "-m", "engine", *arguments]
    ended = subprocess.run(command, cwd=ROOT, env=os.environ.copy(), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("out_of_memory the limit on virtual memory is 878 MB, and the engine needs 1,500 MB of addresses")


def test_a_run_that_runs_out_of_threads(jobs: Jobs) -> None:
    """As a limit on processes does it, which does not bind root."""
    code = (
        "import threading, engine.run.loading as loading\n"
        'def full(*_, **__): raise RuntimeError("can\'t start new thread")\n'
        "loading.ThreadPoolExecutor = full\n"
        "from engine.cli import main; main()"
    )
    arguments = ["run", "-m", str(jobs.mapping), "--source", str(jobs.write([[1, "a", "b", 3]])), "--json"]
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, env=os.environ.copy(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, "another thread" in ended.stderr, '"code": "out_of_memory"' in ended.stdout) == (1, True, True), ended.stderr
    assert jobs.database["_engine_runs"].find_one()["outcome"] == "failed"
