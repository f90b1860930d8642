"""Signals: each of them cleans up, one that was ignored at the start stays so, a second one does not break off the cleaning up."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jobs import Jobs

from engine.run import process

ROOT = Path(__file__).parents[2]
ROWS = [[row, "x" * 200, "y", 1] for row in range(60_000)]


def start(jobs: Jobs, *before: str) -> subprocess.Popen[str]:
    jobs.mode = "replace"
    command = [*before, sys.executable, "-m", "engine", "run", "-m", str(jobs.mapping), "--source", str(jobs.write(ROWS))]
    started = subprocess.Popen(command, cwd=ROOT, env=os.environ.copy(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not any("staging" in name for name in jobs.database.list_collection_names()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return started


def test_hanging_up_twice_cleans_up(jobs: Jobs) -> None:
    """As a shell does it: the system has sent the signal to everybody already."""
    running = start(jobs)
    running.send_signal(signal.SIGHUP)
    running.send_signal(signal.SIGHUP)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, "run the same command again" in err, "Traceback" in err) == (130, True, False), err
    assert [name for name in jobs.database.list_collection_names() if "staging" in name] == []
    assert jobs.database["_engine_runs"].find_one()["outcome"] == "interrupted"
    assert jobs.database["_engine_locks"].find_one()["run"] is None


def test_nohup(jobs: Jobs) -> None:
    running = start(jobs, "nohup")
    running.send_signal(signal.SIGHUP)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert jobs.live.count_documents({}) == len(ROWS)


STUCK = """
from engine.run import process
process.LAST_SECONDS, process.REPEATED_SECONDS = {seconds}
process.stop_on_signals()
import ctypes
library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
library.pthread_mutex_lock(mutex)
print("ready", flush=True)
library.pthread_mutex_lock(mutex)
"""


@pytest.mark.parametrize(("seconds", "signals"), [((0.1, 60), 1), ((60, 0.1), 2)], ids=["one", "two"])
def test_a_command_that_is_stuck_in_a_library_ends(seconds: tuple[float, float], signals: int) -> None:
    """Handlers in Python run only between two of its instructions, and a library that waits for itself never comes to the next."""
    stuck = subprocess.Popen(
        [sys.executable, "-c", STUCK.format(seconds=seconds)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert stuck.stdout
    assert stuck.stdout.readline() == "ready\n"
    time.sleep(0.5)  # from its print to the lock
    for number in (signal.SIGTERM, signal.SIGHUP)[:signals]:
        stuck.send_signal(number)
    _, err = stuck.communicate(timeout=50)
    assert (stuck.returncode, err) == (130, process.UNFINISHED.decode())
