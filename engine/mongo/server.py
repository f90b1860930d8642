"""Which server: the one that MONGODB_URI names, or the embedded one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from engine.errors import UsageError, problem
from engine.mongo import embedded


@dataclass(frozen=True)
class Address:
    """How to reach a server. `shown` is the address without anything secret."""

    uri: str = field(repr=False)
    password: str | None = field(repr=False)
    shown: str


def home() -> Path:
    """The folder for the embedded server's data and for rejects."""
    return Path(os.environ.get("ENGINE_HOME") or embedded.HOME)


@contextmanager
def server() -> Iterator[Address]:
    """The server to use, as long as the context lasts; an embedded one that this command started is stopped after."""
    uri = os.environ.get("MONGODB_URI")
    if uri:
        yield Address(uri, _password(), shown(uri))
        return
    with embedded.lease(home()) as running:
        yield Address(running.uri, None, f"{shown(running.uri)} (embedded)")


def shown(uri: str) -> str:
    """Scheme and hosts of a MongoDB URI, without user, password and options."""
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{urlsplit('//' + rest).netloc.rpartition('@')[2]}" if rest else "MONGODB_URI"


def _password() -> str | None:
    file = os.environ.get("MONGODB_PASSWORD_FILE")
    if not file:
        return None
    try:
        password = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        message = "the file that MONGODB_PASSWORD_FILE names cannot be read"
        raise UsageError(problem("password_file", message, hint=f"check {file}")) from None
    if not password:
        raise UsageError(
            problem("password_file", "the file that MONGODB_PASSWORD_FILE names is empty", hint=f"write the password into {file}")
        )
    return password
