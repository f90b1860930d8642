"""Whether the process that holds a lock is gone for good, so that the lock need not expire. "Unknown" counts as alive.

Two things must be certain. The process has ended: it ran on this kernel and in these namespaces (a host's name is not enough, containers
share it), and its id is free or was given to another process since. And the server has closed its connections: what a killed process sent
before is still carried out, and a connection ends only after all that came over it. A transaction that it left open has no connection: the
server would keep it, and what it has written locked, for `transactionLifetimeLimitSeconds` (a minute), so it is ended.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from engine.errors import EngineError
from engine.mongo.accounts import account
from engine.mongo.connection import APP_NAME

Identity: TypeAlias = dict[str, Any]

PROC = Path("/proc")
BOOT = PROC / "sys/kernel/random/boot_id"
NAMESPACES = ("pid", "time")  # what process ids and start times are relative to
STATE, STARTED = 0, 19  # in proc_pid_stat(5), counted behind the name
OPEN = {"lsid": {"$exists": True}, "transaction": {"$exists": True}}
ENDED = "ZX"  # zombie: its parent has not asked for its exit code; dead


def this_process(client: MongoClient[Any]) -> Identity:
    """What `has_ended` compares, as a part of the lock: empty where the system does not say (anything but Linux)."""
    try:
        spaces = [(PROC / "self/ns" / name).stat().st_ino for name in NAMESPACES]
        boot, started = BOOT.read_text().strip(), _stat(os.getpid())[STARTED]
        who = account(client).name
    except (OSError, EngineError):
        return {}
    return {"app": APP_NAME, "account": who, "boot": boot, "spaces": spaces, "started": started}


def has_ended(pid: int, holder: Identity, mine: Identity) -> bool:
    """Whether the process of that identity has ended; `mine` is this one's."""
    same = bool(mine) and all(holder.get(name) == mine[name] for name in ("account", "boot", "spaces"))
    return same and _ended(pid, str(holder.get("started")))


def _ended(pid: int, started: str) -> bool:
    try:
        os.kill(pid, 0)  # /proc may hide the processes of others; this does not
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    try:
        found = _stat(pid)
        threads = len(list((PROC / str(pid) / "task").iterdir()))
    except OSError:
        return False
    return found[STARTED] != started or (found[STATE] in ENDED and threads == 1)


def is_connected(client: MongoClient[Any], app: str) -> bool:
    """Whether the server has a connection of that process. An account sees its own without a privilege; who cannot look assumes one."""
    look: list[dict[str, Any]] = [{"$currentOp": {"allUsers": False, "idleConnections": True}}, {"$match": {"appName": app}}, {"$limit": 1}]
    try:
        if client.admin.command("hello").get("msg") == "isdbgrid":
            return True  # mongos: what its shards still do is not listed under this name
        return bool(list(client.admin.aggregate(look)))
    except PyMongoError:
        return True


def end_transactions(client: MongoClient[Any], app: str) -> None:
    """End the transactions that a process left open; it must have ended. An account needs no privilege for its own sessions.

    Where the server does not list or end them, they stay until it ends them itself; as long as it lists them, `is_connected` is true.
    """
    look: list[dict[str, Any]] = [{"$currentOp": {"allUsers": False, "idleSessions": True}}, {"$match": {"appName": app} | OPEN}]
    with suppress(PyMongoError):
        sessions = [{"id": found["lsid"]["id"]} for found in client.admin.aggregate(look)]
        if sessions:
            client.admin.command("killSessions", sessions)


def _stat(pid: int) -> list[str]:
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
