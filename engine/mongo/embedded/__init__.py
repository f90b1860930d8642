"""The embedded MongoDB: the genuine mongod from a wheel, a one-node replica set `engine` on 127.0.0.1, with its data in `.engine/`.

| In the home | What it is |
|---|---|
| `key` | the password, random and readable by the owner only; see `access` |
| `db/` | mongod's data; while mongod runs it holds a lock on `db/mongod.lock`, by which this module knows that it runs |
| `mongod.log`, `mongod.old.log` | the log of this start and of the one before |
| `mongod.json` | `port`, remembered between starts; `pid`, for people; `kept`: started by `up`, so that no lease stops it |
| `lock` | held while something is started or stopped |
| `leases/` | one locked file for each command that uses the server; a killed command's lock is gone with it |

No decision depends on a process id: ids are reused, and an ended process that nobody reaped still has one.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import signal
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from engine.errors import LockedError, TargetError, finding
from engine.mongo.embedded import mongod
from engine.mongo.embedded.access import HOST, Ask, address, administrator, admit, key_file, make_key, read_key

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

HOME = Path(".engine")
PORTS = range(27100, 28100)  # each home has its usual port among these
PATIENCE = 30.0  # seconds for a server to answer, or to stop, before it counts as hung
ELECTION = 60.0  # seconds to become writable: after a change of port mongod waits 30 s for a silent process at the old one
PAUSE = 0.01  # seconds between two looks
WRITABLE = f"set ENGINE_HOME to a folder that can be written, or {mongod.ELSEWHERE}"
PORT_TAKEN = 48  # mongod's exit code for "address already in use"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Server:
    """A running embedded mongod, writable.

    `uri` holds the password; `started`: this very call started it; `guarded`: it asks for the password.
    """

    uri: str = field(repr=False)
    pid: int
    port: int
    started: bool
    guarded: bool = True


def up(home: Path = HOME) -> Server:
    """Start the server, or find the running one; it runs until `down`. Raises TargetError."""
    home = home.resolve()
    with _guard(home):
        server = _ensure(home)
        _write_state(home, port=server.port, pid=server.pid, kept=True)
    return server


def down(home: Path = HOME) -> bool:
    """Stop the server cleanly; False when none runs. Raises LockedError while a command uses it, TargetError where it does not stop."""
    home = home.resolve()
    if not home.exists():
        return False
    with _guard(home):
        server = _settled(home)
        if server and (users := _users(home)):
            message = f"the embedded MongoDB is in use by process {', '.join(users)}"
            raise LockedError(finding("embedded_in_use", message, hint="wait until it ends, or end it first"))
        if server:
            _stop(home, server)
    return server is not None


def status(home: Path = HOME) -> Server | None:
    """The server that runs on this home, if any. Changes nothing and does not wait."""
    return _find(home.resolve())


@contextmanager
def lease(home: Path = HOME) -> Iterator[Server]:
    """A server while the context lasts. The last lease to end stops it, unless `up` started it. Raises TargetError."""
    home = home.resolve()
    with _guard(home):
        held = _take_lease(home)
    try:
        with _guard(home):
            server = _ensure(home)
        yield server
    finally:
        with _guard(home):
            held.release()
            Path(held.lock_file).unlink(missing_ok=True)
            if not _users(home) and not _state(home).get("kept") and (running := _settled(home)):
                _stop(home, running)


# --- finding ------------------------------------------------------------------------------------------------------------------


def _find(home: Path) -> Server | None:
    """Our mongod, if it answers: something holds the data's lock, and what listens on our port says that it serves this data."""
    if not _data_held(home):
        return None
    port = _state(home).get("port", _usual_port(home))
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return None
    with _admin(home, port) as ask:
        options = ask("getCmdLineOpts").get("parsed", {})
        if options.get("storage", {}).get("dbPath") != str(home / "db"):
            return None
        pid = ask("serverStatus").get("pid")
    return Server(address(port, read_key(home)), int(pid), port, started=False, guarded="security" in options) if pid else None


def _settled(home: Path) -> Server | None:
    """`_find`, but patient with a server that is only just starting or stopping: its starter may have been killed."""
    deadline = time.monotonic() + PATIENCE
    while _data_held(home):
        if server := _find(home):
            return server
        if time.monotonic() > deadline:
            held = f"{home / 'db'} is held by a mongod (process {_data_pid(home)})"
            message = f"{held} that does not answer on the expected port, or not with the password in {key_file(home)}"
            raise TargetError(finding("embedded_hung", message, hint="end that process, then try again", file=str(home / "mongod.log")))
        time.sleep(PAUSE)
    return None


def _data_held(home: Path) -> bool:
    """Whether a mongod holds its lock on the data: flock(2), and on Windows a file that nobody else may open.

    No FileLock, which would empty the file: mongod wrote its process id into it.
    """
    try:
        with (home / "db" / "mongod.lock").open("r+b") as file:
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until it is closed
    except FileNotFoundError:
        return False
    except (BlockingIOError, PermissionError):
        return True
    return False


def _data_pid(home: Path) -> str:
    try:
        return (home / "db" / "mongod.lock").read_text().strip() or "unknown"
    except OSError:
        return "unknown"


@contextmanager
def _admin(home: Path, port: int) -> Iterator[Ask]:
    with administrator(port, read_key(home), PATIENCE) as ask:
        yield ask


