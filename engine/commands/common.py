"""What several verbs need: the mapping, and a client to the server."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from engine.loader import load
from engine.model import Mapping

Arguments = argparse.Namespace


def mapping_of(arguments: Arguments) -> Mapping:
    """The mapping that is named, reading the source that is named."""
    mapping = load(arguments.mapping)
    path = getattr(arguments, "source", None)
    return replace(mapping, source=replace(mapping.source, path=path)) if path else mapping


@contextmanager
def client_of() -> Iterator[Any]:
    """A client to the server that MONGODB_URI names, or to the embedded one."""
    from engine.server import server  # noqa: PLC0415
    from engine.sinks.mongo import connect  # noqa: PLC0415

    with server() as address, connect(address.uri, address.password) as client:
        yield client
