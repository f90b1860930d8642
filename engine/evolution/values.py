"""Where a field's new value can come from: the stored document, or only the source. Pure.

The new value must be what a fresh run of the new mapping would make of the same row, or the answer is `NeedsSource`. Attributes of a field
that are not handled here (`when`, `map` …) may stay as they are, and need the source where they change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from functools import partial
from typing import Any

import polars as pl

from engine.documents.bson import bson_values
from engine.evolution.conversions import conversion
from engine.evolution.declared import made
from engine.evolution.diff import loosened
from engine.evolution.elements import ArrayComparison
from engine.evolution.keys import key_of
from engine.evolution.kinds import ATTRIBUTES
from engine.evolution.outcomes import REMOVED, Expr, KeptElements, NeedsSource, Value, is_of, stored
from engine.evolution.pairing import Pair, arrays, pairs
from engine.evolution.reads import computable, reads
from engine.evolution.texts import further, repeatable, transformed
from engine.evolution.trees import renamed
from engine.expressions import Typed, Unsupported
from engine.expressions.operation import NotInMongoError
from engine.expressions.tree import FieldReference, to_mongo, variable
from engine.mapping.model import Field
from engine.mapping.model import Mapping as Model
from engine.values.order import dependency_order
from engine.values.paths import MARK, array_of, arrays_of, dotted
from engine.values.types import Conversion, Options

NAMED = {attribute.removeprefix("Field.") for attribute in ATTRIBUTES if attribute.startswith("Field.")} - {"*"}
REMADE = frozenset({"path", "type", "options", "constraints", "required", "was", "compute", "value", *NAMED})
KNOWN = REMADE | {"column", "transforms", "null_values"}
OF_TEXT = tuple(part.name for part in fields(Field) if part.compare and part.name not in REMADE)


ValuesByPath = dict[str, Value | NeedsSource]


def root(path: str) -> str:
    """The path itself, or that of the outermost array that it lies in."""
    return path.partition(MARK)[0]


def values(old: Model, new: Model, nothing_nulled: Collection[str] = ()) -> tuple[ValuesByPath, dict[str, KeptElements]]:
    """By new path: the value of every field, and the elements of every array; an array that needs the source is among the fields.

    `nothing_nulled`: old paths of which no bad value was left out, according to the ledger.
    """
    matched = {pair.new.path: pair for pair in pairs(old, new) if pair.new}
    origins = {path: pair.old.path for path, pair in matched.items() if pair.old} | arrays(old, new)
    hidden = frozenset(declaration.path for declaration in new.arrays if not declaration.embed)
    inputs = _Inputs({}, {}, origins, hidden, {path: pair.new for path, pair in matched.items() if pair.new})
    compared = ArrayComparison(old, new, inputs.origins, nothing_nulled, _text_source)
    by_steps = made(old, new)
    for declaration in new.arrays:
        array = compared.array(declaration.path)
        if isinstance(array, NeedsSource):
            inputs.values[declaration.path] = array
        else:
            inputs.elements[declaration.path] = array
    for path in dependency_order({path: reads(pair.new) - {path} for path, pair in matched.items() if pair.new}).names:
        if not any(array in inputs.values for array in arrays_of(path)):
            value = _value(old, matched[path], inputs, nothing_nulled)
            inputs.values[path] = _as_it_is(matched[path]) if isinstance(value, NeedsSource) and path in by_steps else value
    inputs.values.update(_misplaced(new, inputs.values))
    return inputs.values, inputs.elements


def _as_it_is(pair: Pair) -> Value:
    """What is there, until a step makes the value."""
    return Value(pair.old.path, lambda raw: raw) if pair.old else Value()


def _misplaced(new: Model, found: ValuesByPath) -> ValuesByPath:
    """Arrays that are sorted by values that change."""
    orders = {
        declaration.path: [f"{declaration.path}{MARK}.{name}" for name, _ in declaration.sort]
        for declaration in new.arrays
        if declaration.path not in found
    }
    moving = {path for path, value in found.items() if not (isinstance(value, Value) and value.unchanged)}
    moved = {array: path for array, paths in orders.items() for path in paths if path in moving}
    return {array: NeedsSource(f"it is sorted by {path}, which changes") for array, path in moved.items()}


@dataclass(frozen=True)
class _Inputs:
    """What is known so far; `origins`: new path (of a field or array) → old path; `hidden` arrays are not stored; `fields` are new."""

    values: ValuesByPath
    elements: dict[str, KeptElements]
    origins: Mapping[str, str]
    hidden: frozenset[str]
    fields: Mapping[str, Field]

    def unknown(self, field: Field) -> str:
        """A path that the field reads and that needs the source; else empty."""
        unknown = {path for path, value in self.values.items() if isinstance(value, NeedsSource)}
        return next((path for path in sorted(reads(field)) if unknown & {path, *arrays_of(f"{path}{MARK}")}), "")

    def unchanged(self, field: Field) -> bool:
        """Whether all that the field reads is unchanged."""
        read = reads(field)
        arrays = {array for path in read for array in arrays_of(f"{path}{MARK}") if array in {*self.elements}}
        known = [self.values.get(path) for path in read - arrays]
        return all(isinstance(value, Value) and value.unchanged for value in known) and all(
            self.elements[path].kept is None for path in arrays
        )

    def same_expression(self, before: Any, after: Any) -> bool:
        """Whether two expressions (or none) mean the same."""
        return bool(before == after or (before and after and renamed(before, {old: new for new, old in self.origins.items()}) == after))

    def shows(self, donor: Field, *, again: bool) -> bool:
        """Whether documents, rewritten or not, show the text of a field of the old mapping; `again`: as often as they are rewritten."""
        after = self.fields.get(donor.path)
        if after is None:
            return not again
        same = _text_source(donor) == _text_source(after)
        return same and (not again or (self.origins.get(donor.path), *_stored_as(donor)) == (donor.path, *_stored_as(after)))

    def same_level(self, before: Field, after: Field) -> bool:
        """Whether two fields belong to the same documents or elements."""
        alike = before.path.endswith(MARK) == after.path.endswith(MARK)
        return alike and array_of(before.path) == self.origins.get(array_of(after.path), "")


def _value(old: Model, pair: Pair, inputs: _Inputs, nothing_nulled: Collection[str]) -> Value | NeedsSource:
    before, after = pair.old, pair.new
    assert after
    if before and not inputs.same_level(before, after):
        return NeedsSource("it lies in another array")
    if odd := [
        key_of("Field", field.name)
        for field in fields(Field)
        if field.compare and field.name not in KNOWN and not _is_default(after, field)
    ]:
        return _as_it_was(before, after, inputs) or NeedsSource(f"it is made with `{odd[0]}`")
    if after.compute:
        return _computed(before, after, inputs, old.fields)
    if after.value is not None:
        return _constant(before, after)
    others = [
        field
        for field in old.fields
        if field.column is not None
        and _reads_text_of(field, after)
        and inputs.same_level(field, after)
        and inputs.shows(field, again=before is not None)
    ]
    return _read(before, others, after, nothing_nulled)


def _stored_as(field: Field) -> tuple[Any, ...]:
    """What decides which value is stored for a text."""
    return field.type, field.options, field.default


def _reads_text_of(before: Field, after: Field) -> bool:
    """Whether the stored value of one field shows the text of the other."""
    return _text_source(before) == _text_source(after) or _further(before, after)


def _further(before: Field, after: Field) -> bool:
    """Whether the field reads the text of the other one, with further transforms."""
    return further(before, after) and _text_source(replace(before, transforms=after.transforms)) == _text_source(after)


def _is_default(field: Field, part: Any) -> bool:
    usual = part.default if part.default is not MISSING else part.default_factory()
    return bool(getattr(field, part.name) == usual)


def _as_it_was(before: Field | None, after: Field, inputs: _Inputs) -> Value | None:
    """The stored value, where nothing differs that a document shows."""
    unseen: dict[str, Any] = {"path": "", "was": None, "line": 0, "private": False, "description": "", "when": None, "compute": None}
    if before is None or not inputs.unchanged(after) or replace(before, **unseen) != replace(after, **unseen):
        return None
    return (
        stored(before)
        if inputs.same_expression(before.when, after.when) and inputs.same_expression(before.compute, after.compute)
        else None
    )


def _constant(before: Field | None, after: Field) -> Value | NeedsSource:
    if before and before.value == after.value and before.type == after.type and before.options == after.options:
        return stored(before)
    found = literal(after, after.value)
    if isinstance(found, NeedsSource):
        return found
    if before is None:
        return Value(fill=found, unfilled=Value())
    known = literal(before, before.value) if before.value is not None else None
    old = {"$eq": known["$literal"]} if isinstance(known, dict) else {"$exists": True}
    replaced = Value(before.path, partial(_replaced, known, found), old, nulls=before.writes_null)
    return replace(replaced, fill=found, unfilled=replaced)


def _replaced(known: Any, found: Expr, raw: Expr) -> Expr:
    """The new constant for the old one; for any value, where the old one was no constant, or is known only during a run."""
    return {"$cond": [{"$eq": [raw, known]}, found, raw]} if isinstance(known, dict) else found


def literal(field: Field, text: str | None) -> Any | NeedsSource:
    """A constant or default as MongoDB's `$literal`."""
    [value] = bson_values(field.type, pl.select(field.type.parse(pl.lit(text), field.options).cast(field.type.dtype)).to_series())
    if value is None:
        return NeedsSource(f"its {'value' if field.value is not None else 'default'} is known only during a run")
    return {"$literal": value}


