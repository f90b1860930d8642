"""Constraints of a field: JSON Schema's keywords, each with its polars form and its MongoDB form side by side.

To add one, add a row. `holds` is the engine's verdict on a value that is present, `schema` the fragment of `$jsonSchema` that says the
same. What `$jsonSchema` cannot compare (dates, UUIDs) is said by the query operator of `query`, which finds the values that break the
constraint: in a `$nor` beside the schema it lets missing values and null pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import and_, or_
from typing import Any

import polars as pl

from engine.expressions.bounds import bound, comparable, literal, literals
from engine.expressions.patterns import common_pattern, engine_pattern
from engine.values.types import type_table

Schema = dict[str, Any]
Group = Mapping[str, Any]


@dataclass(frozen=True)
class Constraint:
    """One keyword: for which types, what it takes, what it means to the engine and to MongoDB.

    `read` gives the argument in the field's type (ValueError says what was expected), `schema` takes it and the field's type. `unfit` says
    why it is not for a type for which one might expect it.
    """

    name: str
    summary: str
    types: frozenset[str]
    argument: Mapping[str, Any]
    read: Callable[[Any, str], Any]
    holds: Callable[[pl.Expr, Any, str], pl.Expr]
    schema: Callable[[Any, str], Schema]
    says: Callable[[Any], str]
    query: Callable[[Any], Schema] | None = None
    example: object = None
    unfit: Mapping[str, str] = field(default_factory=dict)


NUMBERS = frozenset(row.name for row in type_table.values() if row.numeric)
ORDERED = frozenset(row.name for row in type_table.values() if row.ordered)
EVERY = frozenset(row.name for row in type_table.values() if row.listed)
STRING = frozenset({"string"})
EXACT_NUMBERS = NUMBERS - {"double"}
GROUPED = EVERY - {"date"}
UNGROUPED = {"date": "MongoDB bounds dates beside the schema, not in its groups; write a rule"}
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
    """Whether this keyword is beyond `$jsonSchema` for this type, and stands beside it as a query operator."""
    return type_name not in NUMBERS and CONSTRAINTS[name].query is not None


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value).lower() if isinstance(value, bool) else str(value)


def _bounded(name: str, summary: str, says: str, *, method: str, operator: str, example: object) -> Constraint:
    """A bound: `method` is polars' comparison, `operator` MongoDB's opposite; in draft 4 an exclusive bound is a plain one with a flag."""
    plain = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}.get(name, name)
    flag = {} if plain == name else {name: True}
    return Constraint(
        name,
        summary,
        ORDERED,
        NUMBER_OR_TEXT,
        bound,
        lambda value, limit, kind: getattr(comparable(value, kind), method)(literal(limit, kind)),
        lambda limit, _: {plain: limit, **flag},
        lambda limit: f"{says} {_shown(limit)}",
        lambda limit: {operator: limit},
        example,
    )


def _multiple(raw: object, type_name: str) -> Any:
    limit = bound(raw, type_name)
    if limit <= 0:
        raise ValueError("above 0")
    return limit


def _listed(raw: list[object], type_name: str) -> list[Any]:
    limits = [bound(value, type_name) for value in raw]
    if len(set(limits)) < len(limits):
        raise ValueError("a list without repetitions (two texts for one value are one)")
    return limits


def _pattern(raw: str, _type: str) -> str:
    common_pattern(raw)
    return raw


def _length(raw: object, _type: str) -> Any:
    return raw


def _groups(raw: list[Group], type_name: str) -> list[Group]:
    return [_group(one, type_name) for one in raw]


def _group(raw: Group, type_name: str) -> Group:
    wrong = [name for name in raw if type_name not in CONSTRAINTS[name].types]
    if wrong:
        raise ValueError(f"of constraints that go with type {type_name}; {wrong[0]} does not")
    return {name: CONSTRAINTS[name].read(limit, type_name) for name, limit in raw.items()}


def _each(groups: list[Group], value: pl.Expr, type_name: str) -> Iterable[pl.Expr]:
    return (holds(group, value, type_name) for group in groups)


def _fragments(groups: list[Group], type_name: str) -> list[Schema]:
    return [schema_of(group, type_name) for group in groups]


def _says(group: Group) -> str:
    return " and ".join(CONSTRAINTS[name].says(limit) for name, limit in group.items())


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
        example=example,
        unfit=UNGROUPED,
    )


ROWS = (
    _bounded("minimum", "Smallest value allowed.", "at least", method="ge", operator="$lt", example=0),
    _bounded("maximum", "Largest value allowed.", "at most", method="le", operator="$gt", example=130),
    _bounded("exclusiveMinimum", "Values must be greater than this.", "greater than", method="gt", operator="$lte", example=0),
    _bounded("exclusiveMaximum", "Values must be less than this.", "less than", method="lt", operator="$gte", example=1000),
    Constraint(
        "multipleOf",
        "The value must be a multiple of this.",
        EXACT_NUMBERS,
        {"type": ["number", "string"]},
        _multiple,
        lambda value, limit, kind: comparable(value, kind).mod(literal(limit, kind)).eq(literal(0, kind)),
        lambda limit, _: {"multipleOf": limit},
        lambda limit: f"a multiple of {limit}",
        example=5,
        unfit={"double": "no binary 0.3 is a multiple of 0.1, but MongoDB rounds and finds that it is; make it a decimal"},
    ),
    Constraint(
        "enum",
        "The only values allowed; a date, decimal, objectId or uuid is written as text. A single one is a constant.",
        EVERY,
        {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": ["string", "number", "boolean"]}},
        _listed,
        lambda value, limits, kind: comparable(value, kind).is_in(literals(limits, kind)),
        lambda limits, _: {"enum": list(limits)},
        lambda limits: "one of " + ", ".join(map(_shown, limits)),
        example=["Male", "Female"],
    ),
    Constraint(
        "pattern",
        "A regular expression that the text must match somewhere (`^` and `$` for the whole); only what engine and server read alike.",
        STRING,
        {"type": "string", "minLength": 1},
        _pattern,
        lambda value, regex, _: value.str.contains(engine_pattern(regex)),
        lambda regex, _: {"pattern": common_pattern(regex)},
        lambda regex: f"text that matches {regex}",
        example="^[A-Z]{2}[0-9]+$",
    ),
    Constraint(
        "minLength",
        "Fewest characters (Unicode code points) of the text.",
        STRING,
        LENGTH,
        _length,
        lambda value, limit, _: value.str.len_chars().ge(limit),
        lambda limit, _: {"minLength": limit},
        lambda limit: f"at least {limit} characters",
        example=1,
    ),
    Constraint(
        "maxLength",
        "Most characters (Unicode code points) of the text.",
        STRING,
        LENGTH,
        _length,
        lambda value, limit, _: value.str.len_chars().le(limit),
        lambda limit, _: {"maxLength": limit},
        lambda limit: f"at most {limit} characters",
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
    _combined("anyOf", "Groups of constraints of which one holds, or more.", lambda verdicts: reduce(or_, verdicts),
              "any of", [{"enum": ["n/a"]}, {"minLength": 3}]),
    _combined("oneOf", "Groups of constraints of which exactly one holds.",
              lambda verdicts: pl.sum_horizontal([one.cast(pl.UInt32) for one in verdicts], ignore_nulls=False).eq(1),
              "exactly one of", [{"maxLength": 2}, {"pattern": "^x"}]),
    Constraint(
        "not",
        "A group of constraints that must not hold together, such as texts or a pattern to keep out.",
        GROUPED,
        GROUP,
        _group,
        lambda value, group, kind: ~holds(group, value, kind),
        lambda group, kind: {"not": schema_of(group, kind)},
        lambda group: f"not {_says(group)}",
        example={"enum": ["unknown"]},
        unfit=UNGROUPED,
    ),
)  # fmt: skip
COMBINED = frozenset(row.name for row in COMBINATIONS)
CONSTRAINTS: dict[str, Constraint] = {row.name: row for row in (*ROWS, *COMBINATIONS)}


def argument(name: str, raw: Any, type_name: str) -> Any:
    """The argument of a constraint in the field's type. ValueError says what was expected."""
    return CONSTRAINTS[name].read(raw, type_name)