# --- starting and stopping ------------------------------------------------------------------------------------------------------


def _ensure(home: Path) -> Server:
    server = _settled(home)
    if server and not server.guarded:  # an older engine started it
        _stop(home, server)
        server = None
    server = server or _start(home)
    _elect(home, server.port)
    return server


def _start(home: Path) -> Server:
    make_key(home)
    for _ in range(3):  # between our look at a port and mongod's, another process may take it
        port = _free_port(home)
        _write_state(home, port=port, pid=None, kept=False)
        launched = mongod.launch(home, key_file(home), HOST, port)
        if launched.code == 0 and (server := _settled(home)):
            _write_state(home, port=port, pid=server.pid, kept=False)
            return replace(server, started=True)
        if launched.code != PORT_TAKEN:
            break
    raise TargetError(mongod.explain(home, launched))


def _free_port(home: Path) -> int:
    """The port of the last time, else the home's usual one, else any."""
    usual = _usual_port(home)
    for port in (_state(home).get("port", usual), usual, 0):
        if free := _listenable(port):
            return free
    raise TargetError(finding("embedded_port", f"no port is free on {HOST}", hint=mongod.ELSEWHERE))


def _listenable(port: int) -> int:
    """The port if a server can listen on it (any such port for 0), else 0."""
    try:
        with socket.create_server((HOST, port)) as probe:
            return int(probe.getsockname()[1])
    except OSError:
        return 0


def _usual_port(home: Path) -> int:
    return PORTS[zlib.crc32(str(home).encode()) % len(PORTS)]


def _elect(home: Path, port: int) -> None:
    """Wait until the server is a writable primary, after telling it once who it is; a changed port makes it a stranger to its own set."""
    deadline = time.monotonic() + ELECTION
    with _admin(home, port) as ask:
        while not (reply := ask("hello")).get("isWritablePrimary"):
            if not _data_held(home):
                raise TargetError(mongod.explain(home, mongod.Launch(0)))
            if time.monotonic() > deadline:
                message = f"the embedded MongoDB does not become writable: {reply.get('errmsg', 'no primary')}"
                raise TargetError(finding("embedded_not_writable", message, hint=mongod.ELSEWHERE, file=str(home / "mongod.log")))
            if "setName" not in reply:
                _configure(ask, f"{HOST}:{port}")
            time.sleep(PAUSE)
        admit(ask, read_key(home))


def _configure(ask: Ask, host: str) -> None:
    reply = ask("replSetGetConfig")
    config = reply.get("config")
    if reply.get("codeName") == "NotYetInitialized":
        ask("replSetInitiate", {"_id": mongod.REPLICA_SET, "members": [{"_id": 0, "host": host}]})
    elif config and config["members"][0]["host"] != host:
        config["members"][0]["host"] = host
        ask("replSetReconfig", config, force=True)


def _stop(home: Path, server: Server) -> None:
    with _admin(home, server.port) as ask:
        ask("shutdown", force=True)  # the reply is a closed connection
    if not _released(home):
        log.warning(
            "mongod (process %d) did not stop within %d s; it is killed now, and repairs its data at the next start", server.pid, PATIENCE
        )
        os.kill(server.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        if not _released(home):
            raise TargetError(finding("embedded_hung", f"mongod (process {server.pid}) cannot be stopped", hint="end that process"))
    deadline = time.monotonic() + 2  # mongod lets go of its data a moment before its port, which the next start wants again
    while not _listenable(server.port) and time.monotonic() < deadline:
        time.sleep(PAUSE)
    _write_state(home, port=server.port, pid=None, kept=False)


def _released(home: Path) -> bool:
    deadline = time.monotonic() + PATIENCE
    while _data_held(home):
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE)
    return True


# --- state, locks, leases -------------------------------------------------------------------------------------------------------


def _state(home: Path) -> dict[str, Any]:
    try:
        state = json.loads((home / "mongod.json").read_bytes())
    except (OSError, ValueError):  # absent, or cut off: the usual port and a search take its place
        return {}
    return state if isinstance(state, dict) else {}


def _write_state(home: Path, **state: object) -> None:
    new = home / "mongod.json.new"
    new.write_text(json.dumps(state) + "\n")
    new.replace(home / "mongod.json")


@contextmanager
def _guard(home: Path) -> Iterator[None]:
    """Hold the home, created if absent, exclusively. Any OSError meanwhile becomes a TargetError."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)  # the data may be private
        for name in ("db", "leases"):
            (home / name).mkdir(mode=0o700, exist_ok=True)
        with FileLock(home / "lock", poll_interval=PAUSE):
            yield
    except OSError as error:
        message = f"the embedded MongoDB cannot use its folder: {error.strerror or error}"
        raise TargetError(finding("embedded_folder", message, file=str(error.filename or home), hint=WRITABLE)) from error


def _take_lease(home: Path) -> FileLock:
    held = FileLock(home / "leases" / f"{os.getpid()}-{secrets.token_hex(4)}", thread_local=False)  # any thread may end it
    held.acquire()
    return held


def _users(home: Path) -> list[str]:
    """Process ids of the live leases; removes the dead ones."""
    users = []
    for path in sorted((home / "leases").iterdir()):
        try:
            with FileLock(path, timeout=0):
                path.unlink(missing_ok=True)
        except Timeout:
            users.append(path.name.partition("-")[0])
    return users
