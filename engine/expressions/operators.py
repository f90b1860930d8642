"""THE operators, one row each. Null in, null out, except for and/or/not and the conditional (Kleene logic, as in SQL)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import datetime
from functools import reduce
from typing import Any

import polars as pl

from engine.expressions.operation import ANY, ORDERED, ExampleParts, Operation, Overload, Unsupported, each, form, operation
from engine.expressions.shapes import (
    mongo_decimal,
    mongo_finite,
    mongo_let,
    mongo_long,
    mongo_nonzero,
    mongo_operator,
    polars_decimal,
    polars_finite,
    polars_let,
    polars_long,
    polars_nonzero,
    polars_quotient,
)
from engine.values.tables import table

Builder = Callable[..., Any]
DECIMAL_RISK = 1e21  # polars has room for 22 digits before the point
DECIMAL_PRODUCT = Unsupported("MongoDB keeps 34 digits of a decimal product or quotient, the engine 16 after the point")


def _wide(build: Builder) -> Builder:
    return lambda *values: polars_long(build(*(value.cast(pl.Int128) for value in values)))


def _wide_mongo(build: Builder) -> Builder:
    return lambda *values: mongo_long(build(*({"$toDecimal": value} for value in values)))


def arithmetic(build: Builder, mongo: str) -> list[Overload]:
    """`+ - *` of whole numbers: long, null beyond 64 bits. Two ints cannot leave them."""
    return [
        form("int, int -> long", lambda a, b: build(a.cast(pl.Int64), b.cast(pl.Int64)), mongo_operator(mongo), nulls=True),
        form("long, long -> long", _wide(build), _wide_mongo(mongo_operator(mongo)), nulls=True),
        form(
            "double, double -> double",
            lambda a, b: polars_finite(build(a, b)),
            lambda a, b: mongo_finite(mongo_operator(mongo)(a, b)),
            nulls=True,
        ),
    ]


def _decimal(build: Builder, mongo: str) -> Overload:
    polars: Builder = lambda a, b: polars_decimal(build(a, b))  # noqa: E731
    return form("decimal, decimal -> decimal", polars, lambda a, b: mongo_decimal(mongo_operator(mongo)(a, b)), nulls=True)


def _decimal_product(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    """Whatever would have more than the 38 digits at which polars fails is dropped first; the cast then drops more than 34."""
    return polars_let(lambda a, b: polars_decimal(pl.when((_float(a) * _float(b)).abs() < DECIMAL_RISK).then(a) * b), a, b)


def _decimal_quotient(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    return polars_let(lambda a, b: polars_decimal(pl.when((_float(a) / _float(b)).abs() < DECIMAL_RISK).then(a) / b), a, polars_nonzero(b))


def _float(value: pl.Expr) -> pl.Expr:
    return value.cast(pl.Float64)


def _floor_quotient(a: object, b: object) -> object:
    divided = {"$divide": [{"$toDecimal": a}, mongo_nonzero(b)]}
    return mongo_long({"$floor": divided})


def _floor_remainder(a: object, b: object) -> object:
    """$mod takes the dividend's sign; adding the divisor and taking it again gives the divisor's, in decimals without overflow."""
    first = {"$mod": [{"$toDecimal": a}, mongo_nonzero(b)]}
    return mongo_long({"$mod": [{"$add": [first, b]}, mongo_nonzero(b)]})


def _kleene(deciding: bool) -> Builder:
    """`deciding` where an operand is, else null where one is, else the opposite."""

    def build(*values: object) -> object:
        decided = {"$or": [{"$eq": [value, deciding]} for value in values]}
        unknown = {"$or": [{"$lte": [value, None]} for value in values]}
        return {"$cond": [decided, deciding, {"$cond": [unknown, None, not deciding]}]}

    return lambda *values: mongo_let(build, *values)


def _conditional(condition: pl.Expr, x: pl.Expr, y: pl.Expr) -> pl.Expr:
    """In `let`, which makes constants as long as the column: polars gives one value where all rows take one constant's branch."""
    return polars_let(lambda condition, x, y: pl.when(condition).then(x).otherwise(y), condition, x, y)


DAY = datetime(2024, 1, 31)  # noqa: DTZ001
NEXT = datetime(2024, 2, 1)  # noqa: DTZ001


def _comparison(
    symbol: str, mongo: str, build: Builder, summary: str, *examples: ExampleParts, types: tuple[str, ...] = ORDERED
) -> Operation:
    return operation(symbol, f"a {symbol} b", summary, each(types, "T, T -> bool", build, mongo_operator(mongo)), *examples)


