"""What several verbs need: the mapping, and a client to the server."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from engine.errors import UsageError, problem, suggest
from engine.mapping.loader import load_all
from engine.mapping.model import Mapping

Arguments = argparse.Namespace


def mappings_of(arguments: Arguments) -> tuple[Mapping, ...]:
    """The mapping of each collection of the file, or of the one that is named, reading the source that is named."""
    found = load_all(arguments.mapping)
    if name := getattr(arguments, "collection", None):
        names = [one.target.collection for one in found]
        if name not in names:
            hint = suggest(name, names) or f"it has {', '.join(names)}"
            raise UsageError(problem("unknown_collection", f"the mapping has no collection {name}", hint=hint, file=arguments.mapping))
        found = tuple(one for one in found if one.target.collection == name)
    path = getattr(arguments, "source", None)
    if path and len(found) > 1:
        raise UsageError(problem("several_collections", "--source is for one collection", hint="name it with --collection"))
    return tuple(replace(one, source=replace(one.source, paths=(path,))) if path else one for one in found)


def mapping_of(arguments: Arguments) -> Mapping:
    """The mapping of the one collection that a verb is about."""
    found = mappings_of(arguments)
    if len(found) > 1:
        names = ", ".join(one.target.collection for one in found)
        raise UsageError(problem("several_collections", f"the mapping has the collections {names}", hint="name one with --collection"))
    return found[0]


@contextmanager
def client_of() -> Iterator[Any]:
    """A client to the server that MONGODB_URI names, or to the embedded one."""
    from engine.mongo.connection import connect  # noqa: PLC0415
    from engine.mongo.server import server  # noqa: PLC0415

    with server() as address, connect(address.uri, address.password) as client:
        yield client
