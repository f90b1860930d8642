"""A collection that the mapping calls by another name (`target.was`): which name it has now, and giving it another one, on the server.

The collection keeps its UUID, documents, indexes and validator. The ledger's records go on under the new name. The record of the apply is
written before: killed anywhere, the ledger knows what was meant, and the server says whether it was done (`engine.mongo.renames`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engine.errors import DataError, Finding, finding
from engine.mapping.model import Mapping, Target
from engine.mongo.connection import Client, database_of, translated
from engine.mongo.kinds import collection_info
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock
from engine.mongo.names import called_now


def under_present_name(client: Client, mapping: Mapping) -> Mapping:
    """The mapping with the name that its collection has in the ledger: the old one until it is renamed.

    Where an apply that renames it was not finished, that may be the apply's name for it.
    """
    target = mapping.target
    if Ledger(client, target).applied():
        return mapping
    for name in _names(client, target):
        present = replace(target, collection=name, was="")
        if Ledger(client, present).applied():
            return replace(mapping, target=present)
    return mapping


def _names(client: Client, target: Target) -> Iterator[str]:
    """Those that the collection may have, the likeliest first."""
    if target.was:
        yield target.was
    for name in (target.collection, target.was):
        if name and (now := called_now(client, target.database, name)):
            yield now


def name_taken(client: Client, present: Mapping, mapping: Mapping) -> Iterator[Finding]:
    """Why the collection cannot get its new name."""
    new = mapping.target.collection
    with translated():
        taken = collection_info(client[mapping.target.database], new)
    if taken:
        message = f"{present.target.collection} cannot be renamed to {new}: there is a collection of that name"
        yield finding("name_taken", message, hint="choose another target.collection, or drop or rename that one", file=str(mapping.file))


def require_same_name(client: Client, mapping: Mapping) -> None:
    """Raises DataError where a run would load a second collection, beside the one that is, or is being, renamed."""
    present = under_present_name(client, mapping).target.collection
    if present == mapping.target.was:
        message = f"the collection is still called {present}"
        hint = "engine apply renames it; or remove target.was, which loads another collection beside it"
        raise DataError(finding("not_renamed", message, hint=hint, file=str(mapping.file)))
    if present != mapping.target.collection:
        message = f"an apply has renamed {mapping.target.collection} to {present}, and was not finished"
        hint = "engine apply of its mapping finishes it; engine apply --undo takes it back, and the name too"
        raise DataError(finding("unfinished_apply", message, hint=hint, file=str(mapping.file)))


def rename(client: Client, target: Target, new: str, ledger: Ledger, lock: Lock) -> None:
    """Give the collection, whose lock is held, its new name. The ledger has the record that says so. Raises LockedError, TargetError."""
    lock.hold()
    with translated():
        database_of(client, target.database)[target.collection].rename(new)
    lock.hold()
    ledger.note_rename()