ROWS = (
    operation(
        "+", "a + b", "Sum; strings are joined. Whole numbers give long, or null beyond 64 bits.",
        [*arithmetic(operator.add, "$add"), _decimal(operator.add, "$add"),
         form("string, string -> string", operator.add, mongo_operator("$concat"), nulls=True)],
        ("a + 1", {"a": 2}, 3), ("a + 0.5", {"a": 2}, 2.5), ("a + '!'", {"a": "hey"}, "hey!"), ("a + null", {"a": 1}, None),
    ),
    operation(
        "-", "a - b", "Difference; of two dates, a duration.",
        [*arithmetic(operator.sub, "$subtract"), _decimal(operator.sub, "$subtract"),
         form("date, date -> duration", lambda a, b: a.cast(pl.Int64) - b.cast(pl.Int64), mongo_operator("$subtract"), nulls=True),
         form("duration, duration -> duration", operator.sub, mongo_operator("$subtract"), nulls=True)],
        ("a - 3", {"a": 2}, -1), ("days(b - a)", {"a": DAY, "b": NEXT}, 1),
    ),
    operation(
        "*", "a * b", "Product. Decimals are rounded to 16 digits after the point.",
        [*arithmetic(operator.mul, "$multiply"), form("decimal, decimal -> decimal", _decimal_product, DECIMAL_PRODUCT)],
        ("a * 3", {"a": 2}, 6), ("a * a", {"a": 2**62}, None),
    ),
    operation(
        "/", "a / b", "Quotient, a double (of decimals, a decimal); null where b is 0.",
        [form("double, double -> double", polars_quotient, lambda a, b: mongo_finite({"$divide": [a, mongo_nonzero(b)]})),
         form("decimal, decimal -> decimal", _decimal_quotient, DECIMAL_PRODUCT)],
        ("a / 2", {"a": 7}, 3.5), ("1 / a", {"a": 0}, None),
    ),
    operation(
        "//", "a // b", "Quotient of whole numbers, rounded down; null where b is 0.",
        [form("long, long -> long", _wide(operator.floordiv), _floor_quotient)],
        ("a // 2", {"a": 7}, 3), ("a // 2", {"a": -7}, -4), ("a // 0", {"a": 1}, None),
    ),
    operation(
        "%", "a % b", "The remainder of `//`, with the sign of b; null where b is 0.",
        [form("long, long -> long", _wide(operator.mod), _floor_remainder)],
        ("a % 2", {"a": 7}, 1), ("a % 3", {"a": -7}, 2), ("a % 0", {"a": 1}, None),
    ),
    operation(
        "negate", "-a", "The number with the opposite sign.",
        [form("int -> long", lambda a: -a.cast(pl.Int64), lambda a: {"$multiply": [a, -1]}, nulls=True),
         form("long -> long", _wide(lambda a: a * -1), lambda a: mongo_long({"$multiply": [{"$toDecimal": a}, -1]}), nulls=True),
         *each(("double", "decimal"), "T -> T", operator.neg, lambda a: {"$multiply": [a, -1]}, nulls=True)],
        ("-a", {"a": 2}, -2),
    ),
    _comparison("==", "$eq", operator.eq, "Whether both are equal.", ("a == 'x'", {"a": "x"}, True), types=ANY),
    _comparison("!=", "$ne", operator.ne, "Whether they differ.", ("a != 1", {"a": 1}, False), types=ANY),
    _comparison("<", "$lt", operator.lt, "Whether a is less. Strings are ordered by code point.", ("a < 'b'", {"a": "a"}, True)),
    _comparison("<=", "$lte", operator.le, "Whether a is less or equal.", ("1 <= a <= 5", {"a": 3}, True)),
    _comparison(">", "$gt", operator.gt, "Whether a is greater.", ("a > b", {"a": 1, "b": 2.5}, False)),
    _comparison(">=", "$gte", operator.ge, "Whether a is greater or equal.", ("a >= date('2024-01-31')", {"a": DAY}, True)),
    operation(
        "in", "a in [x, y]", "Whether a is one of the constants; `not in`: whether it is not one of them.",
        each(ORDERED[:-1], "T, list of T -> bool", lambda a, items: a.is_in(items), mongo_operator("$in")),
        ("a in ['x', 'y']", {"a": "x"}, True), ("a not in [1, 2]", {"a": 2}, False),
    ),
    operation(
        "and", "a and b", "True if both are true, false if one is false, else null.",
        [form("bool... -> bool", lambda *values: reduce(operator.and_, values), _kleene(deciding=False), nulls=True)],
        ("a > 0 and a < 5", {"a": 3}, True), ("a == 1 and null", {"a": 1}, None), ("a == 2 and null", {"a": 1}, False),
    ),
    operation(
        "or", "a or b", "True if one is true, false if both are false, else null.",
        [form("bool... -> bool", lambda *values: reduce(operator.or_, values), _kleene(deciding=True), nulls=True)],
        ("a < 0 or a > 5", {"a": 3}, False), ("a == 1 or null", {"a": 1}, True),
    ),
    operation(
        "not", "not a", "The opposite.",
        [form("bool -> bool", operator.invert, mongo_operator("$not"))],
        ("not a", {"a": True}, False),
    ),
    operation(
        "if else", "x if condition else y", "x if the condition is true, else y (also if it is null).",
        each(ANY, "bool, T, T -> T", _conditional, mongo_operator("$cond"), nulls=True),
        ("'child' if a < 18 else 'adult'", {"a": 17}, "child"), ("1 if null else 2", {}, 2),
    ),
)  # fmt: skip
OPERATORS: dict[str, Operation] = table("operator", ROWS)
