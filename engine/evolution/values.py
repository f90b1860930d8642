"""Where a field's new value comes from: the stored document, or only the source. Pure.

The new value must be what a fresh run of the new mapping would make of the same row, or the answer is `NeedsSource`. What this does not
know of a field (`when`, `map` …) may stay as it is, and needs the source where it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any

import polars as pl
from bson import Binary, Decimal128, Int64, ObjectId

from engine.evolution.conversions import conversion
from engine.evolution.diff import ATTRIBUTES, loosened
from engine.evolution.elements import Compared
from engine.evolution.outcomes import Elements, Expr, NeedsSource, Value, stored
from engine.evolution.pairing import Pair, arrays, pairs
from engine.evolution.trees import renamed
from engine.expressions import Typed, Unsupported
from engine.expressions.tree import NotInMongoError, Path, to_mongo, variable
from engine.mapping.model import Field
from engine.mapping.model import Mapping as Model
from engine.values.paths import MARK, array_of, arrays_of, dotted
from engine.values.types import Options

REMADE = frozenset({"path", "type", "options", "constraints", "required", "was", "compute", "value", *ATTRIBUTES})
KNOWN = REMADE | {"column", "transforms", "null_values"}
LITERALS: Mapping[str, Callable[[Any], Any]] = {
    "string": str, "int": int, "long": Int64, "double": float, "decimal": Decimal128, "bool": bool, "date": lambda value: value,
    "objectId": ObjectId, "uuid": lambda value: Binary(value, 4),
}  # fmt: skip


Found = dict[str, Value | NeedsSource]


def root(path: str) -> str:
    """The path itself, or that of the outermost array that it lies in."""
    return path.partition(MARK)[0]


def values(old: Model, new: Model, nothing_nulled: Collection[str] = ()) -> tuple[Found, dict[str, Elements]]:
    """By new path: every field's value, and the elements of every array; an array that needs the source is among the fields.

    `nothing_nulled`: old paths of which no value was left out for being bad, as the ledger knows.
    """
    matched = {pair.new.path: pair for pair in pairs(old, new) if pair.new}
    origins = {path: pair.old.path for path, pair in matched.items() if pair.old} | arrays(old, new)
    inputs = _Inputs({}, {}, origins, frozenset(one.path for one in new.arrays if not one.embed))
    compared = Compared(old, new, inputs.origins, nothing_nulled, _made)
    for one in new.arrays:
        made = compared.array(one.path)
        if isinstance(made, NeedsSource):
            inputs.found[one.path] = made
        else:
            inputs.elements[one.path] = made
    for path in _in_order(matched):
        if not any(array in inputs.found for array in arrays_of(path)):
            inputs.found[path] = _value(old, matched[path], inputs, nothing_nulled)
    inputs.found.update(_misplaced(new, inputs.found))
    return inputs.found, inputs.elements


def _in_order(matched: Mapping[str, Pair]) -> list[str]:
    """Fields after those that they read; the loader has refused circles."""
    done: list[str] = []
    while waiting := [path for path in matched if path not in done]:
        done += [path for path in waiting if not _reads(matched[path].new) & {*waiting} - {path}]
    return done


def _reads(one: Field | None) -> set[str]:
    """The paths that a field reads itself or through aggregates, and the arrays of these."""
    assert one
    gathered = [node for expression in one.expressions for node in expression.aggregates]
    inside = [path for node in gathered if node.inner is not None for path in Typed(node.inner).paths]
    return {*one.reads, *inside, *(node.array for node in gathered)}


def _misplaced(new: Model, found: Found) -> Found:
    """Arrays whose order is that of values which change."""
    orders = {one.path: [f"{one.path}{MARK}.{name}" for name, _ in one.sort] for one in new.arrays if one.path not in found}
    moving = {path for path, value in found.items() if not (isinstance(value, Value) and value.stays)}
    moved = {array: path for array, paths in orders.items() for path in paths if path in moving}
    return {array: NeedsSource(f"its order is that of {path}, which changes") for array, path in moved.items()}


@dataclass(frozen=True)
class _Inputs:
    """What is known so far, and which old path (of a field or array) each new one had; `hidden` arrays are not stored."""

    found: Found
    elements: dict[str, Elements]
    origins: Mapping[str, str]
    hidden: frozenset[str]

    def lost(self, one: Field) -> str:
        """A path that it reads and that only the source can tell."""
        unknown = {path for path, value in self.found.items() if isinstance(value, NeedsSource)}
        return next((path for path in sorted(_reads(one)) if unknown & {path, *arrays_of(f"{path}{MARK}")}), "")

    def stay(self, one: Field) -> bool:
        """Whether all that it reads holds what it held."""
        reads = _reads(one)
        arrays = {array for path in reads for array in arrays_of(f"{path}{MARK}") if array in {*self.elements}}
        known = [self.found.get(path) for path in reads - arrays]
        return all(isinstance(value, Value) and value.stays for value in known) and all(self.elements[path].kept is None for path in arrays)

    def same(self, before: Any, after: Any) -> bool:
        """Whether two expressions, or none, say the same."""
        return bool(before == after or (before and after and renamed(before, {old: new for new, old in self.origins.items()}) == after))

    def beside(self, before: Field, after: Field) -> bool:
        """Whether two fields are of the same documents or elements."""
        alike = before.path.endswith(MARK) == after.path.endswith(MARK)
        return alike and array_of(before.path) == self.origins.get(array_of(after.path), "")


def _value(old: Model, pair: Pair, inputs: _Inputs, nothing_nulled: Collection[str]) -> Value | NeedsSource:
    before, after = pair.old, pair.new
    assert after
    if before and not inputs.beside(before, after):
        return NeedsSource("it lies in another array")
    if odd := [one.name for one in fields(Field) if one.compare and one.name not in KNOWN and not _usual(after, one)]:
        return _as_it_was(before, after, inputs) or NeedsSource(f"it is made with `{odd[0]}`")
    if after.compute:
        return _computed(before, after, inputs)
    if after.value is not None:
        return _constant(before, after)
    others = [one for one in old.fields if one.column is not None and _made(one) == _made(after) and inputs.beside(one, after)]
    return _read([*([before] if before else []), *others], after, nothing_nulled)


def _usual(one: Field, part: Any) -> bool:
    usual = part.default if part.default is not MISSING else part.default_factory()
    return bool(getattr(one, part.name) == usual)


def _as_it_was(before: Field | None, after: Field, inputs: _Inputs) -> Value | None:
    """What stays, whatever makes it: all the same but for what a document does not show."""
    unseen: dict[str, Any] = {"path": "", "was": None, "line": 0, "private": False, "description": "", "when": None, "compute": None}
    if before is None or not inputs.stay(after) or replace(before, **unseen) != replace(after, **unseen):
        return None
    return stored(before) if inputs.same(before.when, after.when) and inputs.same(before.compute, after.compute) else None


def _constant(before: Field | None, after: Field) -> Value | NeedsSource:
    if before and before.value == after.value and before.type == after.type and before.options == after.options:
        return stored(before)
    found = literal(after, after.value)
    return found if isinstance(found, NeedsSource) else Value(found, clean=True)


def literal(one: Field, text: str | None) -> Any | NeedsSource:
    """A constant or default as MongoDB's `$literal`."""
    try:
        value = pl.select(one.type.parse(pl.lit(text), one.options).cast(one.type.dtype)).item()
        return {"$literal": LITERALS[one.type.name](value)}
    except (KeyError, TypeError, ValueError, pl.exceptions.PolarsError):
        return NeedsSource(f"its {'value' if one.value is not None else 'default'} is known when it runs")


