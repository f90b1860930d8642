"""What other rows and cells a document is made of: arrays, lookups."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from engine.mapping.patterns import NAMES_OF_COLUMN, RANGE
from engine.values.columns import ColumnRef
from engine.values.keys import At, Keys, key, texts
from engine.values.paths import array_of

Orphans = Literal["warn", "fail", "ignore"]
ArrayEmpty = Literal["list", "omit", "null", "fail"]
OnElementError = Literal["reject", "drop"]
Unmatched = Literal["reject", "null", "fail"]
Syntax = Literal["json", "python"]
HowElementsMatch = Literal["replace", "append", "merge"]


def _order(raw: Any) -> tuple[tuple[str, bool], ...]:
    """Names, and whether each is descending."""
    return tuple((name.removeprefix("-"), name.startswith("-")) for name in raw)


@dataclass(frozen=True)
class Columns:
    """Elements from the columns of one row whose names a regular expression matches: `{key}` is the name, `{value}` the cell."""

    pattern: Annotated[
        str,
        At("columns"),
        key("A regular expression for column names: one element per matching column, in the file's order. `{key}` is the name, "
            "or the expression's first group; `{value}` is the cell.", "^[0-9]{4}$", minLength=1),
    ]  # fmt: skip


@dataclass(frozen=True)
class RowsOrigin:
    """Elements from the rows of a secondary source, or of the document's own (a group) where `source` is empty.

    `on` pairs columns of the secondary source with those of the row. With `wide`, each row gives an element for each column that matches.
    """

    source: str
    on: Annotated[
        tuple[tuple[str, ColumnRef], ...],
        key("The columns to match: their column to ours, or a list where both have the same name. An empty cell matches nothing.",
            {"orderID": "orderID"}, type=["object", "array"], additionalProperties={"type": "string"}, items={"type": "string"},
            minProperties=1, minItems=1),
    ]  # fmt: skip
    orphans: Annotated[
        Orphans, key("What to do with rows of the secondary source that match no document: warn (count them), fail, or ignore.", "fail")
    ] = "warn"
    wide: Columns | None = None


@dataclass(frozen=True)
class Numbered:
    """Elements from columns of one row whose names contain `{n}`, one for each of these texts in its place."""

    names: Annotated[
        tuple[str, ...],
        At("numbered"),
        key("Parallel columns, written with `{n}` in the fields: a range of numbers, or the texts in its place.", "1..15",
            type=["string", "array"], pattern=RANGE, items={"type": "string"}, minItems=1, uniqueItems=True),
    ]  # fmt: skip


@dataclass(frozen=True)
class Split:
    """Elements from one cell, cut at a separator: `{value}`."""

    column: Annotated[ColumnRef, key("The column that holds the cell.", "genres", **NAMES_OF_COLUMN)]
    separator: Annotated[str, key("The text between the values.", "|", minLength=1)]


@dataclass(frozen=True)
class Json:
    """Elements, or members, from a cell that holds a JSON text, or (`syntax: python`) a Python literal."""

    column: Annotated[ColumnRef, key("The column that holds the cell.", "cast", **NAMES_OF_COLUMN)]
    syntax: Annotated[Syntax, key("json, or python for a literal as Python prints it ({'name': None}).", "python")] = "json"


@dataclass(frozen=True)
class ElementMatch:
    """What becomes of the elements that a live document has: with merge, those whose values at the paths `by` are equal are one."""

    how: HowElementsMatch
    by: tuple[str, ...] = ()

    @classmethod
    def read(cls, raw: Any) -> ElementMatch:
        """From `append`, or `{merge: [date]}`."""
        return cls("merge", tuple(raw["merge"])) if isinstance(raw, dict) else cls(raw)

    def __str__(self) -> str:
        """As the mapping has it."""
        return f"merge by {', '.join(self.by)}" if self.by else self.how


_MERGE = {"merge": key("Paths inside the element that tell elements apart.", ["date"], **texts(minItems=1, uniqueItems=True))}
Origin = RowsOrigin | Numbered | Columns | Split | Json


@dataclass(frozen=True)
class Array:
    """Where the elements of the array at `path` come from, their order, and what to do without elements and with bad ones.

    `sort` names paths inside the element, or columns, each with whether it is descending. `constraints` are those of arrays.
    """

    path: str
    origin: Origin
    sort: Annotated[
        tuple[tuple[str, bool], ...],
        key("Order of the elements: paths inside the element, or columns; `-` before one for descending. Default: the source's.",
            ["-started", "code"], **texts(minItems=1)),
        _order,
    ] = ()  # fmt: skip
    empty: Annotated[ArrayEmpty, key("What to do if there are no elements: list (write an empty array), omit, null, or fail.", "omit")] = (
        "list"
    )
    constraints: Annotated[
        MappingOf[str, Any],
        Keys(minItems=key("Minimum number of elements.", 1, type="integer", minimum=0),
             maxItems=key("Maximum number of elements.", 20, type="integer", minimum=1),
             uniqueItems=key("No value may occur twice; for arrays of values.", True, enum=[True])),
    ] = field(default_factory=dict)  # fmt: skip
    on_error: Annotated[
        OnElementError, key("What to do with an element that breaks a check: reject the document, or drop the element (counted).", "drop")
    ] = "reject"
    on_match: Annotated[
        ElementMatch | None,
        key("In modes upsert and update, what to do with the elements of the live document: replace them; append (keep them, and add "
            "those that are not there yet); or {merge: [PATHS]} (the same, but elements with equal values at these paths are one, whose "
            "mapped fields are changed). Required for elements from rows, which a file with only the new ones would replace; otherwise "
            "replace.",
            {"merge": ["date"]}, type=["string", "object"],
            **{"if": {"type": "string"}, "then": {"enum": ["replace", "append"]},
               "else": {"type": "object", "properties": _MERGE, "additionalProperties": False, "required": ["merge"]}}),
        ElementMatch.read,
    ] = None  # fmt: skip
    embed: Annotated[bool, key("false: the array is not stored and only feeds aggregates such as count(ratings).", False)] = True
    line: int = field(default=0, compare=False)

    @property
    def always_written(self) -> bool:
        """Whether every document (or element, for an array in an array) has the array."""
        return self.embed and self.empty != "omit"

    @property
    def keeps_elements(self) -> bool:
        """Whether elements of a live document stay that the row does not have."""
        return self.on_match is not None and self.on_match.how != "replace"


def rows_source(arrays: MappingOf[str, Array], array: str) -> str:
    """The source whose rows are the elements of an array, or that they are made of; empty for the document's."""
    while array:
        origin = arrays[array].origin
        if isinstance(origin, RowsOrigin):
            return origin.source
        array = array_of(array)
    return ""


def cell_source(arrays: MappingOf[str, Array], array: str) -> str | None:
    """The source whose cells a level has; None where they are the members of a JSON text, or the array is not declared."""
    while array:
        origin = arrays[array].origin if array in arrays else None
        if isinstance(origin, RowsOrigin):
            return origin.source
        if origin is None or isinstance(origin, Json):
            return None
        array = array_of(array)
    return ""


@dataclass(frozen=True)
class Lookup:
    """A row of a secondary source, or the members of a JSON cell, as columns `NAME.column`.

    Its own columns are resolved for the document's rows; for elements, the keys of the columns that are read through it are.
    """

    name: str
    origin: RowsOrigin | Json
    unmatched: Annotated[
        Unmatched,
        key("If the secondary source lacks the key: reject the row, null (empty fields, counted), fail.", "null"),
    ] = "reject"
    line: int = field(default=0, compare=False)
