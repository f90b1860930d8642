"""What a row of the tables is: an operation, its forms by argument type, and examples that are tests and documentation at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

STORED = ("string", "int", "long", "double", "decimal", "bool", "date", "objectId", "uuid", "binData")
ANY = (*STORED, "duration")  # a duration is what date - date gives; it cannot be stored
NUMBERS = ("int", "long", "double", "decimal")
ORDERED = ("long", "double", "decimal", "string", "date", "duration")

# 18 digits before the point and 16 after: what the type `decimal` accepts, and the 34 that MongoDB's Decimal128 holds exactly.
DECIMAL_PLACES = 16
DECIMAL = pl.Decimal(34, DECIMAL_PLACES)
DTYPES: dict[str, Any] = {
    "string": pl.String, "int": pl.Int32, "long": pl.Int64, "double": pl.Float64, "decimal": DECIMAL, "bool": pl.Boolean,
    "date": pl.Datetime("ms"), "duration": pl.Int64, "objectId": pl.Binary, "uuid": pl.Binary, "binData": pl.Binary,
}  # fmt: skip


@dataclass(frozen=True)
class Unsupported:
    """MongoDB cannot give exactly the engine's value; `reason` says why, as a clause."""

    reason: str


@dataclass(frozen=True)
class Form:
    """An operation over arguments of these types (a last one ending in `...` repeats).

    `polars` and `mongo` build the value from the arguments' expressions. Unless `nulls`, MongoDB's form runs only where no argument is
    null, with each argument a path, constant or variable; it must not fail on null all the same, since mongod folds constants first.
    With `nulls` the form deals with null itself and uses each argument once.
    """

    takes: tuple[str, ...]
    gives: str
    polars: Callable[..., pl.Expr]
    mongo: Callable[..., object] | Unsupported
    nulls: bool = False

    def parameters(self, count: int) -> tuple[str, ...] | None:
        """The types of `count` arguments, or None where this form does not take so many."""
        *first, last = self.takes or ("",)
        if last.endswith("..."):
            repeated = count - len(first)
            return (*first, *[last[:-3]] * repeated) if repeated > 0 else None
        return self.takes if count == len(self.takes) else None

    def __str__(self) -> str:
        return f"{', '.join(self.takes)} -> {self.gives}"


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
    forms: tuple[Form, ...]
    examples: tuple[Example, ...]


class Table(dict[str, Operation]):
    """Operations by name; a name enters once."""

    def add(self, name: str, usage: str, summary: str, forms: Iterable[Form], *examples: tuple[str, Mapping[str, object], object]) -> None:
        """Enter one row.

        Raises:
            ValueError: the name is taken.
        """
        if name in self:
            raise ValueError(f"`{name}` is registered twice")
        self[name] = Operation(name, usage, summary, tuple(forms), tuple(Example(*example) for example in examples))


def form(signature: str, polars: Callable[..., pl.Expr], mongo: Callable[..., object] | Unsupported, *, nulls: bool = False) -> Form:
    """A form from its signature, such as `string, string -> bool`."""
    takes, gives = signature.split("->")
    return Form(tuple(part.strip() for part in takes.split(",") if part.strip()), gives.strip(), polars, mongo, nulls)


def each(
    types: Iterable[str], signature: str, polars: Callable[..., pl.Expr], mongo: Callable[..., object] | Unsupported, *, nulls: bool = False
) -> Iterator[Form]:
    """One form per type, which stands for `T` in the signature."""
    for name in types:
        yield form(signature.replace("T", name), polars, mongo, nulls=nulls)
