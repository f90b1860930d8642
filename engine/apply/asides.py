"""What is left of what applies of a collection have set aside, and how it becomes documents of a mapping. Changes nothing.

Documents are set aside as they were stored, which is in a shape that documents had before the apply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Mapping as Facts
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from engine.apply.queries import Query, requirements
from engine.apply.recorded import restored
from engine.errors import DataError, counted, finding
from engine.evolution.asides import KeptAside
from engine.evolution.combining import rewriting_of_all
from engine.evolution.declared import carried_out, due
from engine.evolution.judging import Evidence
from engine.evolution.rewriting import Rewriting
from engine.evolution.shaping import Stage
from engine.mapping.model import DeclaredStep, Mapping, Target
from engine.mapping.profiles import ServerProfile
from engine.mongo.ledger import Ledger
from engine.mongo.records import RunRecord


@dataclass(frozen=True)
class _Way:
    """The stages from stored documents to those of a mapping; or the `problem`, in words."""

    stages: tuple[Stage, ...] = ()
    problem: str = ""


def read_asides(client: MongoClient[Any], target: Target) -> tuple[KeptAside, ...]:
    """Of every apply that set documents aside and has some left, the newest first. Raises the driver's errors, DataError."""
    ledger = Ledger(client, target)
    left, database = ledger.left(), client[target.database]
    listed = (_kept(database, record, left, ledger.begun_after(record)) for record in ledger.set_aside())
    return tuple(one for one in listed if one.documents or one.missing)


def judge_asides(
    client: MongoClient[Any], mapping: Mapping, evidence: Evidence, profile: ServerProfile, runs: Collection[str] = ()
) -> tuple[KeptAside, ...]:
    """The same (of these runs, or of all), with what the mapping takes of the documents."""
    ledger, database = Ledger(client, mapping.target), client[mapping.target.database]
    judged = []
    for kept in read_asides(client, mapping.target):
        if kept.documents and (not runs or kept.run in runs):
            way = _way(ledger, kept.run, mapping, evidence)
            found = replace(kept, problem=way.problem, stages=way.stages, wanted={"$and": requirements(mapping, profile)})
            judged.append(found if way.problem else _counted(database, found, mapping.target.collection))
        elif not runs or kept.run in runs:
            judged.append(kept)
    return tuple(judged)


def aside_notes(ledger: Ledger, mapping: Mapping) -> list[str]:
    """What a load is to say of documents that applies have set aside and that are as old as what it finds live, by the ledger alone."""
    left, whole = ledger.left(), mapping.target.mode in ("replace", "sync")
    known = [record for record in ledger.set_aside() if not ledger.begun_after(record)]
    return [_noted(record, number, whole=whole) for record in known if (number := _outside(record, left)) > 0]


def _outside(record: RunRecord, left: Counter[str]) -> int:
    return record.aside.documents - left[record.run_id] if record.aside else 0


def _noted(record: RunRecord, number: int, *, whole: bool) -> str:
    fate = "they are older than what this run loads" if whole else "this run leaves them there"
    return f"{counted(number, 'document')} set aside by run {record.run_id}: {fate} (engine set-aside)"


def require_known(found: Iterable[KeptAside], runs: Iterable[str], mapping: Mapping) -> None:
    """Raises DataError where one of these runs has nothing set aside."""
    if unknown := sorted({*runs} - {kept.run for kept in found}):
        message = f"run {unknown[0]} has no documents of {mapping.target.collection} set aside"
        raise DataError(finding("set_aside_unknown", message, hint="engine set-aside list shows the runs that have"))


def _kept(database: Database[Any], record: RunRecord, left: Counter[str], superseded: str) -> KeptAside:
    assert record.aside
    there = database[record.aside.collection].count_documents({})
    missing = max(0, _outside(record, left) - there)
    return KeptAside(record.run_id, record.aside.collection, there, record.aside.why, record.started_at, missing, superseded=superseded)


def _counted(database: Database[Any], kept: KeptAside, live: str) -> KeptAside:
    """With how many documents fit, and how many of these are live again."""
    same = {"$lookup": {"from": live, "localField": "_id", "foreignField": "_id", "as": "live", "pipeline": [{"$project": {"_id": 1}}]}}
    total = {"$group": {"_id": None, "fitting": {"$sum": 1}, "live": {"$sum": {"$size": "$live"}}}}
    pipeline = [*kept.fitting_stages, {"$project": {"_id": 1}}, same, total]
    found: Query = next(database[kept.collection].aggregate(pipeline, allowDiskUse=True), {})
    return replace(kept, fitting=found.get("fitting", 0), live_again=found.get("live", 0))


# from the stored shape to that of the mapping


def _way(ledger: Ledger, run: str, new: Mapping, evidence: Evidence) -> _Way:
    try:
        return _direct_or_step_by_step(ledger, run, new, evidence)
    except DataError as error:
        return _Way(problem=error.findings[0].message)


def _direct_or_step_by_step(ledger: Ledger, run: str, new: Mapping, evidence: Evidence) -> _Way:
    """From the shapes that documents had before the run: at once, or by way of all mappings that were applied since.

    What the run had rewritten before it was refused has the shape of the run's own mapping, so the way from that comes after. Declared
    steps are carried out on the way.
    """
    record = ledger.find(run)
    before = ledger.find(record.previous) if record else None
    if record is None or before is None:
        return _Way(problem="the ledger no longer has the run whose mapping says what they are")
    old, made = restored(before), restored(record)
    beside = [restored(found) for one in before.beside if (found := ledger.find(one))]
    direct = [_Leg(rewriting_of_all(shapes, new, evidence)) for shapes in ((old, *beside), (made,))]
    passed = [*pairwise([old, made, *map(restored, ledger.applied_after(record)), new])]
    if not direct[0].sources and not any(due(one, other) for one, other in passed):
        return _Way((*_stages(leg for leg in direct if not leg.sources),))
    if unknown := [step.name for step in due(old, made) if not step.makes]:
        return _Way(problem=f"run {run} carried out the step {unknown[0]}, which has no `makes`, and nothing shows on which of them")
    starts = [(old, *beside), *((one,) for one, _ in passed[1:])]
    legs = [
        _Leg(rewriting_of_all(shapes, other, evidence), due(one, other), late=one is old)
        for shapes, (one, other) in zip(starts, passed, strict=True)
    ]
    if not any(leg.sources for leg in legs):
        return _Way((*_stages(legs),))
    path, why = next((path, why) for leg in (*direct, *legs) for path, why in leg.sources.items())
    return _Way(problem=f"{path} needs the source: {why}")


@dataclass(frozen=True)
class _Leg:
    """A part of the way, with the declared steps on it; `late`: these are carried out where they seem not to have been."""

    rewrite: Rewriting
    steps: tuple[DeclaredStep, ...] = ()
    late: bool = False

    @property
    def sources(self) -> Facts[str, str]:
        return self.rewrite.sources or {}

    @property
    def stages(self) -> Iterator[Stage]:
        """Without documents of which only the source has the new value."""
        yield from _sure(self.rewrite.unsure)
        yield from self.rewrite.stages
        yield from (stage for step in self.steps for stage in carried_out(step, late=self.late))
        yield from self.rewrite.trim


def _stages(legs: Iterable[_Leg]) -> Iterable[Stage]:
    return chain.from_iterable(leg.stages for leg in legs)


def _sure(unsure: Any) -> list[Query]:
    return [{"$match": {"$nor": [*unsure.values()]}}] if unsure else []
