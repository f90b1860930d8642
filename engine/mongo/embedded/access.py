"""Who may use the embedded server: whoever can read the file `key` in its home, which only its owner can.

mongod takes the key as its `keyFile`, which turns authentication on. The key is thereby also the password of `__system`, mongod's own user,
as which this module asks (MongoDB manual, "Internal/Membership Authentication"); it is the password of the user `engine`, too, whose name
and password are in the address. The key is not in the data: with a copy of the data, or after the loss of the file, a new key is as good.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

HOST = "127.0.0.1"
USER = "engine"

Ask = Callable[..., dict[str, Any]]


def key_file(home: Path) -> Path:
    """Where the key is."""
    return home / "key"


def read_key(home: Path) -> str:
    """The key; empty where there is none."""
    try:
        return key_file(home).read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def make_key(home: Path) -> None:
    """Make the key if there is none, and see to it that nobody else can read it."""
    if not read_key(home):
        key_file(home).unlink(missing_ok=True)
        descriptor = os.open(key_file(home), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
    key_file(home).chmod(0o600)


def address(port: int, key: str) -> str:
    """The address with name and password, as any client of MongoDB takes it."""
    return f"mongodb://{USER}:{key}@{HOST}:{port}/?directConnection=true"


@contextmanager
def administrator(port: int, key: str, patience: float) -> Iterator[Ask]:
    """A function that sends one admin command and returns the reply; a server that is gone or refuses gives `{"ok": 0, …}`.

    Without a key it asks as nobody, as a server without authentication allows. `patience`: seconds for a reply.
    """
    options: dict[str, Any] = {"serverSelectionTimeoutMS": min(2, patience) * 1000, "socketTimeoutMS": patience * 1000}
    if key:
        options |= {"username": "__system", "password": key, "authSource": "local", "authMechanism": "SCRAM-SHA-256"}
    with MongoClient[dict[str, Any]](HOST, port, directConnection=True, **options) as client:

        def ask(command: str, value: object = 1, **options: Any) -> dict[str, Any]:
            try:
                return client.admin.command(command, value, check=False, **options)
            except PyMongoError as error:
                return {"ok": 0, "errmsg": type(error).__name__}

        yield ask


def admit(ask: Ask, key: str) -> None:
    """Let the user of the address in with this key; needs a writable server, and changes it only where the key is new to it."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    users = ask("usersInfo", {"user": USER, "db": "admin"}, showCustomData=True).get("users", [])
    if not users or users[0].get("customData", {}).get("key") != digest:
        ask("updateUser" if users else "createUser", USER, pwd=key, roles=["root"], customData={"key": digest})