def _read(before: Field | None, donors: list[Field], after: Field, nothing_nulled: Collection[str]) -> Value | NeedsSource:
    """From the field itself, or from another one that reads the same text."""
    own = _from_stored(before, after, nothing_nulled) if before else None
    if before and isinstance(own, Value):
        return own if repeatable(before, after) else NeedsSource("the documents do not show whether a text is transformed already")
    found = [(donor, _from_stored(donor, after, nothing_nulled)) for donor in donors]
    absent = NeedsSource(f"the cells of column {str(after.column)!r} are not in the documents")
    reasons = [need for need in (own, *(need for _, need in found)) if isinstance(need, NeedsSource)]
    copies = (_copied(donor, value, before) for donor, value in found if isinstance(value, Value))
    return next(copies, (reasons or [absent])[0])


def _copied(donor: Field, value: Value, before: Field | None) -> Value:
    """What another field holds; in place of what the old mapping has at the path."""
    held = {"$cond": [is_of(variable(donor.path), donor.type.bson_type), variable(donor.path), None]}
    copy = {"$ifNull": [value.of(held), REMOVED]}
    unfilled = _copied(donor, value.unfilled, before) if value.unfilled else None
    if before is None:
        return Value(fill=copy, unsure=value.unsure, unfilled=unfilled)
    return Value(before.path, lambda _raw: copy, fill=copy, unsure=value.unsure, unfilled=unfilled)


