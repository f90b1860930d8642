"""Dates as text, in the directives of `format`: what MongoDB's `$dateToString` lacks is made of parts of the date."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import polars as pl

from engine.expressions.operation import NotInMongoError
from engine.values.dates import DAYS, DIRECTIVES, MONTHS, TOKEN, parse_dates
from engine.values.types import Options, type_table

WRITTEN_AS = tuple(name for name in DIRECTIVES if name != "%z")
"""The directives that can be written: all but the offset, since dates are in UTC."""
SAME = {name: name for name in ("%Y", "%m", "%d", "%j", "%H", "%M", "%S", "%%")} | {".%f": ".%L"}
"""Directives that MongoDB has too, and what they are called there."""
TWELVE = [f"{hour or 12:02}" for hour in range(12)]


def _among(names: list[str], part: Callable[[object], object]) -> Callable[[object], object]:
    return lambda date: {"$arrayElemAt": [names, part(date)]}


def _names(listed: str, length: int | None, part: str) -> Callable[[object], object]:
    return _among([name[:length] for name in listed.split("|")], lambda date: {"$subtract": [{part: date}, 1]})


def _twelve(date: object) -> object:
    return {"$mod": [{"$hour": date}, 12]}


MADE: dict[str, Callable[[object], object]] = {
    "%y": lambda date: {"$substrCP": [{"$dateToString": {"date": date, "format": "%Y"}}, 2, 2]},
    "%-m": lambda date: {"$toString": {"$month": date}},
    "%-d": lambda date: {"$toString": {"$dayOfMonth": date}},
    "%-H": lambda date: {"$toString": {"$hour": date}},
    "%B": _names(MONTHS, None, "$month"),
    "%b": _names(MONTHS, 3, "$month"),
    "%A": _names(DAYS, None, "$isoDayOfWeek"),
    "%a": _names(DAYS, 3, "$isoDayOfWeek"),
    "%I": _among(TWELVE, _twelve),
    "%-I": _among([hour.lstrip("0") for hour in TWELVE], _twelve),
    "%p": _among(["AM", "PM"], lambda date: {"$cond": [{"$lt": [{"$hour": date}, 12]}, 0, 1]}),
}


def written(date: pl.Expr, style: str) -> pl.Expr:
    """The date in this format; a fraction always has three digits."""
    return date.dt.strftime("".join("%.3f" if part == ".%f" else part for part in TOKEN.findall(style)))


def mongo_written(date: object, style: str) -> object:
    """The same."""
    parts: list[object] = []
    for token, run in groupby(TOKEN.findall(style), lambda token: token if token in MADE else ""):
        if token:
            parts += [MADE[token](date) for _ in run]
        else:
            together = "".join(SAME.get(part, part) for part in run)
            parts.append({"$dateToString": {"date": date, "format": {"$literal": together}}})
    return {"$concat": parts}


def read(text: pl.Expr, written_as: str) -> pl.Expr:
    """The date that the text is in this format, in UTC."""
    return parse_dates(text, [written_as], "UTC")


def mongo_read(text: object, written_as: str) -> Any:
    """The same; raises NotInMongoError where MongoDB does not read the format alike."""
    known, options = type_table["date"].conversions["string"], Options(format=(written_as,))
    if not known.possible(options):
        raise NotInMongoError(f"MongoDB does not read dates written as {written_as}")
    return known.build(text, options)
