"""The MongoDB sink of `mode: replace`: a staging collection with validator, then indexes, verification, and one atomic rename."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from typing import Any

import polars as pl
import pymongo
from pymongo import IndexModel, MongoClient
from pymongo.collection import Collection
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.write_concern import WriteConcern

from engine.bson import id_element, slices
from engine.checksum import Content
from engine.errors import Finding, TargetError, problem
from engine.keys import Seen, digests
from engine.model import Index, Target
from engine.sinks import Refusal
from engine.sinks.inserts import DUPLICATE_KEY, insert
from engine.sinks.retries import persist
from engine.sinks.state import read
from engine.sinks.unique import check_unique

BATCH_BYTES = 8 << 20
BATCH_DOCUMENTS = 20_000
DISCARD_SECONDS = 1  # for each step of cleaning up
SELECTION_MS = 10_000
RUN_ID = "[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}"  # as runs are named: nobody else's collection ends like this

CODES = {
    13: ("not_authorized", "the account may not do this", "grant it the privileges of the loader account (docs/docker.md)"),
    18: ("login_refused", "the server refused the user name or the password", "check the user in MONGODB_URI and the password file"),
    26: ("collection_missing", "the collection is gone", "did another run remove it? run again"),
    85: ("index_conflict", "an index with these keys exists under another name or with other options", "change the mapping's indexes"),
    86: ("index_conflict", "an index with this name exists with other keys", "change the mapping's indexes"),
    171: ("index_refused", "the server cannot index two arrays together", "change the mapping's indexes"),
    8000: ("login_refused", "the server refused the user name or the password", "check the user in MONGODB_URI and the password file"),
}
WRONG_URI = (
    ("password is required", "it names a user without a password", "put the password into a file and name that in MONGODB_PASSWORD_FILE"),
    ("requires a password", "it names a user without a password", "put the password into a file and name that in MONGODB_PASSWORD_FILE"),
    ("escaped", "the user's name or the password is not percent-encoded", "write @ as %40, : as %3A, / as %2F"),
    ("Port ", "the port is not a number from 1 to 65535", "mongodb://user@host:27017/"),
    ("port number", "mongodb+srv:// goes without a port", "remove the port"),
    ("URI scheme", "it does not begin with mongodb:// or mongodb+srv://", "mongodb://user@host:port/"),
    ("database name", "what follows the host is no name of a database", "is a / in the password? write it as %2F"),
    ("Empty host", "it names no host", "mongodb://user@host:port/"),
    ("valid username", "the user's name before @ is empty", "mongodb://user@host:port/"),
    ("DNS", "the name service does not know the host of mongodb+srv://", "check the host's name and the network"),
    ("directConnection", "directConnection is for one host", "remove directConnection, or all hosts but one"),
)
"""What the driver's message holds, the cause in words, what to do. The message itself may hold parts of the password."""
UNIQUE_INDEX = (
    "index_not_unique",
    "documents share a key that a unique index forbids",
    "deduplicate on that key, or make the index not unique",
)


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


def _hosts(client: MongoClient[Any]) -> str:
    """Where a client that found nobody looked, which it closes; a socket has no port."""
    names = [f"{host}:{port}" if port else host for host, port in client.topology_description.server_descriptions()]
    client.close()
    return ", ".join(names)


def _unreachable(where: str) -> Finding:
    hint = "is it running? is MONGODB_URI right (host, port, replicaSet, directConnection)?"
    return problem("unreachable", f"no answer from {where} in {SELECTION_MS // 1000} s", hint=hint)


def _wrong_uri(error: Exception) -> Finding:
    """Never what the driver says: it may repeat a part of the password."""
    usual = ("", "the driver does not accept it", "mongodb://user@host:port/?replicaSet=…; special characters in it are percent-encoded")
    _, cause, hint = next((row for row in WRONG_URI if row[0] in str(error)), usual)
    return problem("bad_uri", f"MONGODB_URI is not usable: {cause}", hint=hint)


@contextmanager
def translated() -> Iterator[None]:
    """The driver's errors as TargetError. Server messages are not repeated: they can hold keys and whole documents."""
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
        raise TargetError(problem("connection_lost", "the connection to the server broke", hint=hint)) from None
    except PyMongoError as error:
        raise TargetError(problem("target", f"the driver gave up: {type(error).__name__}", hint="run the same command again")) from None


def _refused(error: OperationFailure) -> Finding:
    if error.code == DUPLICATE_KEY:
        code, message, hint = UNIQUE_INDEX
        keys = ", ".join((error.details or {}).get("keyPattern", {}))
        return problem(code, f"{message}: {keys}" if keys else message, hint=hint)
    name = (error.details or {}).get("codeName", "")
    code, message, hint = CODES.get(error.code or 0, ("refused", f"the server refused with code {error.code} {name}".rstrip(), ""))
    return problem(code, message, hint=hint)


