"""A collection that the mapping calls by another name (`target.was`): which name it has now, and giving it the new one, on the server.

The collection keeps its UUID, documents, indexes and validator. The ledger's records go on under the new name. Killed in between, the
same command completes it: the UUID tells that the collection of the new name is the one that the ledger has under the old name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engine.errors import DataError, Finding, finding
from engine.mapping.model import Mapping
from engine.mongo.connection import Client, database_of, translated
from engine.mongo.kinds import collection_info
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock
from engine.mongo.ownership import read_uuid


def under_present_name(client: Client, mapping: Mapping) -> Mapping:
    """The mapping with the name that its collection has in the ledger: the old one, until it was renamed."""
    target = mapping.target
    if not target.was or Ledger(client, target).applied():
        return mapping
    before = replace(target, collection=target.was, was="")
    return replace(mapping, target=before) if Ledger(client, before).applied() else mapping


def is_renamed(client: Client, mapping: Mapping) -> bool:
    """Whether the server has the collection under the new name already, and only the ledger does not."""
    present = under_present_name(client, mapping)
    if present is mapping:
        return False
    database = client[mapping.target.database]
    with translated():
        there, gone = (collection_info(database, one.target.collection) for one in (mapping, present))
        return bool(there and not gone and Ledger(client, present.target).made(read_uuid(database[mapping.target.collection])))


def name_taken(client: Client, mapping: Mapping) -> Iterator[Finding]:
    """Why the collection cannot get its new name."""
    with translated():
        taken = collection_info(client[mapping.target.database], mapping.target.collection)
    if taken:
        message = f"{mapping.target.was} cannot be renamed to {mapping.target.collection}: there is a collection of that name"
        yield finding("name_taken", message, hint="choose another target.collection, or drop or rename that one", file=str(mapping.file))


def require_same_name(client: Client, mapping: Mapping) -> None:
    """Raises DataError where a run would load a second collection, beside the one that is to be renamed."""
    if under_present_name(client, mapping) is not mapping:
        message = f"the collection is still called {mapping.target.was}"
        hint = "engine apply renames it; or remove target.was, which loads another collection beside it"
        raise DataError(finding("not_renamed", message, hint=hint, file=str(mapping.file)))


def rename(client: Client, mapping: Mapping, run_id: str, wait: float) -> bool:
    """Give the collection its new name, unless it has it. Returns whether it was renamed. Raises LockedError, TargetError."""
    present = under_present_name(client, mapping)
    if present is mapping:
        return False
    before, after = (Ledger(client, one.target, run_id) for one in (present, mapping))
    with Lock(client, present.target, before, wait) as lock, Lock(client, mapping.target, after, wait):
        if not is_renamed(client, mapping):
            lock.hold()
            with translated():
                database = database_of(client, mapping.target.database)
                database[present.target.collection].rename(mapping.target.collection)
        before.move_to(mapping.target.collection)
    return True
