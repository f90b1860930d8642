"""THE functions, one row each. Null in, null out, except for `coalesce` and `is_null`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import polars as pl

from engine.expressions.operation import ANY, ORDERED, ExampleParts, Operation, Overload, Unsupported, each, form, operation
from engine.expressions.shapes import (
    mongo_decimal,
    mongo_let,
    mongo_long,
    mongo_operator,
    mongo_whole,
    polars_let,
    polars_long,
    polars_whole,
)
from engine.values.tables import table
from engine.values.types.decimals import DECIMAL

Builder = Callable[..., Any]
DAY_MS = 86_400_000
# Unicode's White_Space, which polars strips by default; MongoDB's own default also strips U+0000 and not all of these.
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
ASCII_CASE = Unsupported("MongoDB changes the case of ASCII letters only")
FIRST_INSTANT, LAST_INSTANT = -62_135_596_800_000, 253_402_300_799_999  # years 1 to 9999, in ms since 1970

# Of text


def _length(text: object) -> object:
    return {"$strLenCP": {"$ifNull": [text, ""]}}


def _endswith(text: object, end: object) -> object:
    start = {"$max": [0, {"$subtract": [_length(text), _length(end)]}]}
    return {"$eq": [{"$substrCP": [text, start, _length(end)]}, end]}


OF_TEXT = (
    operation(
        "len", "len(text)", "Number of characters (code points).",
        [form("string -> int", lambda a: a.str.len_chars().cast(pl.Int32), _length)],
        ("len(a)", {"a": "caf\u00e9"}, 4), ("len(a)", {"a": None}, None),
    ),
    operation(
        "lower", "lower(text)", "The text in lower case.",
        [form("string -> string", lambda a: a.str.to_lowercase(), ASCII_CASE)],
        ("lower(a)", {"a": "\u00c9T\u00c9"}, "\u00e9t\u00e9"),
    ),
    operation(
        "upper", "upper(text)", "The text in upper case.",
        [form("string -> string", lambda a: a.str.to_uppercase(), ASCII_CASE)],
        ("upper(a)", {"a": "abc"}, "ABC"),
    ),
    operation(
        "strip", "strip(text)", "The text without white space at its ends.",
        [form("string -> string", lambda a: a.str.strip_chars(WHITE_SPACE), lambda a: {"$trim": {"input": a, "chars": WHITE_SPACE}})],
        ("strip(a)", {"a": "  a b\n"}, "a b"),
    ),
    operation(
        "startswith", "startswith(text, start)", "Whether the text starts with `start`.",
        [form("string, string -> bool", lambda a, b: a.str.starts_with(b), lambda a, b: {"$eq": [{"$substrCP": [a, 0, _length(b)]}, b]})],
        ("startswith(a, 'Dr. ')", {"a": "Dr. No"}, True),
    ),
    operation(
        "endswith", "endswith(text, end)", "Whether the text ends with `end`.",
        [form("string, string -> bool", lambda a, b: a.str.ends_with(b), _endswith)],
        ("endswith(a, '.csv')", {"a": "x.csv"}, True), ("endswith(a, 'abc')", {"a": "c"}, False),
    ),
    operation(
        "contains", "contains(text, part)", "Whether the part occurs in the text.",
        [form("string, string -> bool", lambda a, b: a.str.contains(b, literal=True), lambda a, b: {"$gte": [{"$indexOfCP": [a, b]}, 0]})],
        ("contains(a, '.')", {"a": "a.b"}, True),
    ),
    operation(
        "matches", 'matches(text, r"pattern")',
        "Whether the pattern is found in the text; `^` and `$` anchor it to the ends; \\d \\w \\s are ASCII.",
        [form("string, pattern -> bool", lambda a, b: a.str.contains(b), lambda a, b: {"$regexMatch": {"input": a, "regex": b}})],
        (r"matches(a, r'^\d{3}$')", {"a": "123"}, True), (r"matches(a, r'^\d{3}$')", {"a": "123\n"}, False),
    ),
    operation(
        "concat", "concat(a, b, …)", "The texts joined, one after the other.",
        [form("string... -> string", lambda *values: pl.concat_str(values), mongo_operator("$concat"), nulls=True)],
        ("concat(a, ' ', b)", {"a": "x", "b": "y"}, "x y"), ("concat(a, null)", {"a": "x"}, None),
    ),
    operation(
        "slice", "slice(text, start, length)", "`length` characters from position `start`, which counts from 0; both are constants.",
        [form("string, count, count -> string", lambda a, start, length: a.str.slice(start, length), mongo_operator("$substrCP"))],
        ("slice(a, 0, 1)", {"a": "Bob"}, "B"), ("slice(a, 5, 2)", {"a": "Bob"}, ""),
    ),
    operation(
        "string", "string(x)", "A whole number or bool as text.",
        each(("int", "long", "bool"), "T -> string", lambda a: a.cast(pl.String), lambda a: {"$toString": a}, nulls=True),
        ("string(a)", {"a": 42}, "42"), ("string(a)", {"a": True}, "true"),
    ),
)  # fmt: skip

# Of null

OF_NULL = (
    operation(
        "coalesce", "coalesce(a, b, …)", "The first value that is not null.",
        each(ANY, "T, T... -> T", lambda *values: polars_let(pl.coalesce, *values), mongo_operator("$ifNull"), nulls=True),
        ("coalesce(a, 'none')", {"a": None}, "none"), ("coalesce(a, 0)", {"a": 5}, 5),
    ),
    operation(
        "is_null", "is_null(x)", "Whether there is no value; also written `x is null`.",
        each(ANY, "T -> bool", lambda a: a.is_null(), lambda a: {"$lte": [a, None]}, nulls=True),
        ("is_null(a)", {"a": None}, True), ("a is not null", {"a": 1}, True),
    ),
)  # fmt: skip

# Of numbers

DECIMAL_PLACES = Unsupported("MongoDB rounds the double's exact decimal expansion, the engine its scaled value")


def _rounding(polars: Builder, mongo: str) -> list[Overload]:
    return [
        form("long -> long", lambda a: a, lambda a: a, nulls=True),
        form("double -> double", polars, lambda a: {mongo: [a]}, nulls=True),
        form("decimal -> decimal", lambda a: _decimal(polars(a)), lambda a: mongo_decimal({mongo: [a]}), nulls=True),
    ]


def _decimal(value: pl.Expr) -> pl.Expr:
    return value.cast(DECIMAL, strict=False)


def _extreme(name: str, horizontal: Callable[..., pl.Expr], summary: str) -> Operation:
    """Null where one of the values is null: polars itself skips nulls."""

    def among(*values: pl.Expr) -> pl.Expr:
        return pl.when(~pl.any_horizontal(*(value.is_null() for value in values))).then(horizontal(*values))

    return operation(
        name, f"{name}(a, b, …)", f"{summary} of the values; null if one of them is null.",
        each(ORDERED, "T, T... -> T", lambda *values: polars_let(among, *values), mongo_operator(f"${name}")),
        (f"{name}(a, 2)", {"a": 2}, 2), (f"{name}(a, null)", {"a": 2}, None),
    )  # fmt: skip


OF_NUMBERS = (
    operation(
        "round", "round(x), round(x, places)",
        "The nearest whole number, or rounded to `places` decimals; a half goes to the even neighbour.",
        [*_rounding(lambda a: a.round(0, mode="half_to_even"), "$round"),
         form("double, places -> double", lambda a, n: a.round(pl.select(n).item(), mode="half_to_even"), DECIMAL_PLACES),
         form("decimal, places -> decimal", lambda a, n: _decimal(a.round(pl.select(n).item(), mode="half_to_even")),
              lambda a, n: mongo_decimal({"$round": [a, n]}), nulls=True)],
        ("round(a)", {"a": 2.5}, 2.0), ("round(a, 1)", {"a": Decimal("0.25")}, Decimal("0.2")),
    ),
    operation(
        "floor", "floor(x)", "The next whole number at or below it.",
        _rounding(lambda a: a.floor(), "$floor"),
        ("floor(a)", {"a": -1.5}, -2.0),
    ),
    operation(
        "ceil", "ceil(x)", "The next whole number at or above it.",
        _rounding(lambda a: a.ceil(), "$ceil"),
        ("ceil(a)", {"a": 1.2}, 2.0),
    ),
    operation(
        "abs", "abs(x)", "The number without its sign.",
        [form("int -> long", lambda a: a.cast(pl.Int64).abs(), lambda a: {"$abs": [{"$toLong": a}]}, nulls=True),
         form("long -> long", lambda a: polars_long(a.cast(pl.Int128).abs()),
              lambda a: mongo_long({"$abs": [{"$toDecimal": a}]}), nulls=True),
         *each(("double", "decimal"), "T -> T", lambda a: a.abs(), mongo_operator("$abs"), nulls=True)],
        ("abs(a)", {"a": -3}, 3),
    ),
    _extreme("min", pl.min_horizontal, "The least"),
    _extreme("max", pl.max_horizontal, "The greatest"),
    operation(
        "int", "int(x)", "The number without its fraction, as a whole number of 32 bits; null if it does not fit.",
        each(("long", "double"), "T -> int", lambda a: a.cast(pl.Int32, strict=False),
             lambda a: {"$convert": {"input": {"$trunc": [a]}, "to": "int", "onError": None}}, nulls=True),
        ("int(a)", {"a": -1.9}, -1), ("int(a)", {"a": 2**31}, None),
    ),
    operation(
        "long", "long(x)", "The number without its fraction, as a whole number of 64 bits; null if it does not fit.",
        [form("long -> long", lambda a: a, lambda a: a, nulls=True),
         form("double -> long", polars_long, lambda a: mongo_long({"$trunc": [a]}), nulls=True)],
        ("long(a)", {"a": 1.9}, 1),
    ),
    operation(
        "double", "double(x)", "A whole number as a double.",
        [form("double -> double", lambda a: a, lambda a: a, nulls=True)],
        ("double(a)", {"a": 1}, 1.0),
    ),
    operation(
        "decimal", "decimal(x)", "A whole number, or a constant, as a decimal.",
        [form("decimal -> decimal", lambda a: a, lambda a: a, nulls=True)],
        ("decimal(0.1) + a", {"a": 1}, Decimal("1.1")),
    ),
)  # fmt: skip

# Of dates, in UTC

DAY = datetime(2024, 2, 29, 12, 30)  # noqa: DTZ001
LEAP, EVE = datetime(2000, 2, 29), datetime(2023, 2, 28)  # noqa: DTZ001
NOW = Unsupported("now() is the run's time, which the server does not know")


def _part(name: str, mongo: str, summary: str, result: int, polars: Builder) -> Operation:
    takes = form("date -> int", lambda a: polars(a).cast(pl.Int32), lambda a: {mongo: a}, nulls=True)
    return operation(name, f"{name}(date)", summary, [takes], (f"{name}(a)", {"a": DAY}, result))


def _whole(name: str, unit: int) -> Operation:
    return operation(
        name, f"{name}(to - from)", f"Whole {name} of the duration, its fraction dropped.",
        [form("duration -> long", partial(polars_whole, unit=unit), partial(mongo_whole, unit=unit), nulls=True)],
        (f"{name}(a - b)", {"a": datetime(2024, 1, 3, 12), "b": datetime(2024, 1, 1)},  # noqa: DTZ001
         216_000_000 // unit),
    )  # fmt: skip


def _between(name: str, key: Callable[..., Builder], per: int, *examples: ExampleParts) -> Operation:
    """Calendar differences: each date becomes a number, and their difference holds whole units; the other way it is negative."""
    polars_key = key(*(lambda a, part=part: getattr(a.dt, part)().cast(pl.Int64) for part in ("year", "month", "day")))
    mongo_key = key(*(lambda a, part=part: _MongoNumber({part: a}) for part in ("$year", "$month", "$dayOfMonth")))
    made = form(
        "date, date -> long",
        lambda a, b: polars_whole(polars_let(lambda a, b: polars_key(b) - polars_key(a), a, b), per),
        lambda a, b: mongo_whole({"$subtract": [mongo_key(b).value, mongo_key(a).value]}, per),
    )
    summary = f"Whole calendar {name} between two dates, as birthdays count; time of day is ignored."
    return operation(name, f"{name}(from, to)", summary, [made], *examples)


class _MongoNumber:
    """Arithmetic that builds MongoDB's, so that one formula serves both."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __add__(self, other: _MongoNumber) -> _MongoNumber:
        return _MongoNumber({"$add": [self.value, other.value]})

    def __mul__(self, factor: int) -> _MongoNumber:
        return _MongoNumber({"$multiply": [self.value, factor]})


