"""A field of a document: where its value comes from, its type, what must hold."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Any

from engine.expressions import Typed
from engine.values.types import Options, Type

Steps = tuple[tuple[str, MappingOf[str, Any]], ...]


@dataclass(frozen=True)
class Labels:
    """What codes mean: the text for each text. `otherwise`, what becomes of others: reject, null, keep, or label (then `label`)."""

    texts: MappingOf[str, str]
    otherwise: str = "reject"
    label: str | None = None


@dataclass(frozen=True)
class Field:
    """One target path and where its value comes from.

    One of `column`, `matching`, `pair`, `hashed`, `value` (text of the type), `compute`, `meta`.

    `matching` is a regular expression of columns, for a path that ends in `.*`: each of them is a member of a document. `hashed` are
    columns whose hash is an `_id`, `pair` those of longitude and latitude, `meta` is a column that a source adds to its own. Without
    `when` being true, there is no value. `key`: two rows of a collection must differ in it. `was` is the path that the field had in the
    mapping before this one.
    """

    path: str
    type: Type
    column: str | None = None
    value: str | None = None
    compute: Typed | None = None
    matching: str | None = None
    pair: tuple[str, str] | None = None
    hashed: tuple[str, ...] = ()
    meta: str | None = None
    when: Typed | None = None
    options: Options = field(default_factory=Options)
    transforms: Steps = ()
    null_values: tuple[str, ...] = ("",)
    labels: Labels | None = None
    default: str | None = None
    constraints: MappingOf[str, Any] = field(default_factory=dict)
    required: bool = False
    empty: str = "omit"
    on_error: str = "reject"
    private: bool = False
    was: str | None = None
    description: str = ""
    key: bool = field(default=False, compare=False)
    line: int = field(default=0, compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that it reads; messages name the first one."""
        return tuple(name for name in (self.column, *(self.pair or ()), *self.hashed, self.options.timezone_column) if name is not None)

    @property
    def late(self) -> bool:
        """Whether it is made after all fields that are read from cells."""
        return self.compute is not None or self.when is not None

    @property
    def expressions(self) -> tuple[Typed, ...]:
        """What it is computed from, and on what it depends."""
        return tuple(one for one in (self.compute, self.when) if one)

    @property
    def reads(self) -> frozenset[str]:
        """The paths that it is made from."""
        return frozenset().union(*(one.paths for one in self.expressions))

    @property
    def writes_null(self) -> bool:
        """Whether a missing value is written as BSON null."""
        return self.empty == "null" and (not self.required or self.when is not None)

    @property
    def always_written(self) -> bool:
        """Whether every document has the field, so that the server may ask for it."""
        if self.when or self.writes_null:
            return self.writes_null
        filled = self.value is not None or self.meta is not None or self.default is not None or self.empty == "fail"
        return self.required or (filled and self.on_error != "null")
