"""THE conversions that the server can do: a stored value of one type → what the engine itself would make of the same cell as another.

Only pairs for which that is provable are here; every other pair needs the source again. What a type's parser drops cannot come back: the
text "007" is the int 7, so no number becomes a string. A zero may have been written "-0", which an int does not hold and a double does:
such values are `unsure`, and where a document has one, the source is needed after all. A whole number of more than 18 digits of which
all but the last are zeros is the one text that is known to be an int and refused as a decimal; nobody's cell holds one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.values.types import Options

Expr = Any
WHOLE = r"^[+-]?[0-9]+\z"
DECIMAL = r"^[+-]?[0-9]{1,18}(\.[0-9]{1,16})?\z"
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\z"
HEX = r"^[0-9a-fA-F]{24}\z"
LONG_NUMBER, LONG_EXPONENT = 200, r"[eE][+-]?[0-9]{3}"  # where the server calls an underflow an error, the engine takes it for zero
DAY = {"%Y": "(?!0000)[0-9]{4}", "%m": "[0-9]{2}", "%d": "[0-9]{2}", "%H": "[0-9]{2}", "%M": "[0-9]{2}", "%S": "[0-5][0-9]"}
TOKEN = re.compile(r"%.|[^%]", re.DOTALL)
PLAIN = re.compile(r"[ T:/.-]")


@dataclass(frozen=True)
class Conversion:
    """`build` makes the new value's expression of the old one's; null where the engine would find a bad value.

    `unsure` is a query over the old value: of these documents alone the server cannot tell what the engine would have made.
    """

    build: Callable[[Expr, Options], Expr]
    unsure: dict[str, Any] | None = None


def _convert(name: str) -> Callable[[Expr, Options], Expr]:
    return lambda value, _options: {"$convert": {"input": value, "to": name, "onError": None, "onNull": None}}


def _matching(pattern: str, name: str, read: Callable[[Expr], Expr] = lambda text: text) -> Callable[[Expr, Options], Expr]:
    """Of the texts that match, as the type; the regular expression is that of the engine's parser."""

    def build(value: Expr, options: Options) -> Expr:
        text = {"$toString": value}
        fits = {"$regexMatch": {"input": text, "regex": pattern}}
        return {"$cond": [fits, _convert(name)(read(text), options), None]}

    return build


def _bool(value: Expr, options: Options) -> Expr:
    said = [{"case": {"$in": [value, {"$literal": list(texts)}]}, "then": flag}
            for flag, texts in ((True, options.true_values), (False, options.false_values))]  # fmt: skip
    return {"$switch": {"branches": said, "default": None}}


def dates(options: Options) -> tuple[str, str] | None:
    """The regular expression and MongoDB's name of a date format, where the server reads it as the engine does."""
    if len(options.format) != 1 or options.timezone != "UTC":
        return None
    tokens = TOKEN.findall(options.format[0])
    told = [token for token in tokens if token in DAY]
    if len(set(told)) < len(told) or not all(token in DAY or PLAIN.fullmatch(token) for token in tokens):
        return None
    pattern = "".join(DAY[token] if token in DAY else re.escape(token) for token in tokens)
    return f"^{pattern}\\z", "".join(tokens)


def _date(value: Expr, options: Options) -> Expr:
    pattern, written = dates(options) or ("", "")
    read = {"$dateFromString": {"dateString": value, "format": written, "onError": None, "onNull": None}}
    return {"$cond": [{"$regexMatch": {"input": value, "regex": pattern}}, read, None]}


ZERO = {"$eq": 0}
LONG_TEXT = {"$regex": f"{LONG_EXPONENT}|^.{{{LONG_NUMBER}}}"}
CONVERSIONS: dict[tuple[str, str], Conversion] = {
    ("int", "long"): Conversion(_convert("long")),
    ("int", "double"): Conversion(_convert("double"), ZERO),
    ("int", "decimal"): Conversion(_convert("decimal"), ZERO),
    ("long", "int"): Conversion(_convert("int")),
    ("long", "double"): Conversion(_convert("double"), ZERO),
    ("long", "decimal"): Conversion(_convert("decimal"), ZERO),
    ("decimal", "int"): Conversion(_matching(WHOLE, "int")),
    ("decimal", "long"): Conversion(_matching(WHOLE, "long")),
    ("decimal", "double"): Conversion(_convert("double")),
    ("string", "int"): Conversion(_matching(WHOLE, "int")),
    ("string", "long"): Conversion(_matching(WHOLE, "long")),
    ("string", "double"): Conversion(_matching(NUMBER, "double"), LONG_TEXT),
    ("string", "decimal"): Conversion(_matching(DECIMAL, "decimal", lambda text: {"$ltrim": {"input": text, "chars": "+"}})),
    ("string", "bool"): Conversion(_bool),
    ("string", "date"): Conversion(_date),
    ("string", "objectId"): Conversion(_matching(HEX, "objectId")),
}


def conversion(old: str, new: str, options: Options) -> Conversion | None:
    """How the server does it, or None where the source is needed."""
    if (old, new) == ("string", "date") and not dates(options):
        return None
    return CONVERSIONS.get((old, new))
