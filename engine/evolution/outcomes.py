"""Where a value of the new mapping comes from: the stored document, or only the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.expressions.tree import variable
from engine.mapping.model import Field

Expr = Any


@dataclass(frozen=True)
class NeedsSource:
    """The stored document does not tell; `reason` is a clause."""

    reason: str


@dataclass(frozen=True)
class Value:
    """The expression of the value, missing counting as null; never null where `clean`.

    `stays`: it is the stored value as it is, under its old path `origin`.
    `late`: it reads the new document's paths, else the old one's. A value that the engine would refuse stays as it was, so that the new
    validator refuses it too. `unsure` is a query over the old document: the server cannot tell what the engine would have made.
    In an array, `$$e0` is the element of the outermost one, `$$e1` of the one inside it.
    """

    expr: Expr
    stays: bool = False
    origin: str = ""
    clean: bool = False
    late: bool = False
    unsure: dict[str, Any] | None = None


def stored(one: Field) -> Value:
    """What the field of the old mapping holds."""
    return Value(variable(one.path), stays=True, origin=one.path, clean=not one.writes_null)


@dataclass(frozen=True)
class Elements:
    """An array of the same elements as the old array `origin`, or those of them for which `kept` is true.

    `before` and `after` say what no element becomes (`empty`).
    """

    origin: str
    before: str
    after: str
    kept: Expr = None

    @property
    def same(self) -> bool:
        """Whether nothing but elements themselves can differ."""
        return self.kept is None and self.before == self.after
