"""What a row of the type table says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.values.encoding.scalars import Encoding
from engine.values.types.conversions import Conversion
from engine.values.types.options import Options

Parse = Callable[[pl.Expr, Options], pl.Expr]
SortWords = list[npt.NDArray[np.uint64]]


@dataclass(frozen=True)
class Computing:
    """A dtype that compares and computes exactly, for a type whose column does not; `to_column` is the way back from it.

    `fixed` makes a value that `Type.read` gave fit to be a literal of the dtype.
    """

    dtype: pl.DataType
    to_column: Callable[[pl.Expr], pl.Expr]
    fixed: Callable[[Any], Any]


def as_json(value: Any) -> Any:
    """A value as JSON shows it: a date in ISO 8601, bytes in hexadecimal."""
    if isinstance(value, datetime):
        return {"$date": value.isoformat(timespec="milliseconds") + "Z"}
    return value.hex() if isinstance(value, bytes) else value


def _as_string(column: pl.Expr) -> pl.Expr:
    return column.cast(pl.String)


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Type:
    """One type of the mapping language, with all that is asked of one.

    In and out of columns: `parse` takes the text of a cell (never null where it matters) and gives the value in `dtype`, null where the
    text is not one; `expects` says what the text should have been, `describe` where that depends on the options. `encoding` writes a
    column as BSON.

    Single values: `read` takes what YAML holds as a bound, constant or expected value and gives a Python value that compares (ValueError
    says what was expected; a str, int, float, bool or datetime must be what BSON holds); `to_column` and `from_column` lead from such a
    value to that of a column and back. `show` gives a column's value as relaxed Extended JSON.

    `key_text` gives a column as texts that are the same exactly where the server takes two values as equal: what rows are known by.

    What may be done: `options` go with it; `sort_words` gives, of a column, unsigned words that sort as its values do, the most
    significant first (anything for a missing value): a type that has them has an order. Of a type that is not `enumerable`, no enum names
    values; one that is not `in_expressions` they do not read. `conversions` say by old type what the server can make of a stored value;
    `server_differs` is why it does not compute what the engine does. `width` is how many bytes every value has, where the engine can make
    such an `_id`.

    What the validator says: `bson_range` says in constraints which values of the BSON type are values of this one: what `parse` never
    gives, the server must refuse. `engine_only_reason` is why only the engine can check the text of a value: the document does not hold it.
    `schema` is what `$jsonSchema` says of it beside its BSON type. `any_text`: every text is a value of it. `geojson`: it is a place, which
    2dsphere indexes and nothing orders. `from_pair`: its text may come from two columns, longitude and latitude.
    """

    name: str
    summary: str
    dtype: pl.DataType
    bson_type: str
    expects: str
    parse: Parse
    accepted: tuple[tuple[str, Any], ...]
    refused: tuple[str, ...]
    encoding: Encoding
    read: Callable[[object], Any]
    describe: Callable[[Options], str] | None = None
    to_column: Callable[[Any], Any] = _same
    from_column: Callable[[Any], Any] = _same
    show: Callable[[Any], Any] = as_json
    computing: Computing | None = None
    key_text: Callable[[pl.Expr], pl.Expr] = _as_string
    sort_words: Callable[[pl.Series], SortWords] | None = None
    conversions: Mapping[str, Conversion] = field(default_factory=dict)
    server_differs: str = ""
    options: frozenset[str] = frozenset()
    numeric: bool = False
    whole: bool = False
    any_text: bool = False
    in_expressions: bool = True
    bson_range: Mapping[str, Any] = field(default_factory=dict)
    engine_only_reason: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    enumerable: bool = True
    geojson: bool = False
    from_pair: bool = False
    width: int = 0

    @property
    def ordered(self) -> bool:
        """Whether its values can be bounded and sorted."""
        return self.sort_words is not None

    @property
    def computing_dtype(self) -> pl.DataType:
        """The dtype in which values are compared and computed with."""
        return self.computing.dtype if self.computing else self.dtype

    def comparable(self, column: pl.Expr) -> pl.Expr:
        """A column of the type in `computing_dtype`."""
        return column.cast(self.computing.dtype) if self.computing else column

    def literal(self, value: Any) -> pl.Expr:
        """A value that `read` gave, to compare with `comparable`."""
        return pl.lit(self._fixed(value), dtype=self.computing_dtype)

    def literals(self, values: Iterable[Any]) -> pl.Expr:
        """Several of them as one list, for `is_in`."""
        return pl.lit(pl.Series([self._fixed(value) for value in values], dtype=self.computing_dtype)).implode()

    def _fixed(self, value: Any) -> Any:
        return self.computing.fixed(value) if self.computing else self.to_column(value)


def expected(kind: Type, options: Options) -> str:
    """What a cell should have been, in words."""
    if options.number:
        return f"a {'whole ' * kind.whole}number written as {options.number.example(whole=kind.whole)}"
    return kind.describe(options) if kind.describe else kind.expects
