"""Date formats: the strptime directives that a mapping may use, read strictly, and counts since 1970.

polars (chrono) forgives blanks and missing zeros ("2024- 1-5" for %Y-%m-%d), so each format is also compiled to a regular expression
that the text must match. One table row per directive; the names are those of Python's `datetime.strptime`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

import polars as pl

FORMAT_DEFAULT = "%Y-%m-%d"
EARLIEST, LATEST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999000)  # noqa: DTZ001 -- what every driver can read back
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
Local = TypeVar("Local", pl.Expr, pl.Series)
DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"


@dataclass(frozen=True)
class Directive:
    """`pattern` is what the text must look like; `chrono` is how polars' parser names the same thing.

    `as_the_server`: MongoDB's `$dateFromString` has it under the same name, and reads such texts alike.
    """

    summary: str
    pattern: str
    chrono: str
    as_the_server: bool = False


def _short(names: str) -> str:
    return "|".join(name[:3] for name in names.split("|"))


DIRECTIVES: dict[str, Directive] = {
    "%Y": Directive("year, four digits", "[0-9]{4}", "%Y", as_the_server=True),
    "%y": Directive("year, two digits: 69-99 is 1969-1999, 00-68 is 2000-2068", "[0-9]{2}", "%y"),
    "%m": Directive("month, two digits", "[0-9]{2}", "%m", as_the_server=True),
    "%-m": Directive("month, one or two digits", "[0-9]{1,2}", "%m"),
    "%B": Directive("month, English name", f"(?i:{MONTHS})", "%B"),
    "%b": Directive("month, English name of three letters", f"(?i:{_short(MONTHS)})", "%b"),
    "%d": Directive("day of the month, two digits", "[0-9]{2}", "%d", as_the_server=True),
    "%-d": Directive("day of the month, one or two digits", "[0-9]{1,2}", "%d"),
    "%j": Directive("day of the year, three digits", "[0-9]{3}", "%j"),
    "%A": Directive("weekday, English name", f"(?i:{DAYS})", "%A"),
    "%a": Directive("weekday, English name of three letters", f"(?i:{_short(DAYS)})", "%a"),
    "%H": Directive("hour 00-23", "[0-9]{2}", "%H", as_the_server=True),
    "%-H": Directive("hour 0-23, one or two digits", "[0-9]{1,2}", "%H"),
    "%I": Directive("hour 01-12, with %p", "[0-9]{2}", "%I"),
    "%-I": Directive("hour 1-12, one or two digits, with %p", "[0-9]{1,2}", "%I"),
    "%p": Directive("AM or PM", "(?i:AM|PM)", "%p"),
    "%M": Directive("minute, two digits", "[0-9]{2}", "%M", as_the_server=True),
    "%S": Directive("second 00-59, two digits", "[0-5][0-9]", "%S", as_the_server=True),
    ".%f": Directive("fraction of a second: a BSON date holds milliseconds, so further digits must be 0", r"\.[0-9]{1,3}0*", "%.f"),
    "%z": Directive("offset from UTC: Z, +0200 or +02:00", "(?:Z|[+-][0-9]{2}:?[0-9]{2})", "%#z"),
    "%%": Directive("a percent sign", "%", "%%"),
}


@dataclass(frozen=True)
class Epoch:
    """A count since 1970-01-01T00:00:00Z. `milliseconds` converts the count, a Decimal with three places."""

    summary: str
    pattern: str
    milliseconds: Callable[[pl.Expr], pl.Expr]


EPOCHS: dict[str, Epoch] = {
    "epoch_s": Epoch("seconds since 1970, UTC, with up to 3 decimals", r"-?[0-9]{1,12}(?:\.[0-9]{1,3}0*)?", lambda a: a * 1000),
    "epoch_ms": Epoch("milliseconds since 1970, UTC", r"-?[0-9]{1,15}(?:\.0+)?", lambda a: a),
    "epoch_us": Epoch("microseconds since 1970, UTC; must be whole milliseconds", r"-?(?:[0-9]{1,15}000|0)(?:\.0+)?", lambda a: a / 1000),
}
"""Formats that are not made of directives, by name."""
TOKEN = re.compile(r"\.%f|%-?.|.", re.DOTALL)
HOURS = {"%H", "%-H"}
TWELVE_HOURS = {"%I", "%-I"}


def unknown_directive(text: str) -> str:
    """The first directive of a format that is none; else empty."""
    return next((token for token in TOKEN.findall(text) if token.startswith("%") and token not in DIRECTIVES), "")


def format_problem(text: str) -> str | None:
    """What is wrong with a format, or None. A format must have year, month and day, and must not have only half of a time of day."""
    if text in EPOCHS:
        return None
    tokens = TOKEN.findall(text)
    if unknown := unknown_directive(text):
        return f"has the unknown directive {unknown}; known are {' '.join((*DIRECTIVES, *EPOCHS))}"
    has = set(tokens)
    if not ({"%Y", "%y"} & has and ("%j" in has or ({"%m", "%-m", "%B", "%b"} & has and {"%d", "%-d"} & has))):
        return "lacks year, month or day"
    if bool(TWELVE_HOURS & has) != ("%p" in has):
        return "needs %I and %p together"
    if ("%M" in has) != bool((HOURS | TWELVE_HOURS) & has) or ("%S" in has and "%M" not in has) or (".%f" in has and "%S" not in has):
        return "needs hour and minute for a time of day (then second, then fraction)"
    return None


WRITTEN = {"YYYY": "%Y", "yyyy": "%Y", "YY": "%y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "DD": "%d", "dd": "%d",
           "D": "%-d", "d": "%-d", "HH": "%H", "mm": "%M", "ss": "%S", "SS": "%S", ".SSS": ".%f"}  # fmt: skip
"""How spreadsheets and other languages write parts of a date."""
LETTERS = re.compile("|".join(map(re.escape, sorted(WRITTEN, key=len, reverse=True))))


def suggested_format(text: str) -> str:
    """The format that a text such as `DD/MM/YYYY` means; empty where that is not clear."""
    for written in (text, text.upper()):
        found = LETTERS.sub(lambda part: WRITTEN[part[0]], written)
        if "%" not in text and format_problem(found) is None:
            return found
    return ""


def _pattern(text: str) -> str:
    return "^" + "".join(map(token_pattern, TOKEN.findall(text))) + "$"


def token_pattern(token: str) -> str:
    """What the text of one of a format's tokens, a directive or a character, must look like."""
    return DIRECTIVES[token].pattern if token in DIRECTIVES else re.escape(token)


