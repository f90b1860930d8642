"""Date formats: the strptime directives that a mapping may use, read strictly.

polars (chrono) forgives blanks and missing zeros ("2024- 1-5" for %Y-%m-%d), so each format is also compiled to a regular expression
that the text must match. One table row per directive; the names are those of Python's `datetime.strptime`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

FORMAT_DEFAULT = "%Y-%m-%d"
EARLIEST, LATEST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999000)  # noqa: DTZ001 -- what every driver can read back
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"


@dataclass(frozen=True)
class Directive:
    """`pattern` is what the text must look like; `chrono` is how polars' parser names the same thing."""

    summary: str
    pattern: str
    chrono: str


def _short(names: str) -> str:
    return "|".join(name[:3] for name in names.split("|"))


DIRECTIVES: dict[str, Directive] = {
    "%Y": Directive("year, four digits", "[0-9]{4}", "%Y"),
    "%y": Directive("year, two digits: 69-99 is 1969-1999, 00-68 is 2000-2068", "[0-9]{2}", "%y"),
    "%m": Directive("month, two digits", "[0-9]{2}", "%m"),
    "%-m": Directive("month, one or two digits", "[0-9]{1,2}", "%m"),
    "%B": Directive("month, English name", f"(?i:{MONTHS})", "%B"),
    "%b": Directive("month, English name of three letters", f"(?i:{_short(MONTHS)})", "%b"),
    "%d": Directive("day of the month, two digits", "[0-9]{2}", "%d"),
    "%-d": Directive("day of the month, one or two digits", "[0-9]{1,2}", "%d"),
    "%j": Directive("day of the year, three digits", "[0-9]{3}", "%j"),
    "%A": Directive("weekday, English name", f"(?i:{DAYS})", "%A"),
    "%a": Directive("weekday, English name of three letters", f"(?i:{_short(DAYS)})", "%a"),
    "%H": Directive("hour 00-23", "[0-9]{2}", "%H"),
    "%-H": Directive("hour 0-23, one or two digits", "[0-9]{1,2}", "%H"),
    "%I": Directive("hour 01-12, with %p", "[0-9]{2}", "%I"),
    "%-I": Directive("hour 1-12, one or two digits, with %p", "[0-9]{1,2}", "%I"),
    "%p": Directive("AM or PM", "(?i:AM|PM)", "%p"),
    "%M": Directive("minute, two digits", "[0-9]{2}", "%M"),
    "%S": Directive("second 00-59, two digits", "[0-5][0-9]", "%S"),
    ".%f": Directive("fraction of a second: a BSON date holds milliseconds, so further digits must be 0", r"\.[0-9]{1,3}0*", "%.f"),
    "%z": Directive("offset from UTC: Z, +0200 or +02:00", "(?:Z|[+-][0-9]{2}:?[0-9]{2})", "%#z"),
    "%%": Directive("a percent sign", "%", "%%"),
}
TOKEN = re.compile(r"\.%f|%-?.|.", re.DOTALL)
HOURS = {"%H", "%-H"}
TWELVE_HOURS = {"%I", "%-I"}


def format_problem(text: str) -> str | None:
    """What is wrong with a format, or None. A format must say year, month and day, and must not leave half a time of day."""
    tokens = TOKEN.findall(text)
    unknown = [token for token in tokens if token.startswith("%") and token not in DIRECTIVES]
    if unknown:
        return f"has the unknown directive {unknown[0]}; known are {' '.join(DIRECTIVES)}"
    has = set(tokens)
    if not ({"%Y", "%y"} & has and ("%j" in has or ({"%m", "%-m", "%B", "%b"} & has and {"%d", "%-d"} & has))):
        return "does not say year, month and day"
    if bool(TWELVE_HOURS & has) != ("%p" in has):
        return "needs %I and %p together"
    if ("%M" in has) != bool((HOURS | TWELVE_HOURS) & has) or ("%S" in has and "%M" not in has) or (".%f" in has and "%S" not in has):
        return "needs hour and minute for a time of day (then second, then fraction)"
    return None


def _pattern(text: str) -> str:
    return "^" + "".join(DIRECTIVES[token].pattern if token in DIRECTIVES else re.escape(token) for token in TOKEN.findall(text)) + "$"


def _chrono(text: str) -> str:
    return "".join(DIRECTIVES[token].chrono if token in DIRECTIVES else token for token in TOKEN.findall(text))


def _parse_one(text: pl.Expr, written: str, timezone: str) -> pl.Expr:
    matching = pl.when(text.str.contains(_pattern(written))).then(text)
    moment = matching.str.to_datetime(_chrono(written), time_unit="ms", strict=False)
    if "%z" in TOKEN.findall(written):
        return moment.dt.replace_time_zone(None)
    if timezone != "UTC":  # a local time that the clock change skipped or repeated is not a moment
        moment = moment.dt.replace_time_zone(timezone, ambiguous="null", non_existent="null")
        moment = moment.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return moment


def parse_dates(text: pl.Expr, formats: Sequence[str], timezone: str) -> pl.Expr:
    """Text to UTC milliseconds (Datetime("ms")), by the first format that fits; null where none does or the year is not 1-9999."""
    moment = pl.coalesce([_parse_one(text, written, timezone) for written in formats])
    return pl.when(moment.is_between(EARLIEST, LATEST)).then(moment)
