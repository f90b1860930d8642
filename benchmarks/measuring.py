"""One process measured as a whole: wall clock, CPU of the client and of mongod apart, peak memory. Linux only (wait4 and /proc)."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """One process. Seconds, CPU seconds, peak resident MiB, the JSON it printed (or nothing), and why it failed (or "")."""

    wall: float
    client_cpu: float
    server_cpu: float
    peak_mb: float
    said: dict[str, Any] = field(default_factory=dict)
    failure: str = ""
    documents: int = 0


def measure(argv: Sequence[str], server_pid: int, environment: dict[str, str]) -> Sample:
    """Run a command to its end. A failure is part of the sample; an interruption kills the command and its children.

    Linux hands a process's peak memory on through `exec`, so no figure can be below this process's own peak: it stays small for that.
    """
    before = server_seconds(server_pid)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env={**os.environ, **environment}, start_new_session=True
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        wall = time.perf_counter() - started
        used = server_seconds(server_pid) - before
        failure = f"exit code {process.returncode}: {' '.join(_text(err)[-300:].split())}" if process.returncode else ""
        return Sample(wall, usage.ru_utime + usage.ru_stime, used, usage.ru_maxrss / 1024, _json(_text(out)), failure)


def server_seconds(pid: int) -> float:
    """CPU seconds that a process has used so far: utime and stime of /proc/PID/stat (proc(5)); its name may hold blanks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def machine() -> str:
    """Cores, processor, memory, kernel."""
    cpu = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    kib = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return f"{os.cpu_count()} cores ({cpu}), {kib / 2**20:.1f} GiB of memory, {platform.system()} {platform.release()}"


def load_average() -> float:
    """Processes that wanted a core in the last minute; well above 0 before a run means that the machine was not ours alone."""
    return os.getloadavg()[0]


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _text(file: Any) -> str:
    file.seek(0)
    return bytes(file.read()).decode(errors="replace")


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:  # mongoimport and the peers print no JSON
        return {}
    return found if isinstance(found, dict) else {}
