"""An expression with its types: names resolved, one form chosen per operation; then what it is to polars and to MongoDB."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import polars as pl

from engine.expressions.aggregates import AGGREGATES, Aggregate
from engine.expressions.constants import Literal, constant, literal
from engine.expressions.functions import FUNCTIONS
from engine.expressions.operation import DTYPES, NUMBERS, STORED, NotInMongoError, Operation, Overload, Unsupported, form
from engine.expressions.operators import OPERATORS
from engine.expressions.shapes import mongo_decimal, polars_decimal
from engine.expressions.syntax import Apply, Constant, Expression, ExpressionError, Node, Reference
from engine.expressions.tree import (
    AggregateCall,
    Call,
    FieldReference,
    Tree,
    each_once,
    in_every_element,
    nesting,
    to_mongo,
    to_mongo_verdict,
    to_polars,
)
from engine.values.frames import col
from engine.values.paths import MARK, array_of
from engine.values.types import type_table

SHOWN_FORMS = 8
MONGO_DEPTH = 150  # of MongoDB's 200 levels; an operator may count twice, since mongod writes its argument as a list


_CAST: Callable[[str], Callable[[pl.Expr], pl.Expr]] = lambda name: lambda a: a.cast(DTYPES[name])  # noqa: E731
# Values widen by themselves, from what a path or operation gives to what an operation takes.
WIDENINGS: dict[tuple[str, str], Overload] = {
    (overload.parameter_types[0], overload.result_type): overload
    for overload in (
        form("int -> long", _CAST("long"), lambda a: a, nulls=True),
        form("int -> double", _CAST("double"), lambda a: {"$toDouble": a}, nulls=True),
        form("long -> double", _CAST("double"), lambda a: {"$toDouble": a}, nulls=True),
        form("int -> decimal", _CAST("decimal"), lambda a: {"$toDecimal": a}, nulls=True),
        form("long -> decimal", polars_decimal, lambda a: mongo_decimal({"$toDecimal": a}), nulls=True),
    )
}


@dataclass(frozen=True)
class Typed:
    """A typed expression. `type` is the type of its value; `duration` cannot be stored."""

    tree: Tree

    @property
    def type(self) -> str:
        """The type of the value."""
        return self.tree.type

    @property
    def paths(self) -> frozenset[str]:
        """The paths that it reads itself, not through aggregates."""
        return frozenset(node.name for node in _nodes(self.tree) if isinstance(node, FieldReference))

    @property
    def aggregate_calls(self) -> tuple[AggregateCall, ...]:
        """The aggregates in it, each once."""
        return each_once(node for node in _nodes(self.tree) if isinstance(node, AggregateCall))

    @property
    def aggregates(self) -> tuple[AggregateCall, ...]:
        """The same, and those inside them."""
        inside = (inner for node in self.aggregate_calls if node.inner is not None for inner in Typed(node.inner).aggregates)
        return each_once((*self.aggregate_calls, *inside))

    @property
    def array(self) -> str:
        """The array for each of whose elements it has a value; empty for the document."""
        inside = {array_of(path) for path in (*self.paths, *(node.array for node in self.aggregate_calls))}
        return max(sorted(inside), key=len, default="")

    def to_polars(self, now: datetime | None = None) -> pl.Expr:
        """The value over columns named by path (dtypes of the type table; a decimal is its text, read and written).

        Raises:
            ValueError: the expression asks for `now()` and `now` is missing.
        """
        tree = _at(self.tree, now)
        if any(isinstance(node, Call) and node.name == "now" for node in _nodes(tree)):
            raise ValueError("an expression with now() needs the time of the run")
        if isinstance(tree, FieldReference):
            return col(tree.name)
        computing = type_table[tree.type].computing if tree.type in type_table else None
        return computing.to_column(to_polars(tree)) if computing else to_polars(tree)

    def to_mongo(self, now: datetime | None = None) -> Any | Unsupported:
        """The same value as an aggregation expression, missing counting as null; without `now`, `now()` is Unsupported."""
        if self.array:
            return Unsupported("it has a value for each element of an array")
        built = self._mongo(_at(self.tree, now), to_mongo)
        if isinstance(built, Unsupported) or isinstance(self.tree, FieldReference):
            return built
        if not isinstance(built, dict | str):
            built = {"$literal": built}  # in a $project, a bare constant would mean something else
        return {"$toLong": built} if self.type == "long" and "$toLong" not in built else built

    def check_polars(self, now: datetime | None = None) -> pl.Expr:
        """The verdict of a check, never null: false only where the value is false."""
        return self.to_polars(now).fill_null(value=True)

    def check_mongo(self) -> dict[str, object] | Unsupported:
        """The verdict as a query, `{"$expr": …}`."""
        built = self._mongo(self.tree, lambda tree: in_every_element(self.array, to_mongo_verdict(tree)))
        return built if isinstance(built, Unsupported) else {"$expr": built}

    def to(self, name: str) -> Typed:
        """The value as another type: widened, or from long to int with null beyond 32 bits.

        Raises:
            ExpressionError: no such conversion.
        """
        tree = _converted(self.tree, name, 0)
        if tree is None and (self.type, name) == ("long", "int"):
            tree = _applied(FUNCTIONS["int"], (self.tree,), 0)
        if tree is None:
            hint = "use int(x), long(x) or round(x) if the fraction may be dropped" if {self.type, name} <= set(NUMBERS) else ""
            raise ExpressionError(f"the expression gives {self.type}, but {name} is needed", 0, hint)
        return Typed(tree)

    @staticmethod
    def _mongo(tree: Tree, build: Callable[[Tree], Any]) -> Any:
        try:
            built = build(tree)
        except NotInMongoError as error:
            return Unsupported(str(error))
        return built if nesting(built) <= MONGO_DEPTH else Unsupported("it would be nested deeper than MongoDB allows")


def typed(expression: Expression, types: Mapping[str, str]) -> Typed:
    """Resolve an expression over paths of these types.

    Raises:
        ExpressionError: an unknown path or function, or arguments of a wrong number or type.
    """
    tree = _resolved(expression.root, types)
    if tree.type not in DTYPES:
        raise ExpressionError(f"a {tree.type} alone is not an expression", 0)
    return Typed(tree)


def _resolved(node: Node, types: Mapping[str, str]) -> Tree:
    match node:
        case Reference(path, offset):
            if path not in types:
                raise ExpressionError(f"unknown path `{path}`", offset, _nearest(path, types))
            if types[path] == "array":
                raise ExpressionError(f"`{path}` is an array", offset, f"write {path}[].field, or count({path})")
            if types[path] not in STORED:
                raise ExpressionError(f"`{path}` is of type {types[path]}, which expressions cannot read", offset)
            return FieldReference(path, types[path])
        case Constant(value, offset):
            return literal(value)
        case Apply(name, (argument,), offset) if name in AGGREGATES and (name not in FUNCTIONS or _reads_array(argument)):
            return _gathered(AGGREGATES[name], argument, types, offset)
        case Apply(name, arguments, offset):
            operation = OPERATORS.get(name) or FUNCTIONS.get(name)
            if operation is None:
                raise ExpressionError(f"unknown function `{name}`", offset, _nearest(name, FUNCTIONS))
            return _applied(operation, tuple(_resolved(argument, types) for argument in arguments), offset)


def _reads_array(node: Node) -> bool:
    match node:
        case Reference(path):
            return MARK in path
        case Apply(_, arguments):
            return any(map(_reads_array, arguments))
    return False


def _gathered(aggregate: Aggregate, argument: Node, types: Mapping[str, str], offset: int) -> AggregateCall:
    """An aggregate over the innermost array that its argument reads."""
    if isinstance(argument, Reference) and types.get(argument.path) == "array":
        inner, array, kind = None, argument.path, "array"
    else:
        inner = _resolved(argument, types)
        array, kind = Typed(inner).array, inner.type
    if inner and any(isinstance(node, Call) and node.name == "now" for node in _nodes(inner)):
        raise ExpressionError("now() cannot be used inside an aggregate", offset, "compute it in a separate field")
    if not array:
        raise ExpressionError(f"`{aggregate.name}` needs the elements of an array", offset, f"write {aggregate.name}(array[].field)")
    if kind not in aggregate.gives:
        raise ExpressionError(f"`{aggregate.name}` does not take {kind}", offset, f"it takes {', '.join(aggregate.gives)}")
    return AggregateCall(aggregate.name, array, inner, aggregate.gives[kind])


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean `{near[0]}`?" if near else ""


def _applied(operation: Operation, arguments: tuple[Tree, ...], offset: int) -> Tree:
    fitting = [(overload, takes) for overload in operation.overloads if (takes := overload.parameters(len(arguments))) is not None]
    if not fitting:
        raise ExpressionError(f"`{operation.name}` does not take {len(arguments)} arguments", offset, f"write {operation.usage}")
    for overload, takes in fitting:
        converted = [_converted(argument, name, offset) for argument, name in zip(arguments, takes, strict=True)]
        if all(argument is not None for argument in converted):
            return _call(operation.name, overload, tuple(argument for argument in converted if argument is not None))
    raise ExpressionError(*_mismatch(operation, arguments, offset))


def _call(name: str, overload: Overload, arguments: tuple[Tree, ...]) -> Tree:
    """A call, or its result where that is known at once: of constants alone, or a conditional's branch."""
    if name == "if else" and isinstance(arguments[0], Literal):
        return arguments[1 if arguments[0].value else 2]
    call = Call(name, overload, arguments)
    if name != "now" and all(isinstance(argument, Literal) for argument in arguments):
        return Literal(pl.select(to_polars(call)).item(), overload.result_type)
    return call


