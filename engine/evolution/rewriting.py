"""How a stored document becomes one of the new mapping: one aggregation pipeline that builds it whole, in the new order. Pure.

An update with it changes a document at once, and writes it only where its bytes differ. `_id` never changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from engine.documents.validators import stored_fields
from engine.evolution.building import Build, Stage, levels
from engine.evolution.implications import implies
from engine.evolution.outcomes import NeedsSource, Value, stored
from engine.evolution.pairing import arrays, pairs, renames
from engine.evolution.trees import renamed
from engine.evolution.values import root, values
from engine.expressions import Unsupported
from engine.mapping.model import ID, Field
from engine.mapping.model import Mapping as Model
from engine.mapping.names import called_alike, same_rows
from engine.values.paths import MARK, arrays_of

MAX_DEPTH = 20  # levels of a document that the pipeline can build: each takes several of the 200 levels of BSON that mongod parses


@dataclass(frozen=True)
class Rewriting:
    """`stages` make the document. `sources`: what needs the source, by path (or `dedup`, `_id`), with the reason; then there are no stages.

    `unsure`: by path, queries over the old document for those whose new value only the source has. `changed` are the new paths whose
    value is not a stored one, `moved` those whose value is not stored under the same path.
    """

    stages: tuple[Stage, ...] = ()
    sources: Mapping[str, str] | None = None
    unsure: Mapping[str, Stage] | None = None
    changed: frozenset[str] = frozenset()
    moved: frozenset[str] = frozenset()


def rewriting(old: Model, new: Model, nothing_nulled: Collection[str] = (), kept_fields: tuple[Field, ...] = ()) -> Rewriting:
    """The pipeline from documents of the old mapping to those of the new one; no stages where the documents are the same.

    `kept_fields`: fields of the old mapping that stay for now.
    """
    old = called_alike(old, new)
    found, elements = values(old, new, nothing_nulled)
    sources = {path: value.reason for path, value in found.items() if isinstance(value, NeedsSource)}
    known = {path: value for path, value in found.items() if isinstance(value, Value)}
    changed = frozenset((*sources, *(path for path, value in known.items() if not value.unchanged),
                         *(path for path, kept in elements.items() if kept.kept is not None)))  # fmt: skip
    sources |= _keys(old, new, changed) | _rules(old, new, changed)
    if any(levels(path) > MAX_DEPTH for path in known):
        sources["fields"] = f"the server can build documents of at most {MAX_DEPTH} levels"
    if sources:
        return Rewriting(sources=sources, changed=changed)
    build = Build(together(old, new, kept_fields), old, known | {field.path: stored(field) for field in kept_fields}, elements)
    moved = frozenset(path for path, value in known.items() if not value.unchanged or value.origin != path)
    unsure = {path: value.unsure for path, value in known.items() if value.unsure}
    return Rewriting(() if build.same else build.stages(), {}, unsure, changed, moved)


def _keys(old: Model, new: Model, changed: Collection[str]) -> dict[str, str]:
    """Why rows would be identified in another way (by `dedup` or `_id`); empty where they would not."""
    moved, reasons = renames(old, new), {}
    for name, before, after in (("dedup", old.dedup, new.dedup), (ID, old.identity, new.identity)):
        known = before and _renamed(before, moved)
        if known != after and not (name == "dedup" and _only_stricter(known, after)):
            reasons[name] = "rows are identified in another way"
        elif after and (remade := [path for path in _listed(after) if path in changed]):
            reasons[name] = f"{remade[0]} changes, and rows are identified by it"
    if old.identity == new.identity and not same_rows(old, new):
        reasons[ID] = "the oldest name of a column orders the cells of hashed rows, and is another one; keep it last in the list"
    if new.identity is None and ID in changed:
        reasons[ID] = "_id gets a new value"
    return reasons


def _renamed(part: Any, moved: Mapping[str, str]) -> Any:
    """Dedup or identity, with the new paths."""
    named = {field.name: getattr(part, field.name) for field in fields(part)}
    listed = {name: tuple(moved.get(path, path) for path in value) for name, value in named.items() if isinstance(value, tuple)}
    return replace(part, **listed, **({"by": moved.get(named["by"], named["by"])} if "by" in named else {}))


def _listed(part: Any) -> list[str]:
    """The paths that it names, columns among them."""
    values = [getattr(part, field.name) for field in fields(part)]
    return [path for value in values if isinstance(value, tuple) for path in value] + [path for path in [getattr(part, "by", None)] if path]


def _only_stricter(before: Any, after: Any) -> bool:
    """`keep: first` and `keep: fail` make the same documents."""
    return bool(before and after and {before.keep, after.keep} == {"first", "fail"} and replace(before, keep=after.keep) == after)


def _rules(old: Model, new: Model, changed: frozenset[str]) -> dict[str, str]:
    """Rules that may judge stored documents differently and that the server cannot check, with the reason."""
    before, moved, reasons = {rule.name: rule for rule in old.rules}, renames(old, new), {}
    drops = {f"{array.path}{MARK}" for array in new.arrays if array.on_error == "drop"}
    for rule in new.rules:
        known = before.pop(rule.name, None)
        same = known and known.on_fail == rule.on_fail and renamed(known.check, moved) == rule.check
        eased = known and known.on_fail != "warn" and implies(renamed(known.check, moved), rule.check)
        verdict = rule.check.check_mongo()
        if not same and f"{rule.check.array}{MARK}".startswith(tuple(drops)):
            reasons[f"rule {rule.name}"] = "elements that break it are dropped"
        if rule.on_fail != "warn" and isinstance(verdict, Unsupported) and not (eased and not rule.check.paths & changed):
            reasons[f"rule {rule.name}"] = f"the server cannot check it: {verdict.reason}"
    gone = [name for name, rule in before.items() if f"{moved.get(rule.check.array, rule.check.array)}{MARK}".startswith(tuple(drops))]
    return reasons | {f"rule {name}": "elements that broke it were dropped" for name in gone}


def fields_to_keep(old: Model, new: Model) -> tuple[Field, ...]:
    """The removed fields that can be carried along until the last step, because no new path conflicts with them; of arrays, whole ones."""
    kept, there = {*arrays(old, new).values()}, {field.path for field in stored_fields(old)}
    gone = [pair.old for pair in pairs(old, new) if pair.new is None and pair.old and pair.old.path in there]
    free = [field for field in gone if not any(_conflict(root(field.path), root(other.path)) for other in new.fields)]
    return tuple(field for field in free if not kept & {*arrays_of(field.path)} and not _shared(old, new, root(field.path)))


def _shared(old: Model, new: Model, array: str) -> bool:
    """Whether a field of an array has moved out of it."""
    return any(pair.new and pair.old and pair.old.path.startswith(f"{array}{MARK}") for pair in pairs(old, new))


def together(old: Model, new: Model, kept_fields: Iterable[Field]) -> tuple[Field, ...]:
    """The new fields and the carried ones, each of these after the field that it followed before."""
    moved, every = renames(old, new), stored_fields(new)
    paths = [moved.get(field.path, field.path) for field in stored_fields(old)]
    for field in kept_fields:
        before = paths[: paths.index(field.path)]
        places = [place for place, other in enumerate(every, start=1) if before and other.path == before[-1]]
        every.insert(places[0] if places else 0 if not before else len(every), field)
    return tuple(every)


def _conflict(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