def _chrono(text: str) -> str:
    return "".join(DIRECTIVES[token].chrono if token in DIRECTIVES else token for token in TOKEN.findall(text))


def _parse_epoch(text: pl.Expr, epoch: Epoch) -> pl.Expr:
    matching = pl.when(text.str.contains(f"^{epoch.pattern}$")).then(text)
    count = matching.str.extract(r"^(-?[0-9]+(?:\.[0-9]{1,3})?)", 1).cast(pl.Decimal(38, 3), strict=False)
    return epoch.milliseconds(count).cast(pl.Int64, strict=False).cast(pl.Datetime("ms"))


def _parse_one(text: pl.Expr, written: str, zone: str | pl.Expr) -> pl.Expr:
    if written in EPOCHS:
        return _parse_epoch(text, EPOCHS[written])
    matching = pl.when(text.str.contains(_pattern(written))).then(text)
    moment = matching.str.to_datetime(_chrono(written), time_unit="ms", strict=False)
    if "%z" in TOKEN.findall(written):
        return moment.dt.replace_time_zone(None)
    if isinstance(zone, pl.Expr):
        local = pl.struct(moment.alias("moment"), zone.alias("zone"))
        return local.map_batches(_in_their_zones, return_dtype=pl.Datetime("ms"), is_elementwise=True)
    return moment if zone == "UTC" else _in_zone(moment, zone)


def _in_zone(local: Local, zone: str) -> Local:
    """Local time to UTC; null for a time that a clock change skipped or repeated."""
    moment = local.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    return moment.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _in_their_zones(both: pl.Series) -> pl.Series:
    """Local times to UTC, each in the zone beside it; null where that zone does not exist."""
    local, zone = both.struct.field("moment"), both.struct.field("zone")
    found = pl.Series([None], dtype=local.dtype).new_from_index(0, len(local))
    for name in zone.drop_nulls().unique().to_list():
        if is_timezone(name):
            rows = (zone == name).fill_null(value=False).arg_true()
            found = found.scatter(rows, _in_zone(local.gather(rows), name))
    return found


@lru_cache(maxsize=1000)  # the cells of a column may name anything
def is_timezone(name: str) -> bool:
    """Whether this is the IANA name of a time zone."""
    try:
        pl.select(pl.lit(0).cast(pl.Datetime("ms")).dt.replace_time_zone(name))
        ZoneInfo(name)
    except (pl.exceptions.PolarsError, ValueError, OSError, LookupError):
        return False
    return True


def parse_dates(text: pl.Expr, formats: Sequence[str], timezone: str, *, zoned: bool = False) -> pl.Expr:
    """Text to UTC milliseconds (Datetime("ms")), by the first format that fits; null where none does or the year is not 1-9999.

    `zoned`: the text ends in a blank and the name of its time zone, which replaces `timezone`.
    """
    zone: str | pl.Expr = timezone
    if zoned:
        text, zone = text.str.replace(r" [^ ]*$", ""), text.str.extract(r" ([^ ]*)$", 1)
    moment = pl.coalesce([_parse_one(text, written, zone) for written in formats])
    return pl.when(moment.is_between(EARLIEST, LATEST)).then(moment)
