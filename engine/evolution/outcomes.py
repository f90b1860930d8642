"""Where a value of the new mapping comes from: the stored document, or only the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.mapping.model import Field

Expr = Any
REMOVED = "$$REMOVE"


@dataclass(frozen=True)
class NeedsSource:
    """The stored document does not show the value; `reason` is a clause."""

    reason: str


@dataclass(frozen=True)
class Value:
    """How a value is made from what is stored, so that making it twice changes nothing.

    `origin` is the old path that it is stored under, empty where the old mapping has none. `convert`: what becomes of a stored value, which
    stays as it is where it is no old one; `old` are the operators of a query for old ones. `fill`: what a missing value becomes, with
    `fills_null` also a null. `computed`: what a missing value becomes, as an expression over the new document, where the others read the
    old one. A value that the engine would refuse stays as it was, so that the new validator refuses it too. `nulls`: the old mapping writes
    a missing value as null. `unsure` is a query over the old document: the server cannot tell what the engine would have made. `unfilled`:
    the same without what no stored value shows (a constant, a default); None where it has nothing of this. In an array, `$$e0` is the
    element of the outermost one, `$$e1` of the one inside it.
    """

    origin: str = ""
    convert: Callable[[Expr], Expr] | None = None
    old: Mapping[str, Any] = field(default_factory=lambda: {"$exists": True})
    fill: Expr = None
    fills_null: bool = False
    computed: Expr = None
    nulls: bool = False
    unsure: dict[str, Any] | None = None
    unfilled: Value | None = None

    @property
    def unchanged(self) -> bool:
        """Whether it is the stored value as it is, perhaps under another path."""
        return bool(self.origin) and self.convert is None and self.fill is None and self.computed is None

    def of(self, stored_value: Expr) -> Expr:
        """What becomes of this stored value, before anything is computed from the new document."""
        made = stored_value
        if self.convert:
            made = bound("was", made, self.convert)
        if self.fill is None:
            return made
        if self.fills_null:
            return {"$ifNull": [made, self.fill]}
        return bound("now", made, lambda value: {"$cond": [missing(value), self.fill, value]})


def stored(before: Field) -> Value:
    """What the field of the old mapping holds."""
    return Value(before.path, nulls=before.writes_null)


def bound(name: str, value: Expr, use: Callable[[str], Expr]) -> Expr:
    """An expression that uses a value several times; it is evaluated once."""
    return use(value) if isinstance(value, str) else {"$let": {"vars": {name: value}, "in": use(f"$${name}")}}


def missing(value: Expr) -> Expr:
    """Whether there is no value."""
    return is_of(value, "missing")


def is_of(value: Expr, *types: str) -> Expr:
    """Whether a value is of one of these BSON types."""
    return {"$eq": [{"$type": value}, types[0]]} if len(types) == 1 else {"$in": [{"$type": value}, list(types)]}


@dataclass(frozen=True)
class KeptElements:
    """An array with the same elements as the old array `origin`, or with those for which the expression `kept` is true.

    `before` and `after` are the old and new `empty`: what an array without elements becomes.
    """

    origin: str
    before: str
    after: str
    kept: Expr = None

    @property
    def same(self) -> bool:
        """Whether only the elements themselves can differ."""
        return self.kept is None and self.before == self.after
