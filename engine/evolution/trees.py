"""Comparing typed expressions: with paths under new names, and regardless of the types of what they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.expressions import Typed
from engine.expressions.constants import Literal
from engine.expressions.tree import AggregateCall, Call, FieldReference, Tree


def renamed(expression: Typed, moved: Mapping[str, str]) -> Typed:
    """The same expression with paths and arrays under their new names."""
    return Typed(_renamed(expression.tree, moved))


def _renamed(tree: Tree, moved: Mapping[str, str]) -> Tree:
    if isinstance(tree, FieldReference):
        return replace(tree, name=moved.get(tree.name, tree.name))
    if isinstance(tree, AggregateCall):
        return replace(tree, array=moved.get(tree.array, tree.array), inner=tree.inner and _renamed(tree.inner, moved))
    return replace(tree, arguments=tuple(_renamed(argument, moved) for argument in tree.arguments)) if isinstance(tree, Call) else tree


def spelled(expression: Typed) -> Any:
    """What is written, without what the types add: equal for equal texts over fields of different types."""
    return _spelled(expression.tree)


def _spelled(tree: Tree) -> Any:
    if isinstance(tree, Call):
        return _spelled(tree.arguments[0]) if tree.name == "widen" else (tree.name, *map(_spelled, tree.arguments))
    if isinstance(tree, Literal):
        return tuple(map(_spelled, tree.value)) if isinstance(tree.value, tuple) else tree.value
    return tree.name if isinstance(tree, FieldReference) else tree
