"""Questions to the server: the state of the live collection, drift, and how many documents a change affects. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pymongo import MongoClient

from engine.apply.asides import judge_asides
from engine.apply.clashes import clashes
from engine.apply.counting import Counting
from engine.apply.halfdone import HalfDone, half_done
from engine.apply.hindrances import refused_indexes, unnamable, unsupported
from engine.apply.lagging import count_lagging, lagging_shapes, recorded_lagging
from engine.apply.mixture import count_shapes
from engine.apply.queries import Query
from engine.apply.recorded import Shape, evidence, shapes
from engine.apply.renaming import name_taken, under_present_name
from engine.apply.sampling import sample_of
from engine.apply.unmet import added, unmet
from engine.digests.checksum import Content
from engine.errors import DataError, Finding, counted, finding
from engine.evolution.combining import ShapeCount, rewriting_of_all, union_of
from engine.evolution.declared import awaiting
from engine.evolution.diff import diff
from engine.evolution.judging import Evidence, judge
from engine.evolution.planning import EvolutionPlan, compared, ways
from engine.evolution.rewriting import Rewriting
from engine.evolution.unfinished import Way
from engine.mapping.model import Index, Mapping, Target
from engine.mapping.profiles import ServerProfile
from engine.mongo.connection import Client, translated
from engine.mongo.kinds import require_loadable
from engine.mongo.ledger import Ledger
from engine.mongo.names import later_name
from engine.mongo.ownership import Existing, foreign, read_existing
from engine.mongo.state import differences, state_of


@dataclass(frozen=True)
class LiveCollection:
    """What is there: `old` is the mapping that the ledger says was applied by `run`; `unfinished` an apply that was not finished.

    `shapes`: those that documents have, that of `old` first. `drift` are differences since `run`; `others`: those that others made in what
    the mapping does not name. `existing`: what the server says of it.
    """

    old: Mapping
    shapes: tuple[Shape, ...]
    run: str
    evidence: Evidence
    drift: tuple[str, ...]
    unfinished: HalfDone | None
    existing: Existing
    others: tuple[str, ...] = ()


def is_unloaded(client: MongoClient[Any], mapping: Mapping) -> bool:
    """Whether neither the server nor the ledger knows the collection. Raises TargetError."""
    target = under_present_name(client, mapping).target
    with translated():
        there = read_existing(client[target.database][target.collection])
    return there is None and Ledger(client, target).applied() is None


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
        raise DataError(_unpublished(client, name, target))
    if existing is None:
        message = f"{name} no longer exists, although run {record.run_id} published it"
        raise DataError(finding("collection_missing", message, hint="load it again with engine run"))
    known = shapes(ledger)
    old = known[0].mapping
    unfinished = half_done(ledger, profile)
    with translated():
        found = state_of(collection, Content(record.live.count, int(record.live.checksum, 16)))
    if unfinished:
        known = (*known, *recorded_lagging(ledger, unfinished.record, old))
        if unfinished.way(new) is Way.FINISH:
            old = unfinished.plan.new
            known = (Shape(unfinished.record.run_id, old),)
        return LiveCollection(old, known, record.run_id, evidence(ledger.loads()), (), unfinished, existing)
    since = differences(record.live, found, old)
    drift = added(since.wrong, unmet(existing, old, profile, [shape.mapping for shape in known[1:]]))
    if record.unfit:
        unfit = counted(record.unfit, "document")
        drift = (*drift, f"documents: when run {record.run_id} took an apply back, {unfit} of others could not have the old shape")
    return LiveCollection(old, known, record.run_id, evidence(ledger.loads()), drift, None, existing, since.others)


def _unpublished(client: Client, name: str, target: Target) -> Finding:
    message = f"the ledger has no published run of {name}"
    if not (later := later_name(client, target.database, target.collection)):
        return finding("never_published", message, hint="load it with engine run")
    back = f"target: {{collection: {target.collection}, was: {later}}} gives it its name back, and engine run loads another collection"
    return finding("never_published", f"{message}; what was called so is {later} now", hint=f"name that one in the mapping; {back}")


def inspect_and_plan(
    client: MongoClient[Any], new: Mapping, profile: ServerProfile, *, estimate: bool = False
) -> tuple[LiveCollection, EvolutionPlan]:
    """The live collection, and the plan for it: what is counted (or estimated, where it is large), and for what apply would refuse.

    Raises DataError, TargetError.
    """
    present = under_present_name(client, new)
    if present is new:
        return _inspect_and_plan(client, new, profile, estimate=estimate)
    live, found = _inspect_and_plan(client, present, profile, estimate=estimate)
    if live.unfinished and live.unfinished.way(new) is Way.UNDO and live.unfinished.takes_name_back(new):
        return live, replace(found, hindrances=(*found.hindrances, *name_taken(client, present, new)))
    new = replace(new, target=replace(new.target, was=present.target.collection))
    renamed = judge([change for change in diff(present, new) if change.old == present.target.collection], present, new)
    return live, replace(found, changes=(*found.changes, *renamed), hindrances=(*found.hindrances, *name_taken(client, present, new)))


def _inspect_and_plan(
    client: MongoClient[Any], new: Mapping, profile: ServerProfile, *, estimate: bool
) -> tuple[LiveCollection, EvolutionPlan]:
    live = inspect(client, new, profile)
    collection = client[new.target.database][new.target.collection]
    with translated():
        sample = sample_of(collection) if estimate else ()
        counted_shapes = _shapes(client, live, new, profile, sample) if profile.query_operators and not live.unfinished else ()
    if counted_shapes:
        late = counted_shapes[len(live.shapes) :]
        live = replace(live, shapes=(*live.shapes, *(Shape(shape.run, shape.mapping, lagging=True) for shape in late)))
    own = union_of([shape.mapping for shape in live.shapes]).indexes
    found = compared(
        live.old,
        new,
        live.evidence,
        [Index(name, tuple(spec["key"].items()), spec) for name, spec in live.existing.indexes.items()],
        counted_shapes,
        applied=live.run,
        drift=live.drift,
        others=live.others,
        unfinished=live.unfinished and live.unfinished.told(new),
        ways=ways(
            new.target, anew=any(clashes(live.existing, new, own)), renames=profile.can_rename, unfinished=live.unfinished is not None
        ),
    )
    with translated():
        if live.unfinished and found.continues:
            found = replace(found, unfinished=live.unfinished.progress(found, collection, live.existing))
        found = replace(found, asides=judge_asides(client, new, live.evidence, profile))
        return live, _asked(client, live, new, found, profile, sample=sample) if found.to_do else found


def _shapes(
    client: MongoClient[Any], live: LiveCollection, new: Mapping, profile: ServerProfile, sample: tuple[Query, ...]
) -> tuple[ShapeCount, ...]:
    """The shapes that documents have, and those that others go on writing; none where there is only one."""
    collection = client[new.target.database][new.target.collection]
    earlier, present = lagging_shapes(Ledger(client, new.target), live.old, profile), [shape.mapping for shape in live.shapes]
    lagging = count_lagging(collection, earlier, present, new, evidence=live.evidence, profile=profile, sample=sample)
    several = lagging or len(live.shapes) > 1
    return (*count_shapes(collection, live.shapes, profile, sample), *lagging) if several else ()


def _asked(
    client: MongoClient[Any], live: LiveCollection, new: Mapping, found: EvolutionPlan, profile: ServerProfile, *, sample: tuple[Query, ...]
) -> EvolutionPlan:
    """The plan with what the server says of the changes."""
    collection = client[new.target.database][new.target.collection]
    hindrances = [*unsupported(client, new, profile)]
    if not profile.query_operators or (live.unfinished and not live.unfinished.foreseeable(new)):
        return replace(found, hindrances=tuple(hindrances))
    old = tuple(shape.mapping for shape in live.shapes)
    rewrite = rewriting_of_all(old, new, live.evidence)
    if found.sources:
        rewrite = Rewriting(sources=found.sources, changed=rewrite.changed)
    if live.unfinished:
        rewrite = replace(rewrite, making=(*live.unfinished.before(new), *rewrite.making))
    counting = Counting(old, awaiting(_before_steps(live), new), found.changes, rewrite, found.expiring, profile, sample)
    counts = counting.count(collection)
    if live.unfinished:  # what is at a new path may be its own doing
        counts = replace(counts, taken={})
    if found.continues:
        counts = replace(counts, unsure={}, nulled={})
    found = replace(found, counts=counts)
    if not found.blocked:
        own = live.unfinished.indexes if live.unfinished else []
        hindrances += [
            *refused_indexes(collection, live.existing, union_of(old), new, rewrite, own=own, estimate=bool(sample)),
            *unnamable(new, found.counts),
        ]
    return replace(found, hindrances=(*hindrances, *_of_the_first(client, live, new, profile)))


def _of_the_first(client: MongoClient[Any], live: LiveCollection, new: Mapping, profile: ServerProfile) -> tuple[Finding, ...]:
    """For what an unfinished apply would be refused that has to be finished first."""
    first = live.unfinished
    if first is None or first.way(new) is not Way.FINISH or first.way(first.plan.new) is not Way.CONTINUE:
        return ()
    return _inspect_and_plan(client, first.finishing(new), profile, estimate=False)[1].refusals


def _before_steps(live: LiveCollection) -> Mapping:
    """The mapping of which documents may still lack what steps make."""
    return live.unfinished.plan.old if live.unfinished else live.old
