"""THE functions, one row each. Null in, null out, except for `coalesce` and `is_null`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import polars as pl

from engine.expressions.date_texts import WRITTEN_AS, mongo_read, mongo_written, read, written
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
from engine.expressions.text_functions import OF_TEXT, from_text
from engine.values.tables import table
from engine.values.types.decimals import DECIMAL
from engine.values.types.numbers import LONG_PATTERN

Builder = Callable[..., Any]
DAY_MS = 86_400_000
FIRST_INSTANT, LAST_INSTANT = -62_135_596_800_000, 253_402_300_799_999  # years 1 to 9999, in ms since 1970

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
         form("double, places -> double", lambda a, n: a.round(n, mode="half_to_even"), DECIMAL_PLACES),
         form("decimal, places -> decimal", lambda a, n: _decimal(a.round(n, mode="half_to_even")),
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
        "int", "int(x)", "The number without its fraction, or the whole number that a text is, of 32 bits; null if it does not fit.",
        [*each(("long", "double"), "T -> int", lambda a: a.cast(pl.Int32, strict=False),
             lambda a: {"$convert": {"input": {"$trunc": [a]}, "to": "int", "onError": None}}, nulls=True), from_text("int")],
        ("int(a)", {"a": -1.9}, -1), ("int(a)", {"a": 2**31}, None), ("int(a)", {"a": "007"}, 7), ("int(a)", {"a": "7.0"}, None),
    ),
    operation(
        "long", "long(x)", "The number without its fraction, or the whole number that a text is, of 64 bits; null if it does not fit.",
        [form("long -> long", lambda a: a, lambda a: a, nulls=True),
         form("double -> long", polars_long, lambda a: mongo_long({"$trunc": [a]}), nulls=True), from_text("long")],
        ("long(a)", {"a": 1.9}, 1), ("long(a)", {"a": "12"}, 12),
    ),
    operation(
        "double", "double(x)", "A whole number, or the number that a text is, as a double; null if it is none, or is written with 200 "
        "characters or an exponent of three digits.",
        [form("double -> double", lambda a: a, lambda a: a, nulls=True), from_text("double", LONG_PATTERN)],
        ("double(a)", {"a": 1}, 1.0), ("double(a)", {"a": "-2e3"}, -2000.0),
    ),
    operation(
        "decimal", "decimal(x)", "A whole number, a constant, or the number that a text is, as a decimal; null if it is none.",
        [form("decimal -> decimal", lambda a: a, lambda a: a, nulls=True), from_text("decimal")],
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
        "strptime", "strptime(text, format)",
        "The date that the text is, in a constant format as of the key `format`, in UTC; null if it is none.",
        [form("string, format -> date", read, mongo_read)],
        ("strptime(a, '%d/%m/%Y')", {"a": "29/02/2000"}, LEAP), ("strptime(a, '%d/%m/%Y')", {"a": "30/02/2024"}, None),
    ),
    operation(
        "strftime", "strftime(date, format)", f"The date as text; in the constant format, {' '.join(WRITTEN_AS)} are replaced.",
        [form("date, style -> string", written, mongo_written)],
        ("strftime(a, '%Y-%m')", {"a": DAY}, "2024-02"), ("strftime(a, '%-d %b %Y')", {"a": DAY}, "29 Feb 2024"),
    ),
    operation(
        "now", "now()", "The time when the run began.",
        [form(" -> date", lambda: pl.lit(None, dtype=pl.Datetime("ms")), NOW)],
        ("now() >= a", {"a": DAY}, True),
    ),
)  # fmt: skip

FUNCTIONS: dict[str, Operation] = table("function", (*OF_TEXT, *OF_NULL, *OF_NUMBERS, *OF_DATES))
