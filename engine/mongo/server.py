"""Which server: the one that MONGODB_URI names, or the embedded one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from engine.errors import UsageError, finding
from engine.mongo import embedded

OTHER_NAMES = ("MONGO_URI", "MONGODB_URL", "MONGO_URL")  # what other programs call it: to load elsewhere without a word would be wrong


@dataclass(frozen=True)
class Address:
    """How to reach a server. `shown` is the address without secrets."""

    uri: str = field(repr=False)
    password: str | None = field(repr=False)
    shown: str


def home() -> Path:
    """The folder for the embedded server's data and for rejects. Raises UsageError where ENGINE_HOME names something else."""
    found = Path(os.environ.get("ENGINE_HOME") or embedded.HOME)
    blocking = next((path for path in (found, *found.parents) if path.exists() and not path.is_dir()), None)
    if blocking:
        hint = "set ENGINE_HOME to a folder that can be written, or unset it to use .engine/ here"
        raise UsageError(finding("engine_home", f"the folder of ENGINE_HOME cannot be used: {blocking} is a file", hint=hint))
    return found


@contextmanager
def server() -> Iterator[Address]:
    """The server to use while the context lasts; an embedded one that this command started is stopped afterwards. Raises TargetError."""
    uri = os.environ.get("MONGODB_URI")
    if uri:
        yield Address(uri, _password(), shown(uri))
        return
    if other := next((name for name in OTHER_NAMES if os.environ.get(name)), ""):
        hint = f"rename it to MONGODB_URI, or unset it to use the embedded MongoDB: env -u {other} engine …"
        raise UsageError(finding("other_variable", f"{other} is set, but the server is named by MONGODB_URI", hint=hint))
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
        raise UsageError(finding("password_file", message, hint=f"check {file}")) from None
    if not password:
        raise UsageError(
            finding("password_file", "the file that MONGODB_PASSWORD_FILE names is empty", hint=f"write the password into {file}")
        )
    return password
