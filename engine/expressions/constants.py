"""Constants: as which types they are read, and the kinds that a function takes as they are, one row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from engine.expressions.operation import DTYPES
from engine.expressions.patterns import PatternError, read_pattern
from engine.expressions.syntax import ExpressionError, Table
from engine.values.dates import format_problem, unknown_directive
from engine.values.types.decimals import PLACES

INT = range(-(2**31), 2**31)
WIDEST, MOST_PLACES = 1000, 15


@dataclass(frozen=True)
class Literal:
    """A constant; a list's value is a tuple of literals, a pattern's a `Pattern`."""

    value: Any
    type: str


@dataclass(frozen=True)
class ConstantKind:
    """A constant of this type that a form takes as it is; `wanted` says what it must be, and `fits` whether it is."""

    type: str
    wanted: str
    fits: Callable[[Any], bool]


def writable(style: str) -> bool:
    """Whether dates, which are in UTC, can be written so."""
    return not (unknown_directive(style) or "%z" in style)


KINDS = {
    "count": ConstantKind("int", "a whole number that is not negative", lambda value: 0 <= value <= INT[-1]),
    "places": ConstantKind("int", "a number of decimals from 0 to 15", lambda value: 0 <= value <= MOST_PLACES),
    "index": ConstantKind("int", "a whole number other than 0", lambda value: value != 0),
    "width": ConstantKind("int", "a length from 1 to 1000", lambda value: 1 <= value <= WIDEST),
    "separator": ConstantKind("string", "a text that is not empty", bool),
    "text": ConstantKind("string", "a constant text", lambda _value: True),
    "character": ConstantKind("string", "one character", lambda value: len(value) == 1),
    "format": ConstantKind("string", 'a format of a date such as "%Y-%m-%d"', lambda value: not format_problem(value)),
    "style": ConstantKind("string", 'directives of a format such as "%Y-%m", without %z', writable),
}  # fmt: skip


def is_constant(kind: str) -> bool:
    """Whether a form takes an argument of this type as it is."""
    return kind in KINDS or kind.startswith("table of ")


def literal(value: object) -> Literal:
    """A constant of the syntax, with its type."""
    match value:
        case None:
            return Literal(None, "null")
        case bool():
            return Literal(value, "bool")
        case int():
            return Literal(value, "int" if value in INT else "long")
        case float():
            return Literal(value, "double")
        case datetime():
            return Literal(value, "date")
        case tuple():
            return Literal(tuple(literal(item.value) for item in value), "list")
        case Table(keys, values):
            return Literal(Table(*(tuple(literal(item.value) for item in items) for items in (keys, values))), "table")
    return Literal(value, "string")


def constant(found: Literal, name: str, offset: int) -> Literal | None:
    """Constants convert while compiling: null to anything, a number as written, text to a pattern, a list item by item; None if not.

    Raises:
        ExpressionError: it is of a type that is taken, and cannot be used.
    """
    value = found.value
    if found.type == name:
        return found
    if value is None:
        return Literal(None, name) if found.type == "null" and name in DTYPES else None
    if name in KINDS:
        return _of_kind(found, name, offset)
    match found.type, name:
        case "int" | "long", "long" | "double":
            return Literal(value if name == "long" else float(value), name)
        case "int" | "long" | "double", "decimal":
            return _decimal(value, offset)
        case "string", "pattern":
            return Literal(_pattern(value, offset), "pattern")
        case "list", _ if name.startswith("list of "):
            items = _each(value, name.removeprefix("list of "), offset)
            return Literal(items, name) if items else None
        case "table", _ if name.startswith("table of "):
            key, _, kind = name.removeprefix("table of ").partition(" to ")
            keys, values = _each(value.keys, key, offset), _each(value.values, kind, offset)
            return Literal(Table(*(tuple(item.value for item in items) for items in (keys, values))), name) if keys and values else None
    return None


def _of_kind(found: Literal, name: str, offset: int) -> Literal | None:
    kind = KINDS[name]
    if found.type != kind.type:
        return None
    if not kind.fits(found.value):
        problem = f": it {format_problem(found.value)}" if name == "format" else ""
        raise ExpressionError(f"{kind.wanted} is needed here{problem}", offset)
    return Literal(found.value, name)


def _each(items: tuple[Literal, ...], name: str, offset: int) -> tuple[Literal, ...]:
    """Every item as this type; none where one is not."""
    converted = [constant(item, name, offset) for item in items]
    return tuple(item for item in converted if item) if all(converted) else ()


def _decimal(value: float, offset: int) -> Literal:
    exact = Decimal(repr(value))
    if abs(exact) >= 10**18 or int(exact.normalize().as_tuple().exponent) < -PLACES:
        raise ExpressionError("a decimal has at most 18 digits before the point and 16 after it", offset)
    return Literal(exact, "decimal")


def _pattern(text: str, offset: int) -> Any:
    try:
        return read_pattern(text)
    except PatternError as error:
        raise ExpressionError(f"the pattern is refused: {error}", offset) from None
