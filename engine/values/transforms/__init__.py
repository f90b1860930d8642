"""Value transforms: text in, text out, applied to a cell in the order they are listed.

To add one, write a short function in a module of this folder and register it with its parameters, summary and examples: the examples
are run as tests and printed in the reference, and the mapping's JSON Schema follows from the registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

Arguments = Mapping[str, Any]
Function = Callable[..., pl.Expr]


@dataclass(frozen=True)
class Parameter:
    """One named argument of a transform; `schema` is its JSON Schema."""

    summary: str
    schema: Mapping[str, Any]
    required: bool = True


@dataclass(frozen=True)
class Example:
    """`text` becomes `result` (None: a missing value) under these arguments."""

    text: str
    result: str | None
    arguments: Arguments


@dataclass(frozen=True)
class Transform:
    """One registered transform."""

    name: str
    summary: str
    apply: Function
    examples: tuple[Example, ...]
    parameters: Mapping[str, Parameter]


REGISTRY: dict[str, Transform] = {}


def example(text: str, result: str | None, **arguments: object) -> Example:
    """An example, written as a call."""
    return Example(text, result, arguments)


def register(name: str, summary: str, *examples: Example, **parameters: Parameter) -> Callable[[Function], Function]:
    """Decorator for a function from a text expression (and its parameters) to a text expression; ValueError when the name is taken."""

    def add(function: Function) -> Function:
        if name in REGISTRY:
            raise ValueError(f"transform {name!r} is registered twice")
        REGISTRY[name] = Transform(name, summary, function, examples, parameters)
        return function

    return add


def apply(text: pl.Expr, steps: tuple[tuple[str, Arguments], ...]) -> pl.Expr:
    """Chain the named transforms over a text expression."""
    for name, arguments in steps:
        text = REGISTRY[name].apply(text, **arguments)
    return text


from engine.values.transforms import encodings as _encodings  # noqa: E402, F401 -- fills the registry
from engine.values.transforms import text as _text  # noqa: E402, F401
