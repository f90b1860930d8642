"""Whether a check lets through all that another one lets through, where the two expressions show it. Pure.

They may differ in the literals of comparisons, or in parts of `and` and `or`. A check passes where it is not false, so also where it is
null: comparisons of one value with literals are null together.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from engine.evolution.trees import spelled
from engine.expressions import Typed
from engine.expressions.constants import Literal
from engine.expressions.narrowing import comparable
from engine.expressions.tree import Call, Tree

Test = Callable[[Any, Any], bool]
TESTS: dict[str, Test] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}
MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
WAYS = {"<": -1, "<=": -1, ">": 1, ">=": 1}  # below or above the literal


def implies(one: Typed, other: Typed) -> bool:
    """Whether what passes the one passes the other. False also where nobody can say."""
    return _implies(one.tree, other.tree)


def _implies(one: Tree, other: Tree) -> bool:
    if spelled(Typed(one)) == spelled(Typed(other)):
        return True
    match one, other:
        case Call("or", _, parts), _:
            return all(_implies(part, other) for part in parts)
        case _, Call("and", _, parts):
            return all(_implies(one, part) for part in parts)
        case Call("not", _, (inner,)), Call("not", _, (other_inner,)):
            return _follows(other_inner, inner)
        case Call("and", _, parts), _ if any(_implies(part, other) for part in parts):
            return True
        case _, Call("or", _, parts):
            return any(_implies(one, part) for part in parts)
    return _follows(one, other)


def _follows(one: Tree, other: Tree) -> bool:
    """The same of two comparisons of one value with literals."""
    before, after = _comparison(one), _comparison(other)
    if before is None or after is None or before[0] != after[0]:
        return False
    (_, name, literals), (_, test, limits) = before, after
    if not all(comparable(literal, limit) for literal in literals for limit in limits):
        return False
    if name in ("==", "in"):
        return all(_passes(literal, test, limits) for literal in literals)
    if test == "!=":
        return not _passes(limits[0], name, literals)
    same_way = name in WAYS and WAYS[name] == WAYS.get(test)
    return same_way and (TESTS[test](literals[0], limits[0]) or (literals == limits and name == test))


def _passes(value: Any, test: str, limits: tuple[Any, ...]) -> bool:
    return value in limits if test == "in" else TESTS[test](value, limits[0])


def _comparison(tree: Tree) -> tuple[Any, str, tuple[Any, ...]] | None:
    """The value that is compared, how, and with which literals."""
    match tree:
        case Call("in", _, (value, Literal(tuple() as items))):
            return spelled(Typed(value)), "in", tuple(item.value for item in items)
        case Call(name, _, (value, Literal(literal))) if name in TESTS:
            return spelled(Typed(value)), name, (literal,)
        case Call(name, _, (Literal(literal), value)) if name in TESTS:
            return spelled(Typed(value)), MIRRORED[name], (literal,)
    return None