def _add_days(date: pl.Expr, days: pl.Expr) -> pl.Expr:
    moment = date.cast(pl.Int64).cast(pl.Int128) + days.cast(pl.Int128) * DAY_MS
    inside = polars_let(lambda a: pl.when(a.is_between(FIRST_INSTANT, LAST_INSTANT)).then(a), moment)
    return inside.cast(pl.Int64).cast(pl.Datetime("ms"))


def _mongo_add_days(date: object, days: object) -> object:
    moment = {"$add": [{"$toLong": date}, {"$multiply": [days, DAY_MS]}]}
    inside: Builder = lambda a: {"$cond": [{"$and": [{"$gte": [a, FIRST_INSTANT]}, {"$lte": [a, LAST_INSTANT]}]}, a, None]}  # noqa: E731
    return {"$toDate": mongo_let(inside, moment, prefix="r")}


OF_DATES = (
    _part("year", "$year", "Its year.", 2024, lambda a: a.dt.year()),
    _part("month", "$month", "Its month, 1 to 12.", 2, lambda a: a.dt.month()),
    _part("day", "$dayOfMonth", "Its day of the month.", 29, lambda a: a.dt.day()),
    _part("hour", "$hour", "Its hour, 0 to 23.", 12, lambda a: a.dt.hour()),
    _part("weekday", "$isoDayOfWeek", "Its day of the week: 1 is Monday, 7 Sunday.", 4, lambda a: a.dt.weekday()),
    _whole("days", DAY_MS),
    _whole("hours", 3_600_000),
    _whole("minutes", 60_000),
    _whole("seconds", 1000),
    _between(
        "years", lambda year, month, day: lambda a: year(a) * 10_000 + month(a) * 100 + day(a), 10_000,
        ("years(a, b)", {"a": LEAP, "b": EVE}, 22), ("years(a, date('2023-03-01'))", {"a": LEAP}, 23),
    ),
    _between(
        "months", lambda year, month, day: lambda a: year(a) * 1200 + month(a) * 100 + day(a), 100,
        ("months(a, b)", {"a": LEAP, "b": EVE}, 275),
    ),
    operation(
        "add_days", "add_days(date, days)", "The date that many days later; null outside the years 1 to 9999.",
        [form("date, long -> date", _add_days, _mongo_add_days, nulls=True)],
        ("add_days(a, 1)", {"a": DAY}, datetime(2024, 3, 1, 12, 30)),  # noqa: DTZ001
    ),
    operation(
        "date", 'date("2024-01-31"), date(moment)',
        "A constant date (ISO 8601, UTC unless it says otherwise), or the start of a date's day.",
        [form("date -> date", lambda a: a.dt.truncate("1d"), lambda a: {"$dateTrunc": {"date": a, "unit": "day"}}, nulls=True)],
        ("date(a)", {"a": DAY}, datetime(2024, 2, 29)), ("a < date('2024-03-01T00:00:00+01:00')", {"a": DAY}, True),  # noqa: DTZ001
    ),
    operation(
        "now", "now()", "The time when the run began.",
        [form(" -> date", lambda: pl.lit(None, dtype=pl.Datetime("ms")), NOW)],
        ("now() >= a", {"a": DAY}, True),
    ),
)  # fmt: skip

FUNCTIONS: dict[str, Operation] = table("function", (*OF_TEXT, *OF_NULL, *OF_NUMBERS, *OF_DATES))
