"""Questions to the server: what the live collection is, what has drifted, and how many documents a change is about. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from pymongo import MongoClient
from pymongo.collection import Collection

from engine.apply.recorded import evidence, restored
from engine.digests.checksum import Content
from engine.documents.validators import conditions, validator
from engine.errors import DataError, problem
from engine.evolution.changes import Change
from engine.evolution.judging import STRICTER, Evidence, Judged, planned
from engine.evolution.pairing import pairs
from engine.evolution.planning import Counts, Plan, compared
from engine.evolution.rewriting import Rewriting
from engine.mapping.model import Mapping
from engine.mapping.profiles import Profile
from engine.mongo.connection import translated
from engine.mongo.ledger import Ledger
from engine.mongo.state import State, differences, state
from engine.values.paths import MARK, dotted

Query = dict[str, Any]
DOCUMENTS, STRANGERS, LEAVING = "all documents", "documents of no known shape", "documents that leave"  # no labels or paths


@dataclass(frozen=True)
class Live:
    """What is there: `old` is the mapping that the ledger says was applied by `run`; `unfinished` the record of an apply that was not."""

    old: Mapping
    run: str
    evidence: Evidence
    drift: tuple[str, ...]
    unfinished: dict[str, Any]


def inspect(client: MongoClient[Any], new: Mapping) -> Live:
    """Raises DataError where the ledger knows nothing of the collection, or the collection is gone."""
    target = new.target
    ledger = Ledger(client, target, "")
    name = f"{target.database}.{target.collection}"
    record = ledger.applied()
    if not record:
        raise DataError(problem("never_published", f"the ledger has no published run of {name}", hint="engine run loads it"))
    with translated():
        if target.collection not in client[target.database].list_collection_names(filter={"name": target.collection}):
            raise DataError(problem("collection_missing", f"{name} is gone, though run {record['_id']} made it", hint="engine run"))
    unfinished = ledger.unfinished_apply()
    known = State.of(record["live"])
    with translated():
        found = state(client[target.database][target.collection], Content(known.count, int(known.checksum, 16)))
    drift = () if unfinished else tuple(differences(known, found))
    return Live(restored(record, target.collection), record["_id"], evidence(ledger.loads()), drift, unfinished)


def look(client: MongoClient[Any], new: Mapping, profile: Profile) -> tuple[Live, Plan]:
    """What is there, and the plan for it, counted."""
    live = inspect(client, new)
    found = compared(live.old, new, live.evidence, applied=live.run, drift=live.drift, unfinished=live.unfinished.get("_id", ""))
    collection = client[new.target.database][new.target.collection]
    with translated():
        if live.unfinished or not (found.judged or found.drift):
            return live, found
        return live, replace(found, counts=count(collection, live, new, found.judged, profile))


def count(collection: Collection[Any], live: Live, new: Mapping, judged: Iterable[Judged], profile: Profile) -> Counts:
    """Everything that is counted for a plan: the documents as they are in one pass, as they would be in another."""
    old, rewrite = live.old, planned(live.old, new, live.evidence)
    touching = {one.change.label: TOUCHED[one.change.code](one.change) for one in judged if one.change.code in TOUCHED}
    found = _counted(collection, [], {DOCUMENTS: {}, STRANGERS: strangers(old, profile), **touching, **(rewrite.unsure or {})})
    stricter = dict.fromkeys(one.change.subject for one in judged if one.change.code in STRICTER)
    refusing = {subject: {"$nor": [query]} for subject, query in _told(old, new, profile, rewrite).items() if subject in stricter}
    everything = {} if rewrite.sources else {LEAVING: refused(leaving(new, profile))}
    violators = _counted(collection, rewrite.stages, refusing | everything)
    left = violators.pop(LEAVING, 0)
    nulled = {one.path: violators[one.path] for one in new.fields if one.on_error == "null" and violators.get(one.path)}
    return Counts(
        found[DOCUMENTS],
        {label: found[label] for label in touching},
        {subject: count for subject, count in violators.items() if count and subject not in nulled},
        left,
        {path: found[path] for path in rewrite.unsure or {} if found[path]},
        nulled,
        found[STRANGERS],
    )


def _counted(collection: Collection[Any], stages: Iterable[Query], queries: dict[str, Query]) -> dict[str, int]:
    """How many documents meet each query, as they are after these stages; all in one pass."""
    if not queries:
        return {}
    facets = {str(number): [{"$match": query}, {"$count": "n"}] for number, query in enumerate(queries.values())}
    found = next(collection.aggregate([*stages, {"$facet": facets}], allowDiskUse=True))
    return {name: sum(one["n"] for one in found[str(number)]) for number, name in enumerate(queries)}


def strangers(old: Mapping, profile: Profile) -> Query:
    """Documents that are not what the engine makes of the old mapping, fields that it does not name included."""
    return {"$nor": [validator(replace(old, validation=replace(old.validation, additional=False)), profile)]}


# how many documents a change is about


def _all(_change: Change) -> Query:
    return {}


def _subject(change: Change) -> Query:
    return {dotted(change.subject): {"$exists": True}}


def _absent(change: Change) -> Query:
    return {dotted(change.subject): None}


TOUCHED: dict[str, Callable[[Change], Query]] = {
    "E101": _all,
    "E102": _subject,
    "E103": lambda change: {dotted(change.old): {"$exists": True}},
    "E104": _subject,
    "E105": _all,
    "E106": _absent,
    "E107": lambda change: {dotted(change.subject): {"$in": [None, []]}},
    "E114": _all,
}


def _told(old: Mapping, new: Mapping, profile: Profile, rewrite: Rewriting) -> dict[str, Query]:
    """What documents must meet, by subject; where they cannot be rewritten, only of fields that stay as they are."""
    known = conditions(new, profile) | filters(new) | sized(new)
    stay = {pair.new.path for pair in pairs(old, new) if pair.old and pair.new and pair.old.path == pair.new.path
            and pair.old.type == pair.new.type}  # fmt: skip
    return {subject: query for subject, query in known.items() if not rewrite.sources or subject in stay - rewrite.changed}


def leaving(new: Mapping, profile: Profile) -> list[Query]:
    """What all documents of a mapping meet: its validator, and the rules that filter."""
    return [query for query in (validator(new, profile), *filters(new).values()) if query]


def sized(new: Mapping) -> dict[str, Query]:
    """What the arrays of the document must be, as queries."""
    found = {}
    for one in new.arrays:
        if one.constraints and one.embed and MARK not in one.path:
            schema: Query = dict(one.constraints)
            for name in reversed(one.path.split(".")):
                schema = {"properties": {name: schema}}
            found[one.path] = {"$jsonSchema": schema}
    return found


def filters(new: Mapping) -> dict[str, Query]:
    """The rules that let rows go without a trace, as queries; the others are in the validator."""
    rules = [(one, one.check.check_mongo()) for one in new.rules if one.on_fail == "filter"]
    return {f"rule {one.name}": query for one, query in rules if isinstance(query, dict)}


def refused(wanted: Iterable[Query]) -> Query:
    """Documents that do not meet all of the conditions."""
    return {"$or": [{"$nor": [query]} for query in wanted]}
