"""Questions to the server: the state of the live collection, drift, and how many documents a change affects. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pymongo import MongoClient
from pymongo.collection import Collection

from engine.apply.asides import judge_asides
from engine.apply.clashes import clashes
from engine.apply.queries import Query, count_each, filters, refused, requirements, sized
from engine.apply.recorded import evidence, shapes
from engine.apply.unmet import added, unmet
from engine.digests.checksum import Content
from engine.documents.validators import conditions, validator
from engine.errors import DataError, Finding, counted, finding
from engine.evolution.counts import Counts
from engine.evolution.judging import Evidence, JudgedChange, rewriting_by_evidence
from engine.evolution.pairing import pairs
from engine.evolution.planning import RELOAD, EvolutionPlan, compared
from engine.evolution.rewriting import Rewriting
from engine.mapping.model import Mapping
from engine.mapping.profiles import ServerProfile
from engine.mongo.asides import name_too_long
from engine.mongo.connection import translated
from engine.mongo.kinds import require_loadable
from engine.mongo.ledger import Ledger
from engine.mongo.ownership import foreign, read_existing
from engine.mongo.records import RunRecord
from engine.mongo.state import differences, state_of
from engine.mongo.unique import not_unique

DOCUMENTS, UNKNOWN_SHAPE, LEAVING = "all documents", "documents of no known shape", "documents that leave"  # no labels or paths


@dataclass(frozen=True)
class LiveCollection:
    """What is there: `old` is the mapping that the ledger says was applied by `run`; `unfinished` an apply that was not finished.

    `drift` are differences since `run`; `others`: those that others made in what the mapping does not name.
    """

    old: Mapping
    run: str
    evidence: Evidence
    drift: tuple[str, ...]
    unfinished: RunRecord | None
    others: tuple[str, ...] = ()


def inspect(client: MongoClient[Any], new: Mapping, profile: ServerProfile) -> LiveCollection:
    """The live collection.

    Raises:
        DataError: the ledger has no published run of it, it does not exist, or it is another one of the same name; or the mapping has
            nothing to say of its shape.
        TargetError: there is something else now, such as a view.
    """
    require_loadable(client, new)
    target = new.target
    if target.amends:
        message = f"mode {target.mode} changes documents, and leaves the shape of the collection to the mapping that loads it"
        raise DataError(finding("amending", message, hint="plan and apply with that mapping", file=str(new.file)))
    ledger = Ledger(client, target)
    name = f"{target.database}.{target.collection}"
    collection, record = client[target.database][target.collection], ledger.applied()
    with translated():
        existing = read_existing(collection)
    if existing and not ledger.made(existing.uuid):
        raise DataError(foreign(new, existing, f"run {record.run_id} left another one under this name" if record else "no run is recorded"))
    if record is None or record.live is None:
        raise DataError(finding("never_published", f"the ledger has no published run of {name}", hint="load it with engine run"))
    if existing is None:
        message = f"{name} no longer exists, although run {record.run_id} published it"
        raise DataError(finding("collection_missing", message, hint="load it again with engine run"))
    known = shapes(ledger)
    old = known[0].mapping
    unfinished = ledger.unfinished_apply()
    with translated():
        found = state_of(collection, Content(record.live.count, int(record.live.checksum, 16)))
    if unfinished:
        return LiveCollection(old, record.run_id, evidence(ledger.loads()), (), unfinished)
    since = differences(record.live, found, old)
    drift = added(since.wrong, unmet(existing, old, profile, [shape.mapping for shape in known[1:]]))
    return LiveCollection(old, record.run_id, evidence(ledger.loads()), drift, None, since.others)


def inspect_and_plan(client: MongoClient[Any], new: Mapping, profile: ServerProfile) -> tuple[LiveCollection, EvolutionPlan]:
    """The live collection, and the plan for it with the counts of documents. Raises DataError, TargetError."""
    live = inspect(client, new, profile)
    found = compared(
        live.old,
        new,
        live.evidence,
        applied=live.run,
        drift=live.drift,
        others=live.others,
        unfinished=live.unfinished.run_id if live.unfinished else "",
    )
    collection = client[new.target.database][new.target.collection]
    with translated():
        found = replace(found, asides=judge_asides(client, new, live.evidence, profile))
        if live.unfinished:
            return live, replace(found, hindrances=tuple(_of_another(live.unfinished, live, new)))
        if not (found.changes or found.drift):
            return live, found
        counts = count(collection, live, new, found.changes, profile)
        found = replace(found, counts=counts)
        return live, found if found.blocked else replace(found, hindrances=tuple(_hindrances(collection, live, new, counts)))


def _of_another(unfinished: RunRecord, live: LiveCollection, new: Mapping) -> Iterator[Finding]:
    if unfinished.meaning_sha256 != new.digest or unfinished.previous != live.run:
        message = f"apply {unfinished.run_id} of another mapping was not finished: the collection holds documents of two shapes"
        yield finding("unfinished_apply", message, hint=f"apply that mapping again, or {RELOAD}")


def _hindrances(collection: Collection[Any], live: LiveCollection, new: Mapping, counts: Counts) -> Iterator[Finding]:
    """Why the server would not take the changes."""
    stages = rewriting_by_evidence(live.old, new, live.evidence).stages
    if counts.unknown_shape and stages and not counts.stay:
        unknown = counted(counts.unknown_shape, "document")
        message = f"{unknown} of unknown shape: the mapping of run {live.run} describes other ones"
        yield finding("strangers", message, hint=f"correct them, or {RELOAD}")
    if counts.leaving and not counts.stay and (too_long := name_too_long(new.target)):
        yield too_long
    yield from clashes(read_existing(collection), new, live.old.indexes, rebuilds=True)
    yield from not_unique(collection, new, stages)


def count(
    collection: Collection[Any], live: LiveCollection, new: Mapping, judged: Iterable[JudgedChange], profile: ServerProfile
) -> Counts:
    """All counts of a plan: of the documents as they are in one pass, of the documents as they would be in another."""
    old, rewrite = live.old, rewriting_by_evidence(live.old, new, live.evidence)
    touching = {change.change.label: touched(change.change) for change in judged if (touched := change.change.kind.touched)}
    found = count_each(collection, [], {DOCUMENTS: {}, UNKNOWN_SHAPE: of_unknown_shape(old, profile), **touching, **(rewrite.unsure or {})})
    stricter = dict.fromkeys(change.change.subject for change in judged if change.change.kind.stricter)
    refusing = {subject: {"$nor": [query]} for subject, query in _conditions(old, new, profile, rewrite).items() if subject in stricter}
    everything = {} if rewrite.sources else {LEAVING: refused(requirements(new, profile))}
    violators = count_each(collection, rewrite.stages, refusing | everything)
    left = violators.pop(LEAVING, 0)
    nulled = {field.path: violators[field.path] for field in new.fields if field.on_error == "null" and violators.get(field.path)}
    return Counts(
        found[DOCUMENTS],
        {label: found[label] for label in touching},
        {subject: count for subject, count in violators.items() if count and subject not in nulled},
        left,
        {path: found[path] for path in rewrite.unsure or {} if found[path]},
        nulled,
        found[UNKNOWN_SHAPE],
        stay=new.validation.existing == "keep",
    )


def of_unknown_shape(old: Mapping, profile: ServerProfile) -> Query:
    """Query for documents of unknown shape: the engine would not make them from the old mapping (nor fields that it does not name)."""
    return {"$nor": [validator(replace(old, validation=replace(old.validation, additional=False)), profile)]}


def _conditions(old: Mapping, new: Mapping, profile: ServerProfile, rewrite: Rewriting) -> dict[str, Query]:
    """What documents must meet, by subject; where they cannot be rewritten, only of fields that stay as they are."""
    known = conditions(new, profile) | filters(new) | sized(new)
    stay = {pair.new.path for pair in pairs(old, new) if pair.old and pair.new and pair.old.path == pair.new.path
            and pair.old.type == pair.new.type}  # fmt: skip
    return {subject: query for subject, query in known.items() if not rewrite.sources or subject in stay - rewrite.changed}
