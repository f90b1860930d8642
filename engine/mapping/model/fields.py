"""A field of a document: where its value comes from, its type, what must hold."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

from engine.expressions import Typed
from engine.mapping.patterns import SCALAR
from engine.values.columns import ColumnRef
from engine.values.keys import At, key
from engine.values.types import Options, Type

MASK = "(private)"  # what is shown instead of a private value
DEFAULT_TYPE = "string"  # a text stays what it is

Empty = Literal["omit", "null", "fail"]
OnError = Literal["reject", "null", "fail"]
PlainOtherwise = Literal["reject", "null", "keep"]
Otherwise = Literal[PlainOtherwise, "label"]
Steps = tuple[tuple[str, MappingOf[str, Any]], ...]


@dataclass(frozen=True)
class ValueMap:
    """What codes mean: for each text, the text to use. `otherwise` is for all other texts: reject, null, keep, or label (then `label`)."""

    texts: Annotated[
        MappingOf[str, str],
        At("map"),
        key("Codes and their meanings: for each text of a cell, after transforms, the text that the type reads instead.",
            {"A": "active", "C": "closed"}, type="object", minProperties=1, additionalProperties={"type": SCALAR}),
    ]  # fmt: skip
    otherwise: Annotated[
        Otherwise,
        key("What to do with a text that is not in `map`: reject (handled by `on_error`, with the code map), null (treat as "
            "empty), keep, or {value: TEXT}.", {"value": "other"}, type=["string", "object"],
            **{"if": {"type": "string"}, "then": {"enum": list(get_args(PlainOtherwise))}},
            properties={"value": key("The text for all other texts.", "other", type=SCALAR)}, required=["value"],
            additionalProperties=False),
    ] = "reject"  # fmt: skip
    label: str | None = None


@dataclass(frozen=True)
class Field:
    """One target path and where its value comes from.

    One of `column`, `matching`, `pair`, `hashed`, `value` (text of the type), `compute`, `meta`.

    `matching` is a regular expression of columns, for a path that ends in `.*`: each of them is a member of a document. `hashed` are
    columns whose hash is an `_id`, `pair` those of longitude and latitude, `meta` is a column that a source adds to its own. Without `when`
    being true, there is no value. `identifies_row`: it is one of the values that tell rows of the collection apart. `of_load`: it says
    something of the load, not of the row; a document that differs in nothing else did not change.
    """

    path: str
    type: Type
    column: ColumnRef | None = None
    value: str | None = None
    compute: Typed | None = None
    matching: Annotated[str | None, At("columns")] = None
    pair: Annotated[tuple[ColumnRef, ColumnRef] | None, At("longitude, latitude")] = None
    hashed: Annotated[tuple[ColumnRef, ...], At("hash")] = ()
    meta: str | None = None
    when: Typed | None = None
    options: Options = field(default_factory=Options)
    transforms: Annotated[Steps, At("transform")] = ()
    null_values: tuple[str, ...] = ("",)
    value_map: Annotated[ValueMap | None, At("map")] = None
    default: str | None = None
    constraints: MappingOf[str, Any] = field(default_factory=dict)
    required: Annotated[bool, key("A row whose cell is empty is rejected.", True)] = False
    empty: Annotated[Empty, key("What an empty cell becomes: omit leaves the field out, null writes null, fail stops the run.", "omit")] = (
        "omit"
    )
    on_error: Annotated[
        OnError,
        key("What to do with a cell that breaks its type or a constraint: reject the row, null (treat as empty, counted), or fail the run.",
            "reject"),
    ] = "reject"  # fmt: skip
    private: Annotated[bool, key("The values never appear in a log, message or report.", True)] = False
    on_insert: Annotated[
        bool,
        key("The value is written when the document is inserted, and stays as it is afterwards; it is not compared.", True),
    ] = False
    was: Annotated[
        str | None,
        key("The field's former path, for `engine plan`: without it, a rename looks like a removal and an addition.", "stay.room"),
    ] = None
    description: Annotated[str, key("What the field means; it is written into the validator.", "Age in years at admission.")] = ""
    identifies_row: bool = field(default=False, compare=False)
    of_load: bool = field(default=False, compare=False)
    line: int = field(default=0, compare=False)

    @property
    def columns(self) -> tuple[ColumnRef, ...]:
        """The source columns that it reads; messages name the first one."""
        return tuple(
            option for option in (self.column, *(self.pair or ()), *self.hashed, self.options.timezone_column) if option is not None
        )

    @property
    def depends_on_fields(self) -> bool:
        """Whether it is made after all fields that are read from cells."""
        return self.compute is not None or self.when is not None

    @property
    def expressions(self) -> tuple[Typed, ...]:
        """The expressions that compute it and that say when it has a value."""
        return tuple(expression for expression in (self.compute, self.when) if expression)

    @property
    def reads(self) -> frozenset[str]:
        """The paths that it is made from."""
        return frozenset().union(*(expression.paths for expression in self.expressions))

    @property
    def writes_null(self) -> bool:
        """Whether a missing value is written as BSON null."""
        return self.empty == "null" and (not self.required or self.when is not None)

    @property
    def always_written(self) -> bool:
        """Whether every document has the field, so that the validator can require it."""
        if self.when or self.writes_null:
            return self.writes_null
        filled = self.value is not None or self.meta is not None or self.default is not None or self.empty == "fail"
        return self.required or (filled and self.on_error != "null")
