"""The server's side of a load: what its target must be, a client that suits the server, and the sink that suits the mode."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass

from engine.apply.admission import check_existing_documents, check_expiring, require_indexes
from engine.apply.advice import Advice
from engine.apply.asides import aside_notes
from engine.apply.notice import Notice, check_mapping_change
from engine.apply.recorded import Shape, own_indexes
from engine.apply.renaming import require_same_name
from engine.documents.validators import engine_only, options
from engine.mapping.model import Mapping
from engine.mapping.profiles import PROFILES, ServerProfile
from engine.mongo.accounts import require_privileges
from engine.mongo.address import Address
from engine.mongo.amending import require_amendable
from engine.mongo.connection import Client, connect
from engine.mongo.creation import require_options
from engine.mongo.inplace import InPlace
from engine.mongo.kinds import require_loadable
from engine.mongo.ledger import Ledger
from engine.mongo.ledgerplace import require_ledger
from engine.mongo.locks import Lock
from engine.mongo.ownership import Ownership
from engine.mongo.privileges import Task
from engine.mongo.probe import require_load_support, server_profile
from engine.mongo.replacement import Replacement
from engine.mongo.sink import Sink
from engine.run.report import Report


def require_target(address: Address, row: Task, mapping: Mapping) -> None:
    """Ask what is known before any source is read; changes nothing. `row` says what a load needs.

    Raises:
        TargetError: the mapping's target can take no load, or the account may not load.
        DataError: it is somebody else's, and the load would take it or shut out what is in it.
    """
    with connect(address) as client:
        require_privileges(client, [(row, mapping)])
        require_ledger(client, [mapping.target.database])
        profile = PROFILES.get(mapping.target.profile or "") or server_profile(client)
        require_load_support(mapping, profile)
        require_loadable(client, mapping)
        require_options(client, mapping)
        if mapping.target.amends:
            require_amendable(client, mapping)
        ownership_of(client, mapping, profile, Ledger(client, mapping.target)).require()


def ownership_of(client: Client, mapping: Mapping, profile: ServerProfile, ledger: Ledger, beside: Iterable[Shape] = ()) -> Ownership:
    """Whose the target is, asked for a load of this mapping beside documents of these shapes."""
    return Ownership(client, mapping, options(mapping, profile, [shape.mapping for shape in beside]), ledger)


@dataclass(frozen=True)
class Fitting:
    """What a load will do beside documents that are live: `notes` for the report; `beside`: the other shapes that will be there."""

    notes: tuple[str, ...]
    beside: tuple[Shape, ...]


def require_fitting(client: Client, ownership: Ownership, profile: ServerProfile, ledger: Ledger, allow: frozenset[str]) -> Fitting:
    """Ask with the lock what the live collection says to the load, before it is changed.

    Raises:
        DataError: it is somebody else's; or its documents, or their shape, do not go with the mapping.
        TargetError: one of its indexes is in the way of the mapping's.
    """
    require_same_name(client, ownership.mapping)
    mapping, standing = ownership.mapping, ownership.require()
    advice, existing = Advice(client, mapping, profile), standing.existing
    mixed = "mixed_shapes" in allow
    change = check_mapping_change(ledger, mapping, advice, mixed_allowed=mixed) if existing and existing.documents else Notice()
    if mapping.target.mode != "replace" and not mapping.target.amends:
        require_indexes(existing, mapping, own_indexes(ledger), advice)
    live, beside = client[mapping.target.database][mapping.target.collection], [shape.mapping for shape in change.beside]
    kept = check_existing_documents(live, standing, advice, beside, allowed="existing_documents" in allow)
    expiring = check_expiring(live, standing, advice, allowed="expiring_documents" in allow)
    return Fitting(tuple(note for note in (change.note, kept, expiring, *aside_notes(ledger, mapping)) if note), change.beside)


def connected(address: Address, mapping: Mapping, report: Report, stack: ExitStack) -> tuple[Client, ServerProfile]:
    """A client, and the target profile: the mapping's, else the server's."""
    client = stack.enter_context(connect(address))
    report.notes += address.options.notes
    found = server_profile(client)
    profile = PROFILES.get(mapping.target.profile or "", found)
    if profile.name != found.name:
        report.notes.append(f"the mapping is for {profile.name}; the server looks like {found.name}")
    report.notes += [f"on {profile.name}, {line}" for line in engine_only(mapping, profile)]
    if not profile.retryable_writes:
        client = stack.enter_context(connect(address, retry_writes=False))
    return client, profile


def choose_sink(client: Client, ownership: Ownership, profile: ServerProfile, lock: Lock, ledger: Ledger, *, yields: bool) -> Sink:
    """Mode replace makes a new collection and renames it; the other modes write into the live one.

    `yields`: live documents that differ stay, and the row is rejected.
    """
    if ownership.mapping.target.mode == "replace":
        own = frozenset(index.name for index in own_indexes(ledger))
        return Replacement(client, ownership, lock, fenced=profile.fenced_writes, own_indexes=own)
    return InPlace(client, ownership, lock, fenced=profile.fenced_writes, yields=yields)
