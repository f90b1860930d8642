"""Questions to a server that change nothing: what kind it is, whether a load can work there, and what it says of a document."""

from __future__ import annotations

from typing import Any

from bson import decode
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import MongoClient

from engine.errors import Finding, TargetError, problem
from engine.mapping.model import Mapping
from engine.mapping.profiles import Profile, detect
from engine.mongo.connection import translated


def server_profile(client: MongoClient[Any]) -> Profile:
    """The profile of the server behind a client.

    Amazon DocumentDB is known by its host names alone; through a tunnel it looks like MongoDB, and the mapping must name it.
    """
    with translated():
        version = str(client.admin.command("buildInfo")["version"])
        return detect(version, [host for host, _ in client.nodes])


def suitable(mapping: Mapping, profile: Profile) -> None:
    """Raises TargetError where this server cannot take such a load at all, or refuses one of the indexes."""
    if mapping.target.mode == "replace" and not profile.rename:
        message = f"{profile.name} cannot rename a collection, so a load in mode replace could not be made live at once; nothing was done"
        raise TargetError(
            problem("no_rename", message, hint="mode: sync ends with the same documents, but readers see them change one after another")
        )
    for index in mapping.indexes:
        if wrong := profile.index_problem(index.keys, index.options):
            message = f"index {index.name}: {profile.name} {wrong}; nothing was done"
            raise TargetError(Finding(index.line, 1, "profile", message, hint="change the index", file=str(mapping.file)))


def matches(client: MongoClient[Any], raw: bytes, queries: list[dict[str, Any]]) -> list[bool]:
    """Does the document match each query? The server judges, as it does in a validator, and stores nothing (MongoDB 5.1 and later)."""
    plain: CodecOptions[Any] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS)
    start = {"$documents": {"$literal": [decode(raw, plain)]}}
    with translated():
        return [bool(list(client.admin.aggregate([start, {"$match": query}, {"$project": {"_id": 1}}]))) for query in queries]
