"""Which server: the one that MONGODB_URI names, or the embedded one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from engine.errors import UsageError, finding
from engine.mongo import embedded
from engine.mongo.address import Address, address_of

OTHER_NAMES = ("MONGO_URI", "MONGODB_URL", "MONGO_URL")  # what other programs call it: to load elsewhere without a word would be wrong


def home() -> Path:
    """The folder for the embedded server's data and for rejects. Raises UsageError where ENGINE_HOME names something else."""
    found = Path(os.environ.get("ENGINE_HOME") or embedded.HOME)
    blocking = next((path for path in (found, *found.parents) if path.exists() and not path.is_dir()), None)
    if blocking:
        hint = "set ENGINE_HOME to a folder that can be written, or unset it to use .engine/ here"
        raise UsageError(finding("engine_home", f"the folder of ENGINE_HOME cannot be used: {blocking} is a file", hint=hint))
    return found


@contextmanager
def server(wait: float = 0) -> Iterator[Address]:
    """The server to use while the context lasts; an embedded one that this command started is stopped afterwards. Raises TargetError.

    `wait`: how many seconds to wait for it if it is starting.
    """
    uri = os.environ.get("MONGODB_URI")
    if uri:
        yield replace(address_of(uri, _password()), wait=wait)
        return
    if other := next((name for name in OTHER_NAMES if os.environ.get(name)), ""):
        hint = f"rename it to MONGODB_URI, or unset it to use the embedded MongoDB: env -u {other} engine …"
        raise UsageError(finding("other_variable", f"{other} is set, but the server is named by MONGODB_URI", hint=hint))
    with embedded.lease(home()) as running:
        address = address_of(running.uri)
        yield replace(address, shown=f"{address.shown} (embedded)")


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