def _text_source(field: Field) -> list[Any]:
    """All that decides which text the type reads, except the default."""
    return [getattr(field, name) for name in OF_TEXT]


def _from_stored(before: Field, after: Field, nothing_nulled: Collection[str]) -> Value | NeedsSource:
    """The stored value, converted where the type has changed, filled in where there is a new default."""
    longer = _further(before, after) and not (before.compute or before.value is not None)
    if not longer and (before.compute or before.value is not None or _text_source(before) != _text_source(after)):
        return NeedsSource("its value is made in another way")
    widened = before.default != after.default or before.type != after.type or loosened(before, after)
    if before.on_error == "null" and before.path not in nothing_nulled and widened:
        return NeedsSource("bad values were left out, and may be accepted now")
    if longer:
        return _transformed(before, after)
    found = _converted(before, after) if before.type != after.type or before.options != after.options else stored(before)
    return _filled(found, before, after) if isinstance(found, Value) and before.default != after.default else found


def _transformed(before: Field, after: Field) -> Value | NeedsSource:
    if transformed(before, after, "$$was") is None:
        return NeedsSource(f"the server cannot do its transforms; what `compute` makes of {before.path} needs no source")

    def convert(raw: Expr) -> Expr:
        made = {"$ifNull": [transformed(before, after, raw), None if after.writes_null else REMOVED]}
        return {"$cond": [is_of(raw, "string"), made, raw]}

    return Value(before.path, convert, {"$type": "string"}, nulls=before.writes_null)


