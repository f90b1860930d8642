"""A client to the server, and the driver's errors in words that hold no secret and no value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeAlias

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.write_concern import WriteConcern

from engine.errors import Finding, TargetError, finding
from engine.mongo.codes import DUPLICATE_KEY, UNAUTHORIZED
from engine.mongo.privileges import COMMANDS

Client: TypeAlias = MongoClient[Any]
DISCARD_SECONDS = 1  # for each step of cleaning up
SELECTION_MS = 10_000
WRITE_CONCERN = WriteConcern(w="majority", j=True)  # what is written is on the disks of most members

CODES = {
    18: ("login_refused", "the server refused the user name or the password", "check the user in MONGODB_URI and the password file"),
    26: ("collection_missing", "the collection is gone", "did another run remove it? run again"),
    85: ("index_conflict", "an index with these keys exists under another name or with other options", "change the mapping's indexes"),
    86: ("index_conflict", "an index with this name exists with other keys", "change the mapping's indexes"),
    171: ("index_refused", "the server cannot index two arrays together", "change the mapping's indexes"),
    8000: ("login_refused", "the server refused the user name or the password", "check the user in MONGODB_URI and the password file"),
}
WRONG_URI = (
    (
        "password is required",
        "it names a user without a password",
        "put the password into a file and name that file in MONGODB_PASSWORD_FILE",
    ),
    (
        "requires a password",
        "it names a user without a password",
        "put the password into a file and name that file in MONGODB_PASSWORD_FILE",
    ),
    ("escaped", "the user's name or the password is not percent-encoded", "write @ as %40, : as %3A, / as %2F"),
    ("Port ", "the port is not a number from 1 to 65535", "mongodb://user@host:27017/"),
    ("port number", "mongodb+srv:// takes no port", "remove the port"),
    ("URI scheme", "it does not begin with mongodb:// or mongodb+srv://", "mongodb://user@host:port/"),
    ("database name", "the text after the host is not the name of a database", "is a / in the password? write it as %2F"),
    ("Empty host", "it names no host", "mongodb://user@host:port/"),
    ("valid username", "the user's name before @ is empty", "mongodb://user@host:port/"),
    ("DNS", "DNS does not know the host of mongodb+srv://", "check the host's name and the network"),
    ("directConnection", "directConnection works with one host only", "remove directConnection, or all hosts but one"),
)
"""A part of the driver's message, the cause in words, the remedy. The message itself is never shown: it may hold parts of the password."""
UNIQUE_INDEX = (
    "index_not_unique",
    "several documents have the same key of a unique index",
    "add dedup: {on: [COLUMNS]} with the columns of that key, or make the index not unique",
)


GRANT = "docs/privileges.md lists what each command needs, and how to grant it"


def connect(uri: str, password: str | None = None, *, retry_writes: bool = True) -> MongoClient[Any]:
    """A client that writes with majority and journal. Raises TargetError when the server cannot be reached or refuses the login."""
    options: dict[str, Any] = {
        "w": "majority",
        "journal": True,
        "tz_aware": False,
        "serverSelectionTimeoutMS": SELECTION_MS,
        "appname": "engine",
    }
    if not retry_writes:
        options["retryWrites"] = False
    if password is not None:
        options["password"] = password
    with translated():
        try:
            client: MongoClient[Any] = MongoClient(uri, **options)
        except (ValueError, ConfigurationError) as error:  # InvalidURI is one of the latter
            raise TargetError(_wrong_uri(error)) from None
        try:
            client.admin.command("ping")
        except ServerSelectionTimeoutError:
            raise TargetError(_unreachable(_hosts(client))) from None
        except BaseException:
            client.close()
            raise
    return client


def database_of(client: MongoClient[Any], name: str) -> Database[Any]:
    """A database that the engine writes to, with `WRITE_CONCERN` whatever the client's is."""
    return client.get_database(name, write_concern=WRITE_CONCERN)


def server_time(client: MongoClient[Any]) -> datetime:
    """The server's time, UTC: the only clock that all hosts share. Raises the driver's errors."""
    now: datetime = client.admin.command("hello")["localTime"]
    return now


def _hosts(client: MongoClient[Any]) -> str:
    """The addresses that a client tried without an answer; closes the client. A socket has no port."""
    names = [f"{host}:{port}" if port else host for host, port in client.topology_description.server_descriptions()]
    client.close()
    return ", ".join(names)


def _unreachable(where: str) -> Finding:
    hint = "is the server running? is MONGODB_URI right (host, port, replicaSet, directConnection)?"
    return finding("unreachable", f"no answer from {where} in {SELECTION_MS // 1000} s", hint=hint)


def _wrong_uri(error: Exception) -> Finding:
    """Never the driver's own message: it may repeat a part of the password."""
    usual = ("", "the driver does not accept it", "mongodb://user@host:port/?replicaSet=…; percent-encode special characters in it")
    _, cause, hint = next((row for row in WRONG_URI if row[0] in str(error)), usual)
    return finding("bad_uri", f"MONGODB_URI is not usable: {cause}", hint=hint)


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into TargetError. Server messages are not repeated: they can hold keys and whole documents."""
    try:
        yield
    except ServerSelectionTimeoutError:
        raise TargetError(_unreachable("the server")) from None
    except ConfigurationError as error:
        raise TargetError(_wrong_uri(error)) from None
    except OperationFailure as error:
        raise TargetError(_refused(error)) from None
    except AutoReconnect:
        hint = "run the same command again"
        raise TargetError(finding("connection_lost", "the connection to the server broke", hint=hint)) from None
    except PyMongoError as error:
        raise TargetError(finding("target", f"the driver gave up: {type(error).__name__}", hint="run the same command again")) from None


def _refused(error: OperationFailure) -> Finding:
    if error.code == DUPLICATE_KEY:
        code, message, hint = UNIQUE_INDEX
        keys = ", ".join((error.details or {}).get("keyPattern", {}))
        return finding(code, f"{message}: {keys}" if keys else message, hint=hint)
    if error.code == UNAUTHORIZED:
        return _not_authorized(str((error.details or {}).get("errmsg", "")))
    name = (error.details or {}).get("codeName", "")
    said = f"the server refused with code {error.code} {name}".rstrip()
    code, message, hint = CODES.get(error.code or 0, ("refused", said, "see the server's log"))
    return finding(code, message, hint=hint)


def _not_authorized(said: str) -> Finding:
    """The command and the action that it needs. The server's own message goes on with the whole command, documents included."""
    if "requires authentication" in said:
        hint = "name the user in MONGODB_URI, and in MONGODB_PASSWORD_FILE the file with the password"
        return finding("login_refused", "the server asks for a login, and MONGODB_URI names no user", hint=hint)
    where = re.match(r"not authorized on (\S+) to execute command \{ (\w+): ", said)
    if not where:
        return finding("not_authorized", "the account may not do this", hint=GRANT)
    database, command = where.groups()
    lacks = f": it lacks {COMMANDS[command]}" if command in COMMANDS else ""
    return finding("not_authorized", f"the account may not run {command} in {database}{lacks}", hint=GRANT)
