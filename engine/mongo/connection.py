"""A client to the server, and the driver's errors in words that hold no secret and no value."""

from __future__ import annotations

import os
import re
import secrets
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeAlias

import pymongo
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from engine.errors import Finding, TargetError, finding
from engine.mongo.address import Address, wrong_uri
from engine.mongo.causes import Heard, explained, failure
from engine.mongo.codes import DUPLICATE_KEY, OTHER_COLLECTION, UNAUTHORIZED

Client: TypeAlias = MongoClient[Any]
APP_NAME = f"engine {os.getpid()}-{secrets.token_hex(4)}"  # by which the server lists the connections of this process
DISCARD_SECONDS = 1  # for each step of cleaning up
LOOK = 0.3  # seconds between two looks at what keeps us from the primary
WRITE_CONCERN = WriteConcern(w="majority", j=True)  # what is written is on the disks of most members

REBUILD = "engine apply builds the mapping's own indexes anew; one that others made must be dropped or renamed on the server"
CODES = {
    18: ("login_refused", "the server refused the user name or the password", "check the user in MONGODB_URI and the password file"),
    OTHER_COLLECTION: ("collection_missing", "the collection was dropped, or another one has its name", "did another run do it? run again"),
    26: ("collection_missing", "the collection is gone", "did another run remove it? run again"),
    85: ("index_conflict", "an index with these keys exists under another name or with other options", REBUILD),
    86: ("index_conflict", "an index with this name exists with other keys or options", REBUILD),
    171: ("index_refused", "the server cannot index two arrays together", "change the mapping's indexes"),
    334: ("login_refused", "the server does not have this way to log in", "correct authMechanism in MONGODB_URI"),
    8000: ("login_refused", "the server refused the user name or the password", "check the user in MONGODB_URI and the password file"),
}
UNIQUE_INDEX = (
    "index_not_unique",
    "several documents have the same key of a unique index",
    "add dedup: {on: [COLUMNS]} with the columns of that key, or make the index not unique",
)


COMMANDS = {
    "aggregate": "find",
    "collMod": "collMod",
    "collStats": "collStats",
    "count": "find",
    "create": "createCollection",
    "createIndexes": "createIndex",
    "delete": "remove",
    "drop": "dropCollection",
    "dropIndexes": "dropIndex",
    "find": "find",
    "findAndModify": "find, insert and update",
    "insert": "insert",
    "listCollections": "listCollections",
    "listIndexes": "listIndexes",
    "renameCollection": "renameCollectionSameDB and dropCollection",
    "update": "update",
}
"""By the server's command, the action that it needs: for a refusal after all."""
GRANT = "docs/privileges.md lists what each command needs, and how to grant it"


class _Client(MongoClient[Any]):
    """Closes soon: the driver would wait for a server that does not answer, to tell it that sessions are over."""

    def close(self) -> None:
        with pymongo.timeout(DISCARD_SECONDS):
            super().close()


def connect(address: Address, *, retry_writes: bool = True) -> Client:
    """A client that writes with majority and journal, and reads from the primary, whatever the URI says.

    Raises:
        TargetError: no primary is found, or it refuses the login. A cause that waiting does not change is reported at once.
    """
    heard = Heard()
    client = _client(address, heard, retry_writes=retry_writes)
    try:
        with translated():
            _find_primary(client, heard, address)
    except BaseException:
        client.close()
        raise
    return client


def _client(address: Address, heard: Heard, *, retry_writes: bool) -> Client:
    options: dict[str, Any] = {
        "w": "majority",
        "journal": True,
        "read_preference": ReadPreference.PRIMARY,
        "readConcernLevel": None,
        "tz_aware": False,
        "serverSelectionTimeoutMS": round(address.options.seconds * 1000),
        "appname": APP_NAME,
        "event_listeners": [heard],
    }
    options |= {} if retry_writes else {"retryWrites": False}
    options |= {} if address.password is None else {"password": address.password}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say is in the address's notes, without values
        try:
            return _Client(address.uri, **options)
        except (ValueError, TypeError, OSError, ConfigurationError) as error:
            raise TargetError(wrong_uri(error)) from None


def _find_primary(client: Client, heard: Heard, address: Address) -> None:
    """Wait for the primary, and log in. Raises TargetError as soon as each host has a final cause, or when the time is over."""
    seconds = max(address.wait, address.options.seconds)
    deadline = time.monotonic() + seconds
    while not _answers(client, heard, max(0.001, deadline - time.monotonic())):
        named = address.hosts or tuple(client.topology_description.server_descriptions())
        causes = heard.causes(named, client.options.replica_set_name, direct=bool(client.options.direct_connection))
        if time.monotonic() >= deadline or all(cause.final for cause in causes.values()):
            raise TargetError(explained(causes, named, seconds))


def _answers(client: Client, heard: Heard, left: float) -> bool:
    """Whether there is a primary, which lets us in; looks for it briefly. Raises the driver's errors where the login fails."""
    for seconds in (min(LOOK, left), left):  # one that is found, but slow, may take all the time that is left
        try:
            with pymongo.timeout(seconds):
                client.admin.command("ping")
        except ServerSelectionTimeoutError:
            return False
        except PyMongoError as error:
            if not error.timeout:
                raise
        else:
            return heard.writable
    return False


def database_of(client: MongoClient[Any], name: str) -> Database[Any]:
    """A database that the engine writes to, with `WRITE_CONCERN` whatever the client's is."""
    return client.get_database(name, write_concern=WRITE_CONCERN)


def server_time(client: MongoClient[Any]) -> datetime:
    """The server's time, UTC: the only clock that all hosts share. Raises the driver's errors."""
    now: datetime = client.admin.command("hello")["localTime"]
    return now


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into TargetError. Server messages are not repeated: they can hold keys and whole documents."""
    try:
        yield
    except ServerSelectionTimeoutError as error:
        cause = failure(error)
        raise TargetError(finding(cause.code, f"the server is gone: {cause.message}", hint=cause.hint)) from None
    except ConfigurationError as error:
        raise TargetError(wrong_uri(error)) from None
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
