"""How a stored document becomes one of the new mapping: one aggregation pipeline that builds it whole, in the new order. Pure.

An update with it changes a document at once, and writes it only where its bytes differ. `_id` never changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from engine.documents.validators import stored_fields
from engine.evolution.building import Build, Stage, levels
from engine.evolution.outcomes import NeedsSource, Value, stored
from engine.evolution.pairing import arrays, pairs, renames
from engine.evolution.trees import renamed
from engine.evolution.values import root, values
from engine.expressions import Unsupported
from engine.mapping.model import ID, Field
from engine.mapping.model import Mapping as Model
from engine.values.paths import MARK, arrays_of

MAX_DEPTH = 20  # levels of a document that the pipeline can build: each takes several of the 200 levels of BSON that mongod parses


@dataclass(frozen=True)
class Rewriting:
    """`stages` make the document. `sources`: what only the source can say, by path (or `dedup`, `_id`), with the reason; then no stages.

    `unsure`: by path, queries over the old document that find those of which only the source tells. `changed` are the new paths whose
    value is not a stored one, `moved` those whose value is not stored under that path.
    """

    stages: tuple[Stage, ...] = ()
    sources: Mapping[str, str] | None = None
    unsure: Mapping[str, Stage] | None = None
    changed: frozenset[str] = frozenset()
    moved: frozenset[str] = frozenset()


def rewriting(old: Model, new: Model, nothing_nulled: Collection[str] = (), carried: tuple[Field, ...] = ()) -> Rewriting:
    """The pipeline from documents of the one mapping to those of the other; none where they have the same documents.

    `carried`: fields of the old mapping that stay for now.
    """
    found, elements = values(old, new, nothing_nulled)
    sources = {path: value.reason for path, value in found.items() if isinstance(value, NeedsSource)}
    known = {path: value for path, value in found.items() if isinstance(value, Value)}
    changed = frozenset((*sources, *(path for path, value in known.items() if not value.stays),
                         *(path for path, one in elements.items() if one.kept is not None)))  # fmt: skip
    sources |= _keys(old, new, changed) | _rules(old, new, changed)
    if any(levels(path) > MAX_DEPTH for path in known):
        sources["fields"] = f"the server can build documents of {MAX_DEPTH} levels"
    if sources:
        return Rewriting(sources=sources, changed=changed)
    build = Build(together(old, new, carried), old, known | {one.path: stored(one) for one in carried}, elements)
    moved = frozenset(path for path, value in known.items() if not value.stays or value.origin != path)
    unsure = {path: value.unsure for path, value in known.items() if value.unsure}
    return Rewriting(() if build.same else build.stages(), {}, unsure, changed, moved)


def _keys(old: Model, new: Model, changed: Collection[str]) -> dict[str, str]:
    """Why rows would be told apart in another way, if they would."""
    moved, reasons = renames(old, new), {}
    for name, before, after in (("dedup", old.dedup, new.dedup), (ID, old.identity, new.identity)):
        known = before and _renamed(before, moved)
        if known != after and not (name == "dedup" and _only_stricter(known, after)):
            reasons[name] = "rows are told apart in another way"
        elif after and (remade := [path for path in _listed(after) if path in changed]):
            reasons[name] = f"{remade[0]} is part of what rows are told apart by"
    if new.identity is None and ID in changed:
        reasons[ID] = "_id is made anew"
    return reasons


def _renamed(part: Any, moved: Mapping[str, str]) -> Any:
    """Dedup or identity, with the new paths."""
    named = {one.name: getattr(part, one.name) for one in fields(part)}
    listed = {name: tuple(moved.get(path, path) for path in value) for name, value in named.items() if isinstance(value, tuple)}
    return replace(part, **listed, **({"by": moved.get(named["by"], named["by"])} if "by" in named else {}))


def _listed(part: Any) -> list[str]:
    """The paths that it names, columns among them."""
    values = [getattr(part, one.name) for one in fields(part)]
    return [path for value in values if isinstance(value, tuple) for path in value] + [path for path in [getattr(part, "by", None)] if path]


def _only_stricter(before: Any, after: Any) -> bool:
    """`keep: first` and `keep: fail` make the same documents."""
    return bool(before and after and {before.keep, after.keep} == {"first", "fail"} and replace(before, keep=after.keep) == after)


def _rules(old: Model, new: Model, changed: frozenset[str]) -> dict[str, str]:
    """Rules that may judge stored documents anew, and that the server cannot judge."""
    before, moved, reasons = {one.name: one for one in old.rules}, renames(old, new), {}
    drops = {f"{one.path}{MARK}" for one in new.arrays if one.on_error == "drop"}
    for one in new.rules:
        known = before.pop(one.name, None)
        same = known and known.on_fail == one.on_fail and renamed(known.check, moved) == one.check
        verdict = one.check.check_mongo()
        if not same and f"{one.check.array}{MARK}".startswith(tuple(drops)):
            reasons[f"rule {one.name}"] = "elements that break it are left out"
        if one.on_fail != "warn" and isinstance(verdict, Unsupported) and not (same and not one.check.paths & changed):
            reasons[f"rule {one.name}"] = f"the server cannot judge it: {verdict.reason}"
    gone = [name for name, one in before.items() if f"{moved.get(one.check.array, one.check.array)}{MARK}".startswith(tuple(drops))]
    return reasons | {f"rule {name}": "elements that broke it were left out" for name in gone}


def removed(old: Model, new: Model) -> tuple[Field, ...]:
    """The fields that are gone and can be carried along until the end, since no new path is in their way: of arrays, whole ones."""
    kept, there = {*arrays(old, new).values()}, {one.path for one in stored_fields(old)}
    gone = [pair.old for pair in pairs(old, new) if pair.new is None and pair.old and pair.old.path in there]
    free = [one for one in gone if not any(_conflict(root(one.path), root(other.path)) for other in new.fields)]
    return tuple(one for one in free if not kept & {*arrays_of(one.path)} and not _shared(old, new, root(one.path)))


def _shared(old: Model, new: Model, array: str) -> bool:
    """Whether something of an array has become another one's."""
    return any(pair.new and pair.old and pair.old.path.startswith(f"{array}{MARK}") for pair in pairs(old, new))


def together(old: Model, new: Model, carried: Iterable[Field]) -> tuple[Field, ...]:
    """The new fields and those that are carried along, each of these behind the field that it stood behind."""
    moved, every = renames(old, new), stored_fields(new)
    paths = [moved.get(one.path, one.path) for one in stored_fields(old)]
    for one in carried:
        before = paths[: paths.index(one.path)]
        places = [place for place, other in enumerate(every, start=1) if before and other.path == before[-1]]
        every.insert(places[0] if places else 0 if not before else len(every), one)
    return tuple(every)


def _conflict(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
