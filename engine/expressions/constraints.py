"""Constraints of a field: JSON Schema's keywords, each with its polars form and its MongoDB form side by side.

To add one, add a row. `holds` is the engine's verdict on a value that is present, `schema` the fragment of `$jsonSchema` that says the
same. What `$jsonSchema` cannot compare (dates, UUIDs) is expressed by the query operator of `query`, which finds the values that break the
constraint: in a `$nor` beside the schema it lets missing values and null pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import and_, or_
from typing import Any, cast

import polars as pl

from engine.expressions.narrowing import Narrows, falls, rises, shrinks, unknown
from engine.expressions.patterns import common_pattern, engine_pattern
from engine.values.tables import table
from engine.values.types import Type, type_table

Schema = dict[str, Any]
Group = Mapping[str, Any]


@dataclass(frozen=True)
class Constraint:
    """One keyword: for which types, what it takes, what it means to the engine and to MongoDB.

    `read` gives the argument in the field's type (ValueError says what was expected), `schema` takes it and the field's type.
    `narrows` says of two arguments whether the second lets only values pass that the first does (`narrowing`).
    `excluded_types` says why it is not for a type for which one might expect it.
    """

    name: str
    summary: str
    types: frozenset[str]
    argument: Mapping[str, Any]
    read: Callable[[Any, str], Any]
    holds: Callable[[pl.Expr, Any, str], pl.Expr]
    schema: Callable[[Any, str], Schema]
    describe: Callable[[Any], str]
    narrows: Narrows
    query: Callable[[Any], Schema] | None = None
    example: object = None
    excluded_types: Mapping[str, str] = field(default_factory=dict)


def _types(fits: Callable[[Type], bool]) -> frozenset[str]:
    return frozenset(row.name for row in type_table.values() if fits(row))


NUMBERS = _types(lambda row: row.numeric)
ORDERED = _types(lambda row: row.ordered)
EVERY = _types(lambda row: row.enumerable)
TEXT = _types(lambda row: row.any_text)
EXACT_NUMBERS = _types(lambda row: row.numeric and not row.dtype.is_float())
GROUPED = _types(lambda row: row.enumerable and (row.numeric or not row.ordered))
UNGROUPED = dict.fromkeys(EVERY - GROUPED, "MongoDB limits dates by query operators, which groups of constraints cannot hold; write a rule")
NUMBER_OR_TEXT = {"type": ["number", "string"]}
LENGTH = {"type": "integer", "minimum": 0, "maximum": 16_777_216}


def holds(constraints: Group, value: pl.Expr, type_name: str) -> pl.Expr:
    """Whether a value that is present meets all of the constraints."""
    return reduce(and_, (CONSTRAINTS[name].holds(value, limit, type_name) for name, limit in constraints.items()))


def schema_of(constraints: Group, type_name: str) -> Schema:
    """All of the constraints as one fragment of `$jsonSchema`, without those that are queries (`is_query`)."""
    parts = (CONSTRAINTS[name].schema(limit, type_name) for name, limit in constraints.items() if not is_query(name, type_name))
    return reduce(or_, parts, {})


def is_query(name: str, type_name: str) -> bool:
    """Whether `$jsonSchema` cannot express this keyword for this type, so that a query operator beside it does."""
    return type_name not in NUMBERS and CONSTRAINTS[name].query is not None


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value).lower() if isinstance(value, bool) else str(value)


def _bound(raw: object, type_name: str) -> Any:
    return type_table[type_name].read(raw)


def _bounded(name: str, summary: str, says: str, *, method: str, operator: str, narrows: Narrows, example: object) -> Constraint:
    """A bound: `method` is polars' comparison, `operator` MongoDB's opposite; in draft 4 an exclusive bound is a plain one with a flag."""
    plain = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}.get(name, name)
    flag = {} if plain == name else {name: True}
    return Constraint(
        name,
        summary,
        ORDERED,
        NUMBER_OR_TEXT,
        _bound,
        lambda value, limit, kind: _compared(value, limit, type_table[kind], method),
        lambda limit, _: {plain: limit, **flag},
        lambda limit: f"{says} {_shown(limit)}",
        narrows,
        lambda limit: {operator: limit},
        example,
    )


def _compared(value: pl.Expr, limit: Any, kind: Type, method: str) -> pl.Expr:
    return cast(pl.Expr, getattr(kind.comparable(value), method)(kind.literal(limit)))


def _is_multiple(value: pl.Expr, limit: Any, kind: Type) -> pl.Expr:
    return kind.comparable(value).mod(kind.literal(limit)).eq(kind.literal(type(limit)(0)))


def _multiple(raw: object, type_name: str) -> Any:
    limit = _bound(raw, type_name)
    if limit <= 0:
        raise ValueError("above 0")
    return limit


def _listed(raw: list[object], type_name: str) -> list[Any]:
    limits = [_bound(value, type_name) for value in raw]
    if len(set(limits)) < len(limits):
        raise ValueError("a list without repetitions (two texts for the same value count as one)")
    return limits


def _pattern(raw: str, _type: str) -> str:
    common_pattern(raw)
    return raw


def _length(raw: object, _type: str) -> Any:
    return raw


def _groups(raw: list[Group], type_name: str) -> list[Group]:
    return [_group(mapping, type_name) for mapping in raw]


def _group(raw: Group, type_name: str) -> Group:
    wrong = [name for name in raw if type_name not in CONSTRAINTS[name].types]
    if wrong:
        raise ValueError(f"made of constraints that apply to type {type_name}; {wrong[0]} does not")
    return {name: CONSTRAINTS[name].read(limit, type_name) for name, limit in raw.items()}


def _each(groups: list[Group], value: pl.Expr, type_name: str) -> Iterable[pl.Expr]:
    return (holds(group, value, type_name) for group in groups)


def _fragments(groups: list[Group], type_name: str) -> list[Schema]:
    return [schema_of(group, type_name) for group in groups]


def _says(group: Group) -> str:
    return " and ".join(CONSTRAINTS[name].describe(limit) for name, limit in group.items())


def _combined(name: str, summary: str, verdict: Callable[[Iterable[pl.Expr]], pl.Expr], says: str, example: object) -> Constraint:
    """Groups of constraints; `verdict` makes one of their verdicts."""
    return Constraint(
        name,
        summary,
        GROUPED,
        {"type": "array", "minItems": 1, "items": GROUP},
        _groups,
        lambda value, groups, kind: verdict(_each(groups, value, kind)),
        lambda groups, kind: {name: _fragments(groups, kind)},
        lambda groups: f"{says}: " + "; ".join(map(_says, groups)),
        unknown,
        example=example,
        excluded_types=UNGROUPED,
    )


ROWS = (
    _bounded("minimum", "Smallest value allowed.", "at least", method="ge", operator="$lt", narrows=rises, example=0),
    _bounded("maximum", "Largest value allowed.", "at most", method="le", operator="$gt", narrows=falls, example=130),
    _bounded("exclusiveMinimum", "Values must be greater than this.", "greater than",
             method="gt", operator="$lte", narrows=rises, example=0),
    _bounded("exclusiveMaximum", "Values must be less than this.", "less than",
             method="lt", operator="$gte", narrows=falls, example=1000),
    Constraint(
        "multipleOf",
        "The value must be a multiple of this.",
        EXACT_NUMBERS,
        {"type": ["number", "string"]},
        _multiple,
        lambda value, limit, kind: _is_multiple(value, limit, type_table[kind]),
        lambda limit, _: {"multipleOf": limit},
        lambda limit: f"a multiple of {limit}",
        unknown,
        example=5,
        excluded_types={"double": "in binary, 0.3 is not a multiple of 0.1, but MongoDB rounds and accepts it; use type: decimal"},
    ),
    Constraint(
        "enum",
        "The only values allowed; a date, decimal, objectId or uuid is written as text. A single one is a constant.",
        EVERY,
        {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": ["string", "number", "boolean"]}},
        _listed,
        lambda value, limits, kind: type_table[kind].comparable(value).is_in(type_table[kind].literals(limits)),
        lambda limits, _: {"enum": list(limits)},
        lambda limits: "one of " + ", ".join(map(_shown, limits)),
        shrinks,
        example=["Male", "Female"],
    ),
    Constraint(
        "pattern",
        "A regular expression that the text must match somewhere (`^` and `$` for the whole); only what engine and server read alike.",
        TEXT,
        {"type": "string", "minLength": 1},
        _pattern,
        lambda value, regex, _: value.str.contains(engine_pattern(regex)),
        lambda regex, _: {"pattern": common_pattern(regex)},
        lambda regex: f"text that matches {regex}",
        unknown,
        example="^[A-Z]{2}[0-9]+$",
    ),
    Constraint(
        "minLength",
        "Minimum number of characters (Unicode code points).",
        TEXT,
        LENGTH,
        _length,
        lambda value, limit, _: value.str.len_chars().ge(limit),
        lambda limit, _: {"minLength": limit},
        lambda limit: f"at least {limit} characters",
        rises,
        example=1,
    ),
    Constraint(
        "maxLength",
        "Maximum number of characters (Unicode code points).",
        TEXT,
        LENGTH,
        _length,
        lambda value, limit, _: value.str.len_chars().le(limit),
        lambda limit, _: {"maxLength": limit},
        lambda limit: f"at most {limit} characters",
        falls,
        example=80,
    ),
)  # fmt: skip
GROUP: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {row.name: {**row.argument, "description": row.summary, "examples": [row.example]} for row in ROWS},
}
COMBINATIONS = (
    _combined("allOf", "Groups of constraints that all hold, such as two patterns.", lambda verdicts: reduce(and_, verdicts),
              "all of", [{"pattern": "[0-9]"}, {"pattern": "[A-Z]"}]),
    _combined("anyOf", "Groups of constraints of which at least one holds.", lambda verdicts: reduce(or_, verdicts),
              "any of", [{"enum": ["n/a"]}, {"minLength": 3}]),
    _combined("oneOf", "Groups of constraints of which exactly one holds.",
              lambda verdicts: pl.sum_horizontal([expr.cast(pl.UInt32) for expr in verdicts], ignore_nulls=False).eq(1),
              "exactly one of", [{"maxLength": 2}, {"pattern": "^x"}]),
    Constraint(
        "not",
        "A group of constraints that must not all hold, such as texts or a pattern to exclude.",
        GROUPED,
        GROUP,
        _group,
        lambda value, group, kind: ~holds(group, value, kind),
        lambda group, kind: {"not": schema_of(group, kind)},
        lambda group: f"not {_says(group)}",
        unknown,
        example={"enum": ["unknown"]},
        excluded_types=UNGROUPED,
    ),
)  # fmt: skip
COMBINED = frozenset(row.name for row in COMBINATIONS)
CONSTRAINTS: dict[str, Constraint] = table("constraint", (*ROWS, *COMBINATIONS))


def argument(name: str, raw: Any, type_name: str) -> Any:
    """The argument of a constraint in the field's type. ValueError says what was expected."""
    return CONSTRAINTS[name].read(raw, type_name)