def _mismatch(operation: Operation, arguments: tuple[Tree, ...], offset: int) -> tuple[str, int, str]:
    found = [argument.type for argument in arguments]
    if {"date", "string"} <= set(found):
        hint = 'write a constant date as date("2024-01-31")'
    elif {"double", "decimal"} <= set(found):
        hint = "a double and a decimal cannot be combined; declare both fields with the same type"
    else:
        takes = dict.fromkeys(
            ", ".join("number" if name in NUMBERS else name for name in overload.parameter_types) for overload in operation.overloads
        )
        hint = f"it takes ({') or ('.join(takes)})" if len(takes) <= SHOWN_FORMS else f"write {operation.usage}"
    return f"`{operation.name}` does not take {' and '.join(found)}", offset, hint


def _converted(tree: Tree, name: str, offset: int) -> Tree | None:
    """The tree as a value of this type, or None where there is no conversion."""
    if tree.type == name:
        return tree
    if isinstance(tree, Literal) and (tree.value is not None or tree.type == "null"):
        return constant(tree, name, offset)
    widening = WIDENINGS.get((tree.type, name))
    return Call("widen", widening, (tree,)) if widening else None


def _at(tree: Tree, now: datetime | None) -> Tree:
    """The tree with `now()` as a constant (milliseconds, UTC)."""
    if now is None or not isinstance(tree, Call):
        return tree
    if tree.name == "now":
        return literal(now.replace(tzinfo=None, microsecond=now.microsecond // 1000 * 1000))
    return _call(tree.name, tree.form, tuple(_at(argument, now) for argument in tree.arguments))


def _nodes(tree: Tree) -> Iterator[Tree]:
    """The tree's nodes, without those inside aggregates."""
    yield tree
    for argument in tree.arguments if isinstance(tree, Call) else ():
        yield from _nodes(argument)