def _converted(before: Field, after: Field) -> Value | NeedsSource:
    known = None if before.type == after.type else conversion(before.type.name, after.type.name, after.options)
    if known is None or not _plain(before, after, known):
        how = "read in another format" if before.type == after.type else f"{before.type.name} to {after.type.name}"
        return NeedsSource(f"the text of the cell is not in the documents ({how})")
    old_type = before.type.bson_type
    unsure = known.unsure and {dotted(before.path): {"$type": old_type, **known.unsure}}

    def convert(raw: Expr) -> Expr:
        return {"$cond": [is_of(raw, old_type), _fitting(known.build(raw, after.options), raw, after), raw]}

    return Value(before.path, convert, {"$type": old_type}, nulls=before.writes_null, unsure=unsure)


def _plain(before: Field, after: Field, known: Conversion) -> bool:
    """Whether only the type, and options that the conversion handles, decide how the text is read."""
    heeded: dict[str, Any] = {name: getattr(Options, name) for name in known.heeds}
    return bool(before.options == replace(after.options, **heeded))


def _fitting(value: Expr, raw: Expr, field: Field) -> Expr:
    """The value in the field's type. A value that does not convert is left out (`on_error: null`), or stays as it was."""
    return {"$ifNull": [value, (None if field.writes_null else REMOVED) if field.on_error == "null" else raw]}


def _filled(found: Value, before: Field, after: Field) -> Value | NeedsSource:
    if before.default is not None:
        return NeedsSource("the documents do not show which values came from the old default")
    filling = literal(after, after.default)
    if isinstance(filling, NeedsSource):
        return filling
    return replace(found, fill=filling, fills_null=True, unfilled=found)


def _computed(before: Field | None, after: Field, inputs: _Inputs, known: Sequence[Field]) -> Value | NeedsSource:
    assert after.compute
    if unknown := inputs.unknown(after):
        return NeedsSource(f"it is computed from {unknown}, which needs the source")
    if (
        before
        and before.compute
        and inputs.unchanged(after)
        and before.type == after.type
        and inputs.same_expression(before.compute, after.compute)
    ):
        return stored(before)
    if inputs.hidden & reads(after):
        return NeedsSource("it aggregates an array that is not in the documents")
    if before and before.on_error == "null" and after.compute.type != after.type.name:
        return NeedsSource("bad values were left out, and may be accepted now")
    fitting = after.compute.to(after.type.name)
    if after.type.server_differs and not isinstance(fitting.tree, FieldReference):
        return NeedsSource(after.type.server_differs)
    built, raw = _expression(fitting), _expression(after.compute)
    if unable := [form.reason for form in (built, raw) if isinstance(form, Unsupported)]:
        return NeedsSource(f"the server cannot compute it: {unable[0]}")
    computed = built if after.compute.type == after.type.name else _fitting(built, raw, after)
    if before is None:
        return Value(computed=computed)
    stale = partial(_stale, _computation(before), computable(before, known))
    return Value(before.path, stale, computed=computed, nulls=before.writes_null)


def _computation(field: Field) -> Expr:
    """What the server would compute for a field of the old mapping; None where it cannot, or the field is not computed."""
    if field.compute is None:
        return None
    fitting = field.compute.to(field.type.name)
    if field.type.server_differs and not isinstance(fitting.tree, FieldReference):
        return None
    built = _expression(fitting)
    return None if isinstance(built, Unsupported) else built


def _stale(known: Expr, fits: Expr, raw: Expr) -> Expr:
    """Nothing in place of what was computed before, so that it is computed anew."""
    return REMOVED if known is None else {"$cond": [{"$cond": [fits, {"$eq": [raw, known]}, False]}, REMOVED, raw]}


def _expression(expression: Typed) -> Any:
    """The expression for the server; inside the element where the field lies in an array."""
    if not expression.array:
        return expression.to_mongo()
    try:
        built = to_mongo(expression.tree)
    except NotInMongoError as error:
        return Unsupported(str(error))
    built = built if isinstance(built, dict | str) else {"$literal": built}
    return {"$toLong": built} if expression.type == "long" else built