def _read(donors: list[Field], after: Field, nothing_nulled: Collection[str]) -> Value | NeedsSource:
    """From the field itself, or from another one that reads the same text."""
    found = [_kept(donor, after, nothing_nulled) for donor in donors]
    absent = NeedsSource(f"the cells of column {after.column!r} are not in the documents")
    reasons = [one for one in found if isinstance(one, NeedsSource)]
    return next((one for one in found if isinstance(one, Value)), (reasons or [absent])[0])


def _made(one: Field) -> list[Any]:
    """All that decides which text the type reads, but for the default."""
    return [getattr(one, part.name) for part in fields(one) if part.compare and part.name not in REMADE]


def _kept(before: Field, after: Field, nothing_nulled: Collection[str]) -> Value | NeedsSource:
    """The stored value, converted where the type has changed, filled where there is a default now."""
    if before.compute or before.value is not None or _made(before) != _made(after):
        return NeedsSource("its value is made in another way")
    widened = before.default != after.default or before.type != after.type or loosened(before, after)
    if before.on_error == "null" and before.path not in nothing_nulled and widened:
        return NeedsSource("values that did not fit were left out, and may fit now")
    found = _converted(before, after) if before.type != after.type or before.options != after.options else stored(before)
    return _filled(found, before, after) if isinstance(found, Value) and before.default != after.default else found


