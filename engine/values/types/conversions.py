"""What the server makes of a stored value of another type: what the engine itself would make of the same cell. Rows of types hold these.

Only conversions that are provably equal are listed; all others need the source again. What a type's parser drops cannot come back: the
text "007" is the int 7, so no number becomes a string. A zero may have been written "-0", which an int does not hold and a double does:
such values are `unsure`, and where a document has one, the source is needed after all. One text is known to be an int but refused as a
decimal: a whole number of more than 18 digits, all zeros except the last; no real cell holds one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.values.types.options import Options

Expr = Any
Build = Callable[[Expr, Options], Expr]
ZERO = {"$eq": 0}


@dataclass(frozen=True)
class Conversion:
    """`build` makes the new value's expression from the old one's; null where the engine would find a bad value.

    `unsure` is a query over the old value, for the documents whose new value only the source has. `heeds` names
    the options that it knows, `possible` says with which values of them the server can do it.
    """

    build: Build
    unsure: dict[str, Any] | None = None
    heeds: frozenset[str] = frozenset()
    possible: Callable[[Options], bool] = lambda _options: True


def convert(name: str) -> Build:
    """MongoDB's own conversion to the type; null where it fails."""
    return lambda value, _options: {"$convert": {"input": value, "to": name, "onError": None, "onNull": None}}


def matching(pattern: str, name: str, read: Callable[[Expr], Expr] = lambda text: text) -> Build:
    """Of the texts that match (a regular expression that PCRE reads as the engine does), as the type; `read` is done to the text first."""

    def build(value: Expr, options: Options) -> Expr:
        text = {"$toString": value}
        fits = {"$regexMatch": {"input": text, "regex": pattern}}
        return {"$cond": [fits, convert(name)(read(text), options), None]}

    return build
