"""The order in which a live collection is changed, as data: what `engine apply` carries out, and `--dry-run` prints. Pure.

First both shapes are allowed, then every document changes atomically from one to the other; indexes are built before old values are
dropped, and the validator is closed last. A step can be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from engine.documents.validators import any_of, options, validator
from engine.evolution.asides import KeptAside
from engine.evolution.combining import rewriting_of_all, rewritings, union_of
from engine.evolution.declared import awaiting, due, selected, stages
from engine.evolution.expiring import EXPIRY, Expiry
from engine.evolution.judging import Evidence
from engine.evolution.rewriting import Rewriting
from engine.evolution.shaping import Stage
from engine.evolution.trimming import conflicting
from engine.mapping.model import DeclaredStep, Field, Index
from engine.mapping.model import Mapping as Model
from engine.mapping.profiles import ServerProfile
from engine.values.paths import arrays_of, dotted

Command = dict[str, Any]
SHOWN_IDS = "the _ids of one batch"


class Action(Enum):
    """What carrying out a step is."""

    COMMANDS = "send its commands as they stand"
    DROP_INDEXES = "send its commands, for the indexes that are still there"
    BUILD_INDEXES = "send its commands, once no document would break a unique index"
    REWRITE = "rewrite all documents with its stages"
    TRIM = "rewrite all documents with its stages, once what others wrote in the old shape is rewritten"
    CLOSE = "send its commands, once all documents have the new shape"
    CHECK = "see to documents that the new mapping refuses"
    UPDATE = "update once what the declared step selects"
    RETURN = "bring back documents of `aside` that fit again"


@dataclass(frozen=True)
class Step:
    """One step, with the `commands` of the server, or the `stages` of the rewriting, that it is about. `name` is kept in ledgers."""

    name: str
    title: str
    action: Action = Action.COMMANDS
    commands: tuple[Command, ...] = ()
    stages: tuple[Stage, ...] = ()
    aside: KeptAside | None = None
    declared: DeclaredStep | None = None


@dataclass(frozen=True)
class ApplyPlan:
    """From the old mapping to the new one.

    Until the step `trim`, documents keep what the new mapping has removed: they are those of `between`, one for each shape that documents
    had, the newest first. `expiring`: TTL indexes that will delete documents as nothing did before.
    """

    old: Model
    new: Model
    between: tuple[Model, ...]
    rewrite: Rewriting
    steps: tuple[Step, ...]
    expiring: tuple[Expiry, ...] = ()

    @property
    def intermediate(self) -> Model:
        """What documents are until then that have the newest of the shapes."""
        return self.between[0]


def apply_plan(
    shapes: Sequence[Model],
    new: Model,
    evidence: Evidence | None,
    profile: ServerProfile,
    double: frozenset[tuple[str, str]] = frozenset(),
) -> ApplyPlan:
    """The steps, in order, without those that have nothing to do. `shapes`: those that documents have, the newest first.

    `double`: old and new path of renames, where documents hold something at both before it begins.
    """
    old = shapes[0]
    rewrite, fitting = rewriting_of_all(shapes, new, evidence), awaiting(old, new)
    there = union_of(shapes)
    removed = [(shape, one.removed) for shape, one in zip(shapes, rewritings(shapes, fitting, evidence), strict=True)]
    between = tuple(_intermediate(shape, fitting, gone) if gone else fitting for shape, gone in removed)
    once = replace(rewrite, pairs=tuple(pair for pair in rewrite.pairs if pair not in double))
    found = (
        Step("widen", "allow both shapes", commands=tuple(_widen(shapes, between, new, profile, once))),
        Step("free", "drop indexes that conflict with the rewrite or with new indexes", Action.DROP_INDEXES,
             tuple(_drop(new, _in_the_way(there, new, rewrite)))),
        Step("rewrite", "rewrite documents", Action.REWRITE, stages=rewrite.stages),
        *(
            Step(f"step {step.name}", f"carry out the step {step.name}", Action.UPDATE, stages=stages(step), declared=step)
            for step in due(old, new)
        ),
        Step("index", "build indexes", Action.BUILD_INDEXES, tuple(_build(new, expiring=False))),
        Step("check", "count documents that the new mapping refuses", Action.CHECK),
        Step("unindex", "drop indexes that the mapping no longer has", Action.DROP_INDEXES, tuple(_drop(new, _gone(there, new)))),
        Step("trim", "drop the values of removed fields", Action.TRIM, stages=rewrite.trim),
        Step("tighten", "allow the new shape only", Action.CLOSE, tuple(_tighten(new, profile))),
        Step("expire", "build TTL indexes, which delete documents", Action.BUILD_INDEXES, tuple(_build(new, expiring=True))),
    )  # fmt: skip
    needed = tuple(step for step in found if step.commands or step.stages or step.action is Action.CHECK)
    return ApplyPlan(old, new, between, rewrite, needed)


def returning(found: ApplyPlan, asides: Iterable[KeptAside]) -> ApplyPlan:
    """With last steps that bring back what fits of earlier applies' documents: the whole collection is the new mapping's by then."""
    steps = (
        Step(f"return {kept.run}", f"bring back documents that run {kept.run} set aside", Action.RETURN, aside=kept)
        for kept in asides
        if kept.returning
    )
    return replace(found, steps=(*found.steps, *steps))


def _intermediate(old: Model, new: Model, removed: tuple[Field, ...]) -> Model:
    """The new mapping with the removed fields of the old one, and with their arrays."""
    there = {array.path for array in new.arrays}
    along = {array for field in removed for array in arrays_of(field.path)} - there
    arrays = (*new.arrays, *(declaration for declaration in old.arrays if declaration.path in along))
    free = [field for field in removed if not any(conflicting(field.path, other.path) for other in new.fields)]
    return replace(new, fields=(*new.fields, *free), arrays=arrays, rules=(), indexes=())


def _level(old: Model, new: Model, rewrite: Rewriting) -> dict[str, Any]:
    """The level of validation meanwhile, where documents stay that the new mapping refuses: none may be refused while it is changed."""
    if not new.validation.keeps:
        return {}
    return {"validationLevel": "off" if rewrite.whole or due(old, new) else new.validation.server_level}


def _widen(shapes: Sequence[Model], between: Sequence[Model], new: Model, profile: ServerProfile, rewrite: Rewriting) -> Iterator[Command]:
    """Documents of every shape pass; where fields may have any name, those do not that have a renamed field twice."""
    old = shapes[0]
    if rules := options(old, profile):
        either = any_of(validator(mapping, profile) for mapping in (*between, new, *shapes))  # most documents fit the first
        twice = [{before: {"$exists": True}, after: {"$exists": True}} for before, after in rewrite.pairs]
        open_to_all = any(mapping.validation.additional for mapping in (*shapes, new))
        whole = {"$and": [either, {"$nor": twice}]} if twice and open_to_all else either
        yield _modify(new, rules | {"validator": whole} | _level(old, new, rewrite))


def _tighten(new: Model, profile: ServerProfile) -> Iterator[Command]:
    if found := new.target.options.changeable | options(new, profile):
        yield _modify(new, found)


def _modify(new: Model, rules: Mapping[str, Any]) -> Command:
    return {"collMod": new.target.collection, **rules}


def _build(new: Model, *, expiring: bool) -> Iterator[Command]:
    """Those that delete documents, or the others."""
    if indexes := [index for index in new.indexes if (EXPIRY in index.options) == expiring]:
        collated = new.target.options.collates
        specs = [{"name": index.name, "key": dict(index.keys), **index.options_on(collated=collated)} for index in indexes]
        yield {"createIndexes": new.target.collection, "indexes": specs}


def _drop(new: Model, names: Iterable[str]) -> Iterator[Command]:
    if listed := list(names):
        yield {"dropIndexes": new.target.collection, "index": listed}


def _gone(old: Model, new: Model) -> list[str]:
    """Indexes that the new mapping does not have; those that it has with other keys or options were dropped as conflicting."""
    names = {index.name for index in new.indexes}
    return [index.name for index in old.indexes if index.name not in names]


def _in_the_way(old: Model, new: Model, rewrite: Rewriting) -> list[str]:
    """Indexes to drop before documents change: those that a value on its way could break, and ones whose name or keys a new index needs."""
    wanted = {index.name for index in new.indexes} | {index.keys for index in new.indexes}
    one_text = any(index.is_text for index in new.indexes)  # a collection has at most one
    clashing = [
        index for index in old.indexes
        if index not in new.indexes and (index.name in wanted or index.keys in wanted or (one_text and index.is_text))
    ]  # fmt: skip
    moved = _moved(old, new, rewrite)
    return [index.name for index in old.indexes if index in clashing or (_acts(index) and _holds(index, moved))]


def remade_indexes(old: Model, new: Model, rewrite: Rewriting) -> frozenset[str]:
    """The names of the new indexes that hold values which change."""
    moved = _moved(old, new, rewrite) | rewrite.moved
    return frozenset(index.name for index in new.indexes if _holds(index, moved))


def _moved(old: Model, new: Model, rewrite: Rewriting) -> set[str]:
    """The old paths whose values do not stay there."""
    return {field.path for field in old.fields} - ({field.path for field in new.fields} - rewrite.moved)


def _acts(index: Index) -> bool:
    """Whether it refuses or deletes documents."""
    return bool(index.options.get("unique")) or EXPIRY in index.options


def _holds(index: Index, paths: Iterable[str]) -> bool:
    return any(
        key == path or key.startswith(f"{path}.") or path.startswith(f"{key}.") for key, _ in index.keys for path in map(dotted, paths)
    )


def printed(found: ApplyPlan) -> Iterator[tuple[Step, tuple[Command, ...]]]:
    """Every step with its commands; a rewrite is shown as the update of one batch."""
    for step in found.steps:
        wanted = {"_id": {"$in": SHOWN_IDS}} | (selected(step.declared) if step.declared else {})
        update = {"update": found.new.target.collection, "updates": [{"q": wanted, "u": list(step.stages), "multi": True}]}
        shown = (*step.commands, *((update,) if step.stages else ()), *(_moving(step.aside, found.new) if step.aside else ()))
        yield step, shown


def _moving(kept: KeptAside, new: Model) -> Iterator[Command]:
    """The commands of one transaction."""
    batch = {"_id": {"$in": SHOWN_IDS}}
    yield {"aggregate": kept.collection, "pipeline": [{"$match": batch}, *kept.fitting_stages], "cursor": {}}
    yield {"insert": new.target.collection, "documents": "what that finds"}
    yield {"delete": kept.collection, "deletes": [{"q": batch, "limit": 0}]}
