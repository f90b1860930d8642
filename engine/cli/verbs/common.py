"""What several verbs need: the mapping, and a client to the server."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from engine.errors import UsageError, finding, suggest
from engine.mapping.loader import load_all
from engine.mapping.model import Mapping
from engine.mapping.profiles import PROFILES, ServerProfile
from engine.mongo.accounts import require_privileges
from engine.mongo.connection import Client, connect
from engine.mongo.ledgerplace import require_ledger
from engine.mongo.privileges import task_of
from engine.mongo.probe import server_profile
from engine.mongo.server import server

Arguments = argparse.Namespace


def mappings_of(arguments: Arguments) -> tuple[Mapping, ...]:
    """The mapping of each collection in the file, or of the named one; `--source` replaces its source path. Raises UsageError."""
    found = load_all(arguments.mapping)
    if name := getattr(arguments, "collection", None):
        names = [mapping.target.collection for mapping in found]
        if name not in names:
            hint = suggest(name, names) or f"it has {', '.join(names)}"
            raise UsageError(finding("unknown_collection", f"the mapping has no collection {name}", hint=hint, file=arguments.mapping))
        found = tuple(mapping for mapping in found if mapping.target.collection == name)
    path = getattr(arguments, "source", None)
    if path and len(found) > 1:
        raise UsageError(finding("several_collections", "--source works for one collection only", hint="name it with --collection"))
    return tuple(replace(mapping, source=replace(mapping.source, paths=(path,), mapping_file="")) if path else mapping for mapping in found)


def mapping_of(arguments: Arguments) -> Mapping:
    """The mapping of the one collection that a verb works on. Raises UsageError where the file has several and none is named."""
    found = mappings_of(arguments)
    if len(found) > 1:
        names = ", ".join(mapping.target.collection for mapping in found)
        raise UsageError(
            finding("several_collections", f"this verb needs one collection, the mapping has {names}", hint="name one with --collection")
        )
    return found[0]


def profile_of(client: Client, mapping: Mapping) -> ServerProfile:
    """The target profile that the mapping names, else the server's. Raises TargetError."""
    return PROFILES.get(mapping.target.profile or "") or server_profile(client)


def write_file(path: Path, text: str) -> None:
    """Write a file and the folders that it lies in. Raises UsageError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        message, hint = f"cannot write {path}: {error.strerror}", "choose another file with --output"
        raise UsageError(finding("unwritable", message, hint=hint)) from None


@contextmanager
def client_of(command: str, mappings: Sequence[Mapping], wait: float) -> Iterator[Client]:
    """A client of the server that MONGODB_URI names, or of the embedded one, for a command on these targets.

    Raises TargetError where the server cannot be reached, or the account may not do what the command needs.
    """
    with server(wait) as address, connect(address) as client:
        require_privileges(client, [(task_of(command), mapping) for mapping in mappings])
        require_ledger(client, [mapping.target.database for mapping in mappings])
        yield client