def _converted(before: Field, after: Field) -> Value | NeedsSource:
    known = None if before.type == after.type else conversion(before.type.name, after.type.name, after.options)
    if known is None or not _plain(before, after):
        how = "read in another format" if before.type == after.type else f"{before.type.name} to {after.type.name}"
        return NeedsSource(f"the text of the cell is not in the documents ({how})")
    raw, unsure = variable(before.path), known.unsure and {dotted(before.path): known.unsure}
    return Value(_fitting(known.build(raw, after.options), raw, after), unsure=unsure)


def _plain(before: Field, after: Field) -> bool:
    """Whether nothing but the type, and the options that conversions know, says how the text is read."""
    known = {name: getattr(Options, name) for name in ("format", "timezone", "true_values", "false_values")}
    first = Options() if before.type.name == "string" else replace(before.options, **known)
    return bool(first == replace(after.options, **known))


def _fitting(value: Expr, raw: Expr, one: Field) -> Expr:
    """The value in the field's type. Where there is none though there was one, it is left out (`on_error: null`), or stays as it was."""
    return value if one.on_error == "null" else {"$ifNull": [value, raw]}


def _filled(found: Value, before: Field, after: Field) -> Value | NeedsSource:
    if before.default is not None:
        return NeedsSource("which values came from the old default is not in the documents")
    filling = literal(after, after.default)
    if isinstance(filling, NeedsSource):
        return filling
    missing = {"$lte": [variable(before.path), None]}
    return Value({"$cond": [missing, filling, found.expr]}, unsure=found.unsure)


def _computed(before: Field | None, after: Field, inputs: _Inputs) -> Value | NeedsSource:
    assert after.compute
    if lost := inputs.lost(after):
        return NeedsSource(f"it is computed from {lost}, which needs the source")
    if before and before.compute and inputs.stay(after) and before.type == after.type and inputs.same(before.compute, after.compute):
        return stored(before)
    if inputs.hidden & _reads(after):
        return NeedsSource("it gathers an array that is not in the documents")
    if before and before.on_error == "null" and after.compute.type != after.type.name:
        return NeedsSource("values that did not fit were left out, and may fit now")
    fitting = after.compute.to(after.type.name)
    if after.type.name == "decimal" and not isinstance(fitting.tree, Path):
        return NeedsSource("MongoDB writes a computed decimal with other digits than the engine (2.50 for 2.5)")
    built, raw = _expression(fitting), _expression(after.compute)
    if unable := [one.reason for one in (built, raw) if isinstance(one, Unsupported)]:
        return NeedsSource(f"the server cannot compute it: {unable[0]}")
    return Value(built if after.compute.type == after.type.name else _fitting(built, raw, after), late=True)


def _expression(one: Typed) -> Any:
    """For the server, in the element where it has its value in one."""
    if not one.array:
        return one.to_mongo()
    try:
        built = to_mongo(one.tree)
    except NotInMongoError as error:
        return Unsupported(str(error))
    built = built if isinstance(built, dict | str) else {"$literal": built}
    return {"$toLong": built} if one.type == "long" else built
