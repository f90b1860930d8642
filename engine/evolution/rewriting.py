"""How a stored document becomes one of the new mapping: an aggregation pipeline that changes what has changed, in the new order. Pure.

An update with it changes a document at once, and writes it only where its bytes differ, so it can be repeated. `_id` never changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from engine.documents.validators import stored_fields
from engine.evolution.building import Build
from engine.evolution.guards import old_values, removed_values
from engine.evolution.implications import implies
from engine.evolution.outcomes import KeptElements, NeedsSource, Value
from engine.evolution.pairing import pairs, renames
from engine.evolution.places import Places
from engine.evolution.shaping import Stage
from engine.evolution.trees import renamed
from engine.evolution.trimming import trimming
from engine.evolution.values import values
from engine.expressions import Unsupported
from engine.mapping.model import ID, Field
from engine.mapping.model import Mapping as Model
from engine.mapping.names import called_alike, same_rows
from engine.values.paths import MARK, document_order

UNCLEAR = "documents do not show whether it has moved already: do one after the other, the rename and what takes or leaves that path"
MAX_DEPTH = 20  # levels of a document that the pipeline can build: each takes several of the 200 levels of BSON that mongod parses


@dataclass(frozen=True)
class Rewriting:
    """`stages` make the document, as often as they are used; of removed fields they leave what they can, and `trim` drops it.

    They are the `making` of values from the old document, and the `computing` of others from those. Of several shapes, the `moving` of all
    comes first: it makes only what the document shows, so that nothing is filled in where a document of another shape has its value.

    `sources`: what needs the source, by path (or `dedup`, `_id`), with the reason; then there are no stages. `unsure`: by path, queries
    over the old document for those whose new value only the source has. `changed` are the new paths whose value is not a stored one,
    `moved` those whose value is not stored under the same path. `removed` are the old fields that are left until the trim, where they are.
    `old` and `left` are queries, of which a document that may hold an old value, or the value of a removed field, meets one. `pairs` are
    the old and new paths of which a document has one.
    """

    moving: tuple[Stage, ...] = ()
    making: tuple[Stage, ...] = ()
    computing: tuple[Stage, ...] = ()
    trim: tuple[Stage, ...] = ()
    sources: Mapping[str, str] | None = None
    unsure: Mapping[str, Stage] | None = None
    changed: frozenset[str] = frozenset()
    moved: frozenset[str] = frozenset()
    removed: tuple[Field, ...] = ()
    old: tuple[Stage, ...] = ()
    left: tuple[Stage, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All but the trim."""
        return (*self.making, *self.computing)

    @property
    def whole(self) -> tuple[Stage, ...]:
        """All stages: what a document becomes at last."""
        return (*self.stages, *self.trim)


def rewriting(old: Model, new: Model, nothing_nulled: Collection[str] = ()) -> Rewriting:
    """The pipeline from documents of the old mapping to those of the new one; no stages where the documents are the same."""
    old = called_alike(old, new)
    found, elements = values(old, new, nothing_nulled)
    sources = {path: value.reason for path, value in found.items() if isinstance(value, NeedsSource)}
    known = {path: value for path, value in found.items() if isinstance(value, Value)}
    changed = frozenset((*sources, *(path for path, value in known.items() if not value.unchanged),
                         *(path for path, kept in elements.items() if kept.kept is not None)))  # fmt: skip
    sources |= _keys(old, new, changed) | _rules(old, new, changed)
    if any(levels(path) > MAX_DEPTH for path in known):
        sources["fields"] = f"the server can build documents of at most {MAX_DEPTH} levels"
    places = _places(old, new, known, elements)
    if circle := places.circular:
        sources[circle] = "fields exchange their paths, so no document shows whether they have been exchanged"
    sources = dict.fromkeys(places.reused, UNCLEAR) | sources
    if sources:
        return Rewriting(sources=sources, changed=changed)
    before, after = _in_order(stored_fields(old)), stored_fields(new)
    there = {pair.old.path for pair in pairs(old, new) if pair.old and pair.new}
    build = Build(tuple(after), tuple(field for field in before if field.path in there), known, elements, places)
    moved = frozenset(path for path, value in known.items() if not value.unchanged or value.origin != path)
    removed = tuple(replace(field, path=places.place(field.path)) for field in before if field.path not in there)
    return Rewriting(
        build.moving, build.making, build.computing, trimming(removed, after), {},
        {path: value.unsure for path, value in known.items() if value.unsure}, changed, moved,
        removed, old_values(build), removed_values(removed, after), places.exchanged,
    )  # fmt: skip


def ordering(mapping: Model, paths: Collection[str]) -> Stage:
    """The stage that gives what is at these paths of its documents the place that a run gives it."""
    found, elements = values(mapping, mapping)
    known = {path: value for path, value in found.items() if isinstance(value, Value)}
    stored = tuple(stored_fields(mapping))
    return Build(stored, stored, known, elements, _places(mapping, mapping, known, elements)).ordering(paths)


def _in_order(stored: Iterable[Field]) -> list[Field]:
    """Fields as documents have them: also where a nested document has its place because of a field that is removed."""
    known = {field.path: field for field in stored}
    return [known[path] for path in document_order([*known])]


def levels(path: str) -> int:
    """How deeply the expression of a path's value is nested, counted in documents."""
    return path.count(".") + 3 * path.count(MARK)


def _places(old: Model, new: Model, known: Mapping[str, Value], elements: Mapping[str, KeptElements]) -> Places:
    types = {field.path: (field.type.bson_type, *(["null"] if field.writes_null else [])) for field in stored_fields(old)}
    types |= {array.path: ("array",) for array in old.arrays if array.embed}
    arrays = {path: kept.origin for path, kept in elements.items()}
    after = {field.path for field in stored_fields(new)}
    origins = {path: value.origin for path, value in known.items() if value.origin and path in after}
    embedded = {array.path for array in new.arrays if array.embed}
    return Places(tuple(after), origins | {path: origin for path, origin in arrays.items() if path in embedded}, arrays, types)


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
