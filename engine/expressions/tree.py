"""The typed tree, and what it is to polars and to MongoDB."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

import polars as pl

from engine.expressions.constants import Literal, is_constant
from engine.expressions.operation import DTYPES, NotInMongoError, Overload, Unsupported
from engine.expressions.patterns import HEAVY, Pattern
from engine.expressions.shapes import mongo_guard
from engine.expressions.syntax import Table
from engine.values.frames import col
from engine.values.names import internal
from engine.values.paths import MARK, array_of, in_element
from engine.values.types import type_table


@dataclass(frozen=True)
class FieldReference:
    """A document path."""

    name: str
    type: str


@dataclass(frozen=True)
class Call:
    """A form applied."""

    name: str
    form: Overload
    arguments: tuple[Tree, ...]

    @property
    def type(self) -> str:
        """What the form gives."""
        return self.form.result_type


@dataclass(frozen=True)
class AggregateCall:
    """An aggregate over the elements of `array`; `inner` is its value in each of them, None where elements themselves are counted."""

    name: str
    array: str
    inner: Tree | None
    type: str

    @property
    def column(self) -> str:
        """The column that holds it, beside the array's own: the same for calls that say the same, in every process."""
        return internal("aggregate", _text(self))


Tree: TypeAlias = FieldReference | Literal | Call | AggregateCall


def _text(tree: Tree | None) -> str:
    """What a tree says, types included; its functions by their names, as how Python writes them differs between processes."""
    match tree:
        case Call(name, form, arguments):
            return f"{name}[{form}]({', '.join(map(_text, arguments))})"
        case AggregateCall(name, array, inner):
            return f"{name}({array}, {_text(inner)})"
    return repr(tree)


def each_once(calls: Iterable[AggregateCall]) -> tuple[AggregateCall, ...]:
    """The calls without repetition. Equal ones may still differ in what they say (`1.0` and `1.00`), so their columns tell."""
    return tuple({call.column: call for call in calls}.values())


def to_polars(tree: Tree) -> Any:
    """The value over columns named by path; a decimal as pl.Decimal. A constant that a form takes as it is, is one."""
    match tree:
        case FieldReference(name, kind):
            return type_table[kind].comparable(col(name))
        case AggregateCall():
            return col(tree.column)
        case Literal(tuple() as items, kind):
            return pl.lit(pl.Series([item.value for item in items], dtype=DTYPES[kind.removeprefix("list of ")])).implode()
        case Literal(Pattern() as pattern, _):
            return pl.lit(pattern.engine)
        case Literal(value, kind) if is_constant(kind):
            return value
        case Literal(value, kind):
            return pl.lit(value, dtype=DTYPES[kind])
        case Call(_, one, arguments):
            return one.polars(*map(to_polars, arguments))


def to_mongo(tree: Tree) -> object:
    """The value as an aggregation expression; raises NotInMongoError."""
    match tree:
        case FieldReference(name, _):
            return variable(name)
        case AggregateCall(name, array, inner):
            if name != "count" or inner is not None:
                raise NotInMongoError("it aggregates over an array")
            return {"$toLong": {"$size": elements(array)}}
        case Literal(tuple() as items, _):
            return [to_mongo(item) for item in items]
        case Literal(Pattern(_, mongo, heavy), _):
            if isinstance(mongo, Unsupported):
                raise NotInMongoError(mongo.reason)
            if heavy:  # a rule does not know how long the text may be
                raise NotInMongoError(HEAVY)
            return mongo
        case Literal(Table(keys, values), _):
            return Table(tuple(map(_mongo_constant, keys)), tuple(map(_mongo_constant, values)))
        case Literal(value, _):
            return _mongo_constant(value)
        case Call(_, one, arguments):
            return _mongo_call(one, arguments)


def variable(path: str) -> str:
    """A path as MongoDB's expressions write it; `$$e0` is the element of the outermost array, `$$e1` of the one inside it."""
    depth = path.count(MARK)
    return ".".join(filter(None, (f"$$e{depth - 1}", in_element(path)))) if depth else f"${path}"


def elements(array: str) -> dict[str, object]:
    """The elements of an array, none where there is no array."""
    return {"$cond": [{"$isArray": variable(array)}, variable(array), []]}


def in_every_element(array: str, verdict: object) -> object:
    """Whether a verdict holds in all elements of an array and of those around it."""
    while array:
        mapped = {"$map": {"input": elements(array), "as": f"e{array.count(MARK)}", "in": verdict}}
        array, verdict = array_of(array), {"$allElementsTrue": [mapped]}
    return verdict


def _mongo_constant(value: object) -> object:
    if isinstance(value, Decimal):
        return {"$toDecimal": f"{value:f}"}
    return {"$literal": value} if isinstance(value, str) and value.startswith("$") else value


def _mongo_call(overload: Overload, arguments: tuple[Tree, ...]) -> object:
    if isinstance(overload.mongo, Unsupported):
        raise NotInMongoError(overload.mongo.reason)
    built = [to_mongo(argument) for argument in arguments]
    if overload.nulls:
        return overload.mongo(*built)
    return mongo_guard(overload.mongo, [_nullable(argument) for argument in arguments], *built)


def _nullable(tree: Tree) -> bool:
    if isinstance(tree, Call):
        return tree.name != "is_null"
    return isinstance(tree, FieldReference | AggregateCall) or tree.value is None


def to_mongo_verdict(tree: Tree) -> dict[str, object]:
    """Whether the value is not false; over `and` and `or` it is the operands' verdicts, and short where a guard yields null."""
    if isinstance(tree, Call) and tree.name in ("and", "or"):
        return {f"${tree.name}": [to_mongo_verdict(argument) for argument in tree.arguments]}
    built = to_mongo(tree)
    if isinstance(tree, Call) and not tree.form.nulls and isinstance(built, dict) and "$cond" in built:
        unknown, _, value = built["$cond"]
        return {"$or": [*unknown.get("$or", [unknown]), value]}
    return {"$ne": [built, False]}


def nesting(built: object) -> int:
    """Levels of BSON that mongod may write this expression with; found without recursion."""
    deepest, waiting = 0, [(built, 0)]
    while waiting:
        value, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(value, dict):
            waiting += [(item, depth + (1 if isinstance(item, list) else 2)) for item in value.values()]
        elif isinstance(value, list):
            waiting += [(item, depth + 1) for item in value]
    return deepest
