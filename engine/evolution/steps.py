"""The order in which a live collection is changed, as data: what `engine apply` carries out, and `--dry-run` prints. Pure.

First both shapes are allowed, then every document changes from one to the other, each at once; indexes come before what is gone goes, and
the validator is closed last. A step can be repeated; the rewriting of a batch of documents is done once, since its place is kept with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.documents.validators import options, validator
from engine.evolution.building import Stage, trimming
from engine.evolution.diff import index_spec
from engine.evolution.judging import Evidence, planned
from engine.evolution.rewriting import Rewriting, removed, together
from engine.mapping.model import Field, Index
from engine.mapping.model import Mapping as Model
from engine.mapping.profiles import Profile
from engine.values.paths import arrays_of, dotted

Command = dict[str, Any]
SHOWN_IDS = "the _ids of one batch"


@dataclass(frozen=True)
class Step:
    """One step: `commands` of the server as they stand, or `stages` with which every document is rewritten, or `check` what is refused."""

    name: str
    title: str
    commands: tuple[Command, ...] = ()
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class Way:
    """From the old mapping to the new one.

    Until the last step, documents keep the `carried` fields, which the new mapping does not have: they are those of `between`, made by
    `rewrite`. `straight` would leave them out at once.
    """

    old: Model
    new: Model
    between: Model
    carried: tuple[Field, ...]
    rewrite: Rewriting
    straight: Rewriting
    steps: tuple[Step, ...]


def way(old: Model, new: Model, evidence: Evidence | None, profile: Profile) -> Way:
    """The steps, in order. Those that have nothing to do are left out."""
    carried = removed(old, new)
    rewrite = planned(old, new, evidence, carried)
    between = _between(old, new, carried) if carried else new
    found = (
        Step("widen", "allow both shapes", tuple(_widen(old, between, new, profile))),
        Step("free", "drop unique indexes that the rewriting would break", tuple(_drop(new, _in_the_way(old, new, rewrite)))),
        Step("rewrite", "rewrite documents", stages=rewrite.stages),
        Step("index", "build indexes", tuple(_build(new))),
        Step("check", "count documents that the new mapping refuses"),
        Step("unindex", "drop indexes that are gone", tuple(_drop(new, _gone(old, new)))),
        Step("trim", "drop what removed fields hold", stages=trimming(new) if carried else ()),
        Step("tighten", "allow the new shape only", tuple(_tighten(new, profile))),
    )
    straight = planned(old, new, evidence)
    busy = tuple(step for step in found if step.commands or step.stages or step.name == "check")
    return Way(old, new, between, carried, rewrite, straight, busy)


def _between(old: Model, new: Model, carried: tuple[Field, ...]) -> Model:
    """The new mapping with fields of the old one, and with their arrays."""
    along = {array for one in carried for array in arrays_of(one.path)}
    arrays = (*new.arrays, *(one for one in old.arrays if one.path in along))
    return replace(new, fields=together(old, new, carried), arrays=arrays, rules=(), indexes=())


def _widen(old: Model, between: Model, new: Model, profile: Profile) -> Iterator[Command]:
    shapes = [validator(one, profile) for one in (old, between, new)]
    if shapes[0]:
        distinct = [shape for number, shape in enumerate(shapes) if shape not in shapes[:number]]
        yield _modify(new, options(old, profile) | {"validator": distinct[0] if len(distinct) == 1 else {"$or": distinct}})


def _tighten(new: Model, profile: Profile) -> Iterator[Command]:
    if found := options(new, profile):
        yield _modify(new, found)


def _modify(new: Model, rules: Mapping[str, Any]) -> Command:
    return {"collMod": new.target.collection, **rules}


def _build(new: Model) -> Iterator[Command]:
    if new.indexes:
        specs = [{"name": one.name, **(index_spec(one) or {})} for one in new.indexes]
        yield {"createIndexes": new.target.collection, "indexes": specs}


def _drop(new: Model, names: Iterable[str]) -> Iterator[Command]:
    if listed := list(names):
        yield {"dropIndexes": new.target.collection, "index": listed}


def _gone(old: Model, new: Model) -> list[str]:
    """Indexes that the new mapping does not have; those that it has otherwise were in the way."""
    names = {one.name for one in new.indexes}
    return [one.name for one in old.indexes if one.name not in names]


def _in_the_way(old: Model, new: Model, rewrite: Rewriting) -> list[str]:
    """What must go before documents change: unique indexes over values that will, and indexes whose name, or whose keys, are wanted."""
    wanted = {one.name for one in new.indexes} | {one.keys for one in new.indexes}
    moved = {one.path for one in old.fields} - ({one.path for one in new.fields} - rewrite.moved)
    clashing = [one for one in old.indexes if one not in new.indexes and (one.name in wanted or one.keys in wanted)]
    return [one.name for one in old.indexes if one in clashing or _touches(one, moved)]


def _touches(index: Index, paths: Iterable[str]) -> bool:
    return bool(index.options.get("unique")) and any(
        key == path or key.startswith(f"{path}.") or path.startswith(f"{key}.") for key, _ in index.keys for path in map(dotted, paths)
    )


def printed(found: Way) -> Iterator[tuple[Step, tuple[Command, ...]]]:
    """Every step with its commands; a rewriting is shown as the update of one batch."""
    for step in found.steps:
        update = {"update": found.new.target.collection,
                  "updates": [{"q": {"_id": {"$in": SHOWN_IDS}}, "u": list(step.stages), "multi": True}]}  # fmt: skip
        yield step, (step.commands or ((update,) if step.stages else ()))
