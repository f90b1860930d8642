"""What a row of the transform table says."""

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
class TransformExample:
    """`text` becomes `result` (None: a missing value) under these arguments."""

    text: str
    result: str | None
    arguments: Arguments


@dataclass(frozen=True)
class Transform:
    """One transform: `apply` takes a text expression and the parameters and gives a text expression."""

    name: str
    summary: str
    apply: Function
    examples: tuple[TransformExample, ...]
    parameters: Mapping[str, Parameter]


def example(text: str, result: str | None, **arguments: object) -> TransformExample:
    """An example, written as a call."""
    return TransformExample(text, result, arguments)


def transform(name: str, summary: str, *examples: TransformExample, **parameters: Parameter) -> Callable[[Function], Transform]:
    """Decorator that makes a row of the function that does it."""
    return lambda function: Transform(name, summary, function, examples, parameters)
