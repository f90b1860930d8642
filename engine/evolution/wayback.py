"""The way back from a half-done apply: a pipeline to the old mapping, and which values it cannot compute. Pure.

Where the old value cannot be computed from the new one (the text `007` from the number 7), the pipeline leaves the new value at its old
path. Apply keeps such old values while it rewrites, and the undoing puts them back before it uses the pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from engine.evolution.pairing import arrays, pairs
from engine.evolution.rewriting import Rewriting, ordering, rewriting
from engine.evolution.shaping import Stage
from engine.evolution.steps import ApplyPlan
from engine.evolution.values import root
from engine.mapping.model import Field, Mapping
from engine.values.paths import MARK

WRITABLE = ["int", "long", "double", "decimal", "bool", "objectId"]
INEXACT = "decimal"  # 1.0 and 1.00 become one int


@dataclass(frozen=True)
class Kept:
    """A value (of an array the whole) that the way back cannot compute: its path in old documents, and in new ones.

    `new` is empty where a new field needs the place of a removed one; it is put back at the end, then.
    """

    old: str
    new: str


@dataclass(frozen=True)
class WayBack:
    """`rewrite` leads from the new mapping's documents, which still have the removed fields, to those of the old one.

    `texts` are old paths of texts for which the new mapping has values of another type: those that nobody kept are written as texts.
    `order`: what gives kept values that were put back their place among the others.
    """

    rewrite: Rewriting = field(default_factory=Rewriting)
    kept: tuple[Kept, ...] = ()
    texts: tuple[str, ...] = ()
    order: tuple[Stage, ...] = ()

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The pipeline; it can be repeated."""
        as_texts = [putting(path, _as_text(f"${path}")) for path in self.texts]
        return (*self.rewrite.whole, *as_texts)

    @property
    def queries(self) -> tuple[Stage, ...]:
        """A document that may have to be rewritten meets one of them."""
        return (*self.rewrite.old, *self.rewrite.left, *({path: {"$type": WRITABLE}} for path in self.texts))


def way_back(plan: ApplyPlan) -> WayBack:
    """The way back of an apply that has not begun to drop values.

    The apply gives no path to another field while one moves from or onto it, so neither does the way back.
    """
    there = _bare(plan.intermediate)
    goal, kept = _with_names(_bare(plan.old), plan), list[Kept]()
    for path in _inexact(plan):
        goal = _given_up(goal, plan, path, kept)
    while wrong := _wrong(found := rewriting(there, goal)):
        goal = _given_up(goal, plan, wrong, kept)
    types = {one.path: one.type.bson_type for one in plan.old.fields}
    texts = tuple(one.old for one in kept if types.get(one.old) == "string" and MARK not in one.old)
    return WayBack(found, tuple(kept), texts, (ordering(_bare(plan.old), [one.old for one in kept]),) if kept else ())


def _as_text(value: str) -> Any:
    return {"$cond": [{"$in": [{"$type": value}, WRITABLE]}, {"$toString": value}, value]}


def _bare(mapping: Mapping) -> Mapping:
    """Without what decides only which rows become documents."""
    return replace(mapping, dedup=None, identity=None, rules=())


def _with_names(old: Mapping, plan: ApplyPlan) -> Mapping:
    """The old mapping, as an edit of the new one that takes back all new names."""
    moved = {pair.old.path: pair.new.path for pair in pairs(plan.old, plan.new) if pair.old and pair.new}
    fields = (replace(field, was=moved[field.path] if moved.get(field.path, field.path) != field.path else "") for field in old.fields)
    return replace(old, fields=tuple(fields))


def _inexact(plan: ApplyPlan) -> list[str]:
    """Old paths of values of which the new type shows a part only."""
    found = [(pair.old, pair.new) for pair in pairs(plan.old, plan.new) if pair.old and pair.new]
    return [old.path for old, new in found if old.type.bson_type == INEXACT != new.type.bson_type]


def _wrong(found: Rewriting) -> str:
    """An old path whose value only the source has, or may have."""
    return next(iter({**(found.sources or {}), **(found.unsure or {})}), "")


def _given_up(goal: Mapping, plan: ApplyPlan, path: str, kept: list[Kept]) -> Mapping:
    """The goal with the field as the new mapping has it, or all of the array that it is in."""
    new_paths = {pair.old.path: pair.new for pair in pairs(plan.old, plan.new) if pair.old and pair.new}
    before = root(path)
    after = next((new for new, old in arrays(plan.old, plan.new).items() if old == before), None)
    if after is None:
        field = new_paths.get(path)
        kept.append(Kept(path, field.path if field else ""))
        if field is None:
            return replace(goal, fields=tuple(one for one in goal.fields if one.path != path))
        return replace(goal, fields=tuple(_under(field, path) if one.path == path else one for one in goal.fields))
    kept.append(Kept(before, after))
    inside = tuple(_under(field, before + field.path[len(after) :]) for field in plan.intermediate.fields if _in(field, after))
    declared = tuple(replace(one, path=before + one.path[len(after) :]) for one in plan.intermediate.arrays if one.path.startswith(after))
    fields = _instead(goal.fields, inside, before)
    return replace(goal, fields=fields, arrays=(*(one for one in goal.arrays if not one.path.startswith(before)), *declared))


def _under(field: Field, path: str) -> Field:
    return replace(field, path=path, was=field.path if field.path != path else "")


def _in(field: Field, array: str) -> bool:
    return field.path.startswith(f"{array}{MARK}")


def _instead(fields: Iterable[Field], others: tuple[Field, ...], array: str) -> tuple[Field, ...]:
    """The fields, with others in the place of those of an array."""
    listed = list(fields)
    start = next(number for number, field in enumerate(listed) if _in(field, array))
    return (*listed[:start], *others, *(field for field in listed[start:] if not _in(field, array)))


def putting(path: str, value: Any, *, emptied: bool = False, making: bool = False) -> Stage:
    """The stage that puts a value at a path, where the documents around it are there.

    `making`: missing ones are made; `emptied` ones go, where nothing is left in them.
    """
    first, *inside = path.split(".")
    return {"$set": {first: _within(f"${first}", inside, value, emptied=emptied, making=making)}}


def _within(at: str, names: list[str], value: Any, *, emptied: bool, making: bool = False) -> Any:
    if not names:
        return value
    further = _within(f"{at}.{names[0]}", names[1:], value, emptied=emptied, making=making)
    made: Any = {"$setField": {"field": {"$literal": names[0]}, "input": {"$ifNull": [at, {}]} if making else at, "value": further}}
    if emptied:
        made = {"$let": {"vars": {"d": made}, "in": {"$cond": [{"$eq": ["$$d", {"$literal": {}}]}, "$$REMOVE", "$$d"]}}}
    return {"$cond": [{"$in": [{"$type": at}, ["object", *(["missing"] if making else [])]]}, made, at]}
