"""Who does something to a collection, and with what: for the record of every run, apply and adoption in the ledger."""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from engine.errors import EngineError
from engine.mongo.accounts import account
from engine.mongo.records import Actor

GIT_SECONDS = 2.0
ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)\S*@\S*", re.IGNORECASE)  # what is before @ may be a password, with any character
QUERY = re.compile(r"(?P<address>[a-z][a-z0-9+.-]*://[^\s?]*)\?\S*", re.IGNORECASE)  # signed addresses hold their signature there
OBJECT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def actor(client: MongoClient[Any], mapping: Path, reason: str) -> Actor:
    """This process, the account that it has on the server, the commit of the mapping file, and why the user does it."""
    name = ""
    with suppress(EngineError):  # a server that does not tell
        name = account(client).name
    commit, uncommitted = commit_of(mapping)
    command = command_line(sys.argv[1:])
    return Actor(_user(), name, socket.gethostname(), os.getpid(), command, commit, uncommitted, without_secrets(reason))


def command_line(arguments: Iterable[str]) -> tuple[str, ...]:
    """The command as it was typed, without what may be a secret. Variables of the environment are not part of it."""
    return ("engine", *map(without_secrets, arguments))


def without_secrets(text: str) -> str:
    """The text without the user, password and query of addresses."""
    return QUERY.sub(r"\g<address>?…", ADDRESS.sub(r"\g<scheme>…", text))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def commit_of(file: Path) -> tuple[str, bool]:
    """The commit that is checked out where a file lies, and whether the file differs from it; `("", False)` outside a repository.

    `git rev-parse` runs no hook, filter or monitor of the repository; the file is compared here, by its object id.
    """
    git = shutil.which("git")
    if not git:
        return "", False
    path = Path(os.path.realpath(file))
    settings = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # a hook's own name another repository
    try:
        found = subprocess.run(  # noqa: S603 -- no shell; the file's name is one argument
            [git, "-C", str(path.parent), "rev-parse", "HEAD", f"HEAD:./{path.name}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
            env=settings | {"GIT_OPTIONAL_LOCKS": "0"},
        )
        content = path.read_bytes()
    except (OSError, subprocess.SubprocessError):
        return "", False
    commit, blob, *_ = [*found.stdout.decode("ascii", "replace").split("\n"), "", ""]
    return (commit, not _is_blob(content, blob)) if OBJECT_ID.fullmatch(commit) else ("", False)


def _is_blob(content: bytes, blob: str) -> bool:
    """Whether a file is what was committed, perhaps with other line ends (gitformat: "blob", a blank, the length, NUL, content)."""
    make = hashlib.sha256 if len(blob) > len("0" * 40) else hashlib.sha1
    forms = (content, content.replace(b"\r\n", b"\n"))
    return any(make(b"blob %d\0" % len(form) + form).hexdigest() == blob for form in forms)