class Replacement:
    """A collection in the making. It becomes the target in `publish`, or nothing in `discard`.

    `hold` renews the lock on the target, and raises where it is lost.
    """

    in_place = False

    def __init__(
        self,
        client: MongoClient[Any],
        target: Target,
        options: dict[str, Any],
        run_id: str,
        hold: Callable[[], None] = lambda: None,
        *,
        ids_may_repeat: bool = True,
    ) -> None:
        self._target, self._options, self._hold = target, options, hold
        self._database = client.get_database(target.database, write_concern=WriteConcern(w="majority", j=True))
        self._staging: Collection[Any] = self._database[staging_name(target.collection, run_id)]
        self._ids = Seen() if ids_may_repeat else None
        self._stop = Event()
        self._identity: Any = None
        self._content = Content()
        self.changes: Counter[str] = Counter()

    def replaced(self) -> int:
        """How many documents are live."""
        with translated():
            return int(persist(lambda _: self._database[self._target.collection].estimated_document_count(), self._stop))

    def open(self) -> None:
        """Create the staging collection with its validator, before any document goes in."""
        with translated():
            self._database.create_collection(self._staging.name, check_exists=False, **self._options)
            self._identity = self._uuid(self._staging.name)

    def claim(self, documents: pl.Series) -> pl.Series:
        """Of documents with the same `_id` the first one: the index on `_id` would keep the one that happens to arrive first."""
        return firsts(self._ids, documents)

    def write(self, documents: pl.Series) -> list[Refusal]:
        """Insert BSON documents; returns those that the validator or a unique index refused."""
        refusals: list[Refusal] = []
        start = 0
        with translated():
            for part in slices(documents, BATCH_BYTES, BATCH_DOCUMENTS):
                refusals += [replace(one, index=start + one.index) for one in insert(self._staging, part, self._stop)]
                start += len(part)
        return refusals

    def build(self, indexes: tuple[Index, ...]) -> None:
        """Build all indexes in one command."""
        if indexes:
            models = [IndexModel(list(one.keys), name=one.name, **one.options) for one in indexes]
            with translated():
                persist(lambda _: check_unique(self._staging, indexes), self._stop)
                persist(lambda _: self._staging.create_indexes(models), self._stop)

    def read_back(self) -> Content:
        """Count and checksum of what the server holds."""
        with translated():
            self._content = persist(lambda _: read(self._staging, self._stop), self._stop)
        return self._content

    def publish(self) -> Content:
        """Rename over the live collection: readers see the old one or the new one, never a mixture.

        The lock is renewed right before. Whoever takes it over removes the staging collection first, so a run that was stopped in between
        and wakes up later has nothing left to rename.
        """
        self._hold()
        with translated():
            persist(self._rename, self._stop)
        return self._content

    def _rename(self, attempt: int) -> None:
        """An earlier attempt may have been carried out without an answer: then the live collection is the one that was staging."""
        if attempt and self._identity and self._uuid(self._target.collection) == self._identity:
            return
        self._staging.rename(self._target.collection, dropTarget=True)

    def _uuid(self, name: str) -> Any:
        found = next(iter(self._database.list_collections(filter={"name": name})), {})
        return found.get("info", {}).get("uuid")

    def stop(self) -> None:
        """End waiting for a server that is away."""
        self._stop.set()

    def discard(self) -> None:
        """Drop the staging collection; waits a second at most for a server that may be gone."""
        with translated(), pymongo.timeout(DISCARD_SECONDS):
            self._staging.drop()


def firsts(ids: Seen | None, documents: pl.Series) -> pl.Series:
    """Which documents have an `_id` that is not among `ids` yet (of equal ones the first); adds them. All of them where nobody counts."""
    if ids is None:
        return pl.repeat(value=True, n=len(documents), dtype=pl.Boolean, eager=True)
    return pl.Series(ids.add(digests(id_element(raw) for raw in documents.to_list())), dtype=pl.Boolean)


def staging_name(collection: str, run_id: str) -> str:
    """The collection that a run in mode replace loads into."""
    return f"{collection}__staging_{run_id}"


def remove_staging(client: MongoClient[Any], target: Target) -> list[str]:
    """Remove what dead runs left of a target, and name it. To be called by the holder of its lock: nobody else works on it."""
    database = client.get_database(target.database, write_concern=WriteConcern(w="majority", j=True))
    pattern = f"^{re.escape(staging_name(target.collection, ''))}{RUN_ID}$"
    with translated():
        found = sorted(database.list_collection_names(filter={"name": {"$regex": pattern}}))
        for name in found:
            database.drop_collection(name)
    return found
