"""What a row of the tables is: an operation, its forms by argument type, and examples that are tests and documentation at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from engine.values.types import type_table

STORED = tuple(row.name for row in type_table.values() if row.in_expressions)
ANY = (*STORED, "duration")  # a duration is what date - date gives; it cannot be stored
NUMBERS = tuple(row.name for row in type_table.values() if row.numeric)
# What has an order; an int is compared as the long that it widens to.
ORDERED = (
    *(name for name in NUMBERS if name != "int"),
    *(row.name for row in type_table.values() if row.any_text or (row.ordered and not row.numeric)),
    "duration",
)
DTYPES: dict[str, pl.DataType] = {name: type_table[name].computing_dtype for name in STORED} | {"duration": pl.Int64()}


@dataclass(frozen=True)
class Unsupported:
    """MongoDB cannot compute exactly the engine's value; `reason` says why, as a clause."""

    reason: str


class NotInMongoError(Exception):
    """Carries the reason out of the building of a MongoDB form."""


@dataclass(frozen=True)
class Overload:
    """An operation over arguments of these types (a last one ending in `...` repeats).

    `polars` and `mongo` build the value from the arguments' expressions; constants of a kind of `constants` are given as they are. `mongo`
    raises NotInMongoError where it depends on these whether MongoDB can compute the value.
    Unless `nulls`, MongoDB's form runs only where no argument is null, with each argument a path, constant or variable; it must not fail
    on null all the same, since mongod folds constants first. With `nulls` the form deals with null itself and uses each argument once.
    """

    parameter_types: tuple[str, ...]
    result_type: str
    polars: Callable[..., pl.Expr]
    mongo: Callable[..., object] | Unsupported
    nulls: bool = False

    def parameters(self, count: int) -> tuple[str, ...] | None:
        """The types of `count` arguments, or None where this form does not take so many."""
        *first, last = self.parameter_types or ("",)
        if last.endswith("..."):
            repeated = count - len(first)
            return (*first, *[last[:-3]] * repeated) if repeated > 0 else None
        return self.parameter_types if count == len(self.parameter_types) else None

    def __str__(self) -> str:
        return f"{', '.join(self.parameter_types)} -> {self.result_type}"


@dataclass(frozen=True)
class Example:
    """`text` over rows of `values` (path → value) gives `result`. Types follow from the values; None reads as a string."""

    text: str
    values: Mapping[str, object]
    result: object


@dataclass(frozen=True)
class Operation:
    """An operator or function: `usage` shows how it is written, the first form that takes the arguments' types is used."""

    name: str
    usage: str
    summary: str
    overloads: tuple[Overload, ...]
    examples: tuple[Example, ...]


ExampleParts = tuple[str, Mapping[str, object], object]
"""The text, values and result of an `Example`."""


def operation(name: str, usage: str, summary: str, forms: Iterable[Overload], *examples: ExampleParts) -> Operation:
    """One row of a table."""
    return Operation(name, usage, summary, tuple(forms), tuple(Example(*example) for example in examples))


def form(signature: str, polars: Callable[..., pl.Expr], mongo: Callable[..., object] | Unsupported, *, nulls: bool = False) -> Overload:
    """A form from its signature, such as `string, string -> bool`."""
    takes, gives = signature.split("->")
    return Overload(tuple(part.strip() for part in takes.split(",") if part.strip()), gives.strip(), polars, mongo, nulls)


def each(
    types: Iterable[str], signature: str, polars: Callable[..., pl.Expr], mongo: Callable[..., object] | Unsupported, *, nulls: bool = False
) -> Iterator[Overload]:
    """One form per type, which stands for `T` in the signature."""
    for name in types:
        yield form(signature.replace("T", name), polars, mongo, nulls=nulls)
