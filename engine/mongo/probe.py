"""Questions to a server that change nothing: its target profile, whether a load can work there, whether a document matches queries."""

from __future__ import annotations

from typing import Any

from bson import decode
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import MongoClient

from engine.errors import Finding, TargetError, finding
from engine.mapping.model import Mapping
from engine.mapping.profiles import ServerProfile, detect
from engine.mongo.connection import translated


def server_profile(client: MongoClient[Any]) -> ServerProfile:
    """The profile of the server behind a client.

    Amazon DocumentDB is recognised by its host names only; through a tunnel it looks like MongoDB, and the mapping must name the profile.
    """
    with translated():
        version = str(client.admin.command("buildInfo")["version"])
        return detect(version, [host for host, _ in client.nodes])


def require_load_support(mapping: Mapping, profile: ServerProfile) -> None:
    """Raises TargetError where this server cannot take such a load at all, or cannot have one of its indexes or options."""
    if mapping.target.mode == "replace" and not profile.can_rename:
        message = f"{profile.name} cannot rename a collection, so a load in mode replace could not be made live at once; nothing was done"
        raise TargetError(
            finding(
                "no_rename", message, hint="use mode: sync: it ends with the same documents, but readers see them change one after another"
            )
        )
    for index in mapping.indexes:
        if wrong := profile.index_problem(index.keys, index.options):
            message = f"index {index.name}: {profile.name} {wrong}; nothing was done"
            raise TargetError(Finding(index.line, 1, "profile", message, hint="change the index", file=str(mapping.file)))
    if missing := profile.option_problem(mapping.target.creation):
        name, wrong = missing
        message = f"{name} in target: {profile.name} {wrong}; nothing was done"
        raise TargetError(finding("profile", message, hint="remove it", file=str(mapping.file)))


def matches(client: MongoClient[Any], database: str, raw: bytes, queries: list[dict[str, Any]]) -> list[bool]:
    """Whether the document matches each query. The server evaluates them as in a validator and stores nothing (MongoDB 5.1 and later).

    `database` is one that the account may read; nothing in it is read.
    """
    plain: CodecOptions[Any] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS)
    start = {"$documents": {"$literal": [decode(raw, plain)]}}
    with translated():
        return [bool(list(client[database].aggregate([start, {"$match": query}, {"$project": {"_id": 1}}]))) for query in queries]
