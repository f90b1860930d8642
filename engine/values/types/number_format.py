"""Numbers as people write them: a decimal comma, grouped thousands, currency signs, units, percent, negatives. Nothing is guessed.

A text has exactly the declared form, or it is not a number: "4,421,08" is refused, whatever was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

import polars as pl

from engine.values.keys import key

BLANKS = " \u00a0\u2009\u202f"  # as people put them into numbers: space, non-breaking, thin, narrow non-breaking
BLANK = f"[{BLANKS}]?"
MINUS = "\u2212-"
GROUPS = {",": ",", ".": ".", "'": "'\u2019", " ": BLANKS}
"""The separators of groups of three digits that may be declared, and the characters that each accepts."""
UNIT = r"^[^0-9%+()\u2212-]*$"  # a prefix or suffix
_UNITS = {"type": ["string", "array"], "pattern": UNIT, "items": {"type": "string", "pattern": UNIT}, "minItems": 1, "default": "nothing"}

Decimal = Literal[".", ","]
Percent = Literal["fraction", "points"]
Negative = Literal["leading", "trailing", "parentheses"]


@dataclass(frozen=True)
class NumberFormat:
    """How a number is written. Each attribute is a key of `number`, which says what it means."""

    decimal: Annotated[Decimal, key("The character before the fraction.", ",")] = "."
    group: Annotated[
        str | None,
        key("An optional separator of groups of three digits; a blank stands for any blank, an apostrophe for both kinds. With "
            "`.`, 1234 and 1.234 are both read, 12.34 and 1.234.56 are not.", ".", enum=list(GROUPS), default="nothing"),
    ] = None  # fmt: skip
    prefix: Annotated[
        tuple[str, ...],
        key("The text before the number: one of these; an empty text means that it may be absent. A blank may follow.", ["$", ""],
            **_UNITS),
    ] = ("",)  # fmt: skip
    suffix: Annotated[
        tuple[str, ...],
        key("The text after the number, such as a unit; as `prefix`. A blank may precede.", "km", **_UNITS),
    ] = ("",)
    percent: Annotated[
        Percent | None, key("The number ends in a percent sign: 12.5% is 0.125 as fraction, 12.5 as points.", "fraction")
    ] = None
    negative: Annotated[
        tuple[Negative, ...],
        key("How a negative number is marked: leading (-5), trailing (5-), parentheses (5).", ["leading", "parentheses"], minItems=1,
            uniqueItems=True),
    ] = ("leading",)  # fmt: skip

    def example(self, *, whole: bool) -> str:
        """An example of such a number, with a fraction unless it is `whole`."""
        units = [max(names, key=len) for names in (self.prefix, self.suffix)]
        digits = f"1{self.group or ''}234" + ("" if whole else f"{self.decimal}5")
        return f"{units[0]}{digits}{' ' * bool(units[1])}{units[1]}" + ("%" if self.percent else "")


GERMAN, AMERICAN = (
    NumberFormat(decimal=",", group=".", suffix=("€", "")),
    NumberFormat(group=",", prefix=("$",), negative=("leading", "parentheses")),
)
EXAMPLES: tuple[tuple[NumberFormat, str, str | None], ...] = (
    (GERMAN, "1.234,50 €", "1234.50"),
    (GERMAN, "1234,5", "1234.5"),
    (GERMAN, "4,421,08", None),
    (GERMAN, "1.5", None),
    (AMERICAN, "$1,234.50", "1234.50"),
    (AMERICAN, "($5)", "-5"),
    (AMERICAN, "5", None),
    (NumberFormat(group=" ", suffix=("km",)), "1\u202f234 km", "1234"),
    (NumberFormat(decimal=",", percent="fraction"), "12,5 %", "0.125"),
    (NumberFormat(decimal=",", percent="points"), "12,5 %", "12.5"),
    (NumberFormat(group="'", negative=("trailing",)), "1’000-", "-1000"),
)
"""Texts and the plain numbers that they are; None: not a number."""


def _one_of(names: Iterable[str], *, before: bool) -> str:
    """A pattern of one of these texts, with or without a blank between it and the number; the empty text means that it may be absent."""
    texts = sorted({name.strip(BLANKS) for name in names} - {""}, key=len, reverse=True)
    if not texts:
        return ""
    choice = f"(?:{'|'.join(map(re.escape, texts))})"
    return (f"(?:{choice}{BLANK})" if before else f"(?:{BLANK}{choice})") + "?" * ("" in names)


def _pattern(number: NumberFormat) -> str:
    """What a text must look like. A number may begin with its point, unless a unit's last point could be meant."""
    point = re.escape(number.decimal)
    whole = "[0-9]+" + (f"|[0-9]{{1,3}}(?:[{GROUPS[number.group]}][0-9]{{3}})+" if number.group else "")
    digits = f"(?:{whole})(?:{point}[0-9]+)?" + ("" if number.decimal in _characters(number) else f"|{point}[0-9]+")
    before = _one_of(number.prefix, before=True)
    after = _one_of(number.suffix, before=False) + (f"{BLANK}%" if number.percent else "")
    sign = f"[+{MINUS}]" if "leading" in number.negative else "[+]"
    forms = [f"(?:{sign}?{before}|{before}{sign})(?:{digits}){after}"]
    forms += [f"{before}(?:{digits})[{MINUS}]{after}"] if "trailing" in number.negative else []
    forms += [rf"\({before}(?:{digits}){after}\)"] if "parentheses" in number.negative else []
    return f"^(?:{'|'.join(forms)})$"


def _characters(number: NumberFormat) -> str:
    """The characters of the units; none is a digit."""
    return "".join((*number.prefix, *number.suffix))


def plain(text: pl.Expr, number: NumberFormat) -> pl.Expr:
    """The number as plain text (`-1234.5`), which a number type reads; null where the text does not have the form."""
    digits = pl.when(text.str.contains(_pattern(number))).then(text).str.strip_chars(f"{_characters(number)}{BLANKS}{MINUS}+()%")
    for mark in GROUPS[number.group] if number.group else "":
        digits = digits.str.replace_all(mark, "", literal=True)
    digits = digits.str.replace(number.decimal, ".", literal=True)
    digits = pl.when(digits.str.starts_with(".")).then(pl.concat_str([pl.lit("0"), digits])).otherwise(digits)
    digits = _hundredth(digits) if number.percent == "fraction" else digits
    return pl.when(text.str.contains(f"[({MINUS}]")).then(pl.concat_str([pl.lit("-"), digits])).otherwise(digits)


def _hundredth(digits: pl.Expr) -> pl.Expr:
    """A hundredth, exactly: the point is moved."""
    parts = digits.str.splitn(".", 2)
    whole, fraction = parts.struct.field("field_0").str.zfill(3), parts.struct.field("field_1").fill_null("")
    return pl.concat_str([whole.str.head(-2), pl.lit("."), whole.str.tail(2), fraction])
