"""Where a value of the new mapping comes from: the stored document, or only the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.expressions.tree import variable
from engine.mapping.model import Field

Expr = Any


@dataclass(frozen=True)
class NeedsSource:
    """The stored document does not show the value; `reason` is a clause."""

    reason: str


@dataclass(frozen=True)
class Value:
    """The expression of the value, null where it is missing; never null where `never_null`.

    `unchanged`: it is the stored value as it is, under its old path `origin`. `reads_new_fields`: it reads the new document's paths, else
    the old one's. A value that the engine would refuse stays as it was, so that the new validator refuses it too. `unsure` is a query over
    the old document: the server cannot tell what the engine would have made. In an array, `$$e0` is the element of the outermost one,
    `$$e1` of the one inside it.
    """

    expr: Expr
    unchanged: bool = False
    origin: str = ""
    never_null: bool = False
    reads_new_fields: bool = False
    unsure: dict[str, Any] | None = None


def stored(field: Field) -> Value:
    """What the field of the old mapping holds."""
    return Value(variable(field.path), unchanged=True, origin=field.path, never_null=not field.writes_null)


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
