"""Moments."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import polars as pl

from engine.values.dates import DIRECTIVES, EARLIEST, LATEST, TOKEN, parse_dates, token_pattern
from engine.values.encoding.scalars import number
from engine.values.types.conversions import Conversion, Expr
from engine.values.types.options import Options
from engine.values.types.row import Type
from engine.values.types.sorting import signed_words

OPTIONS = frozenset({"format", "timezone"})
AS_THE_SERVER = frozenset(name for name, row in DIRECTIVES.items() if row.as_the_server)
BETWEEN = re.compile(r"[ T:/.-]")


def parse_date(text: pl.Expr, options: Options) -> pl.Expr:
    """A moment in UTC, by the declared formats and time zone."""
    return parse_dates(text, options.format, options.timezone, zoned=options.timezone_column is not None)


def _describe(options: Options) -> str:
    zone = f", with the time zone of column {options.timezone_column.written!r}" if options.timezone_column else ""
    return f"a date in the declared format ({' or '.join(options.format)}){zone}"


def _read(raw: object) -> datetime:
    try:
        value = datetime.fromisoformat(str(raw))
        value = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    except (ValueError, OverflowError):
        raise ValueError("a date such as 2024-01-31 or 2024-01-31T12:00:00Z") from None
    if value.microsecond % 1000:
        raise ValueError("a date in whole milliseconds, since BSON holds no more")
    return value


def server_reads(options: Options) -> bool:
    """Whether MongoDB's `$dateFromString` reads the format as the engine does."""
    if len(options.format) != 1 or options.timezone != "UTC":
        return False
    tokens = TOKEN.findall(options.format[0])
    told = [token for token in tokens if token in AS_THE_SERVER]
    return len(set(told)) == len(told) and all(token in AS_THE_SERVER or BETWEEN.fullmatch(token) for token in tokens)


def _of_text(value: Expr, options: Options) -> Expr:
    """The year 0 is none."""
    [written] = options.format
    pattern = "".join(("(?!0000)" if part == "%Y" else "") + token_pattern(part) for part in TOKEN.findall(written))
    read = {"$dateFromString": {"dateString": value, "format": written, "onError": None, "onNull": None}}
    return {"$cond": [{"$regexMatch": {"input": value, "regex": f"^{pattern}\\z"}}, read, None]}


ROWS = (
    Type(
        "date",
        "A moment, stored as UTC milliseconds. `format` says how it is written, `timezone` is the zone of a time without an offset.",
        pl.Datetime("ms"),
        "date",
        "a date in the declared format",
        parse_date,
        accepted=(("2024-01-31", "2024-01-31T00:00:00"), ("0001-01-01", "0001-01-01T00:00:00")),
        refused=("2024-1-31", "2024-02-30", "31/01/2024", " 2024-01-31", "0000-01-01"),
        encoding=number(b"\x09", "<i8", lambda column: column.to_physical().fill_null(0)),
        read=_read,
        describe=_describe,
        sort_words=signed_words,
        conversions={"string": Conversion(_of_text, heeds=OPTIONS, possible=server_reads)},
        options=OPTIONS,
        bson_range={"minimum": EARLIEST, "maximum": LATEST},
        engine_only_reason="the document holds the moment, not the text it was read from",
    ),
)
