"""What a mapping says, as frozen dataclasses. Made by `loader`, read by everything after it; nothing here knows YAML or MongoDB."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.expressions import Typed
from engine.types import Options, Type, type_table

Steps = tuple[tuple[str, MappingOf[str, Any]], ...]
ROW_KEY = "row"
ID = "_id"
MAX_LEVELS = 180  # of documents in one another, the outermost included: MongoDB's limit


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written. `names` are given when the file has no header line; `quote` is None when quoting is off."""

    delimiter: str = ","
    quote: str | None = '"'
    encoding: str = "utf-8"
    names: tuple[str, ...] | None = None
    newline: str = "\n"


@dataclass(frozen=True)
class Source:
    """Where rows come from."""

    path: str
    dialect: Dialect = Dialect()
    null_values: tuple[str, ...] = ("",)
    missing: str = "fail"
    extra: str = "warn"


@dataclass(frozen=True)
class Target:
    """Where documents go. `on_match`, in mode upsert: what becomes of a document whose `_id` is there, replace or merge."""

    database: str
    collection: str
    mode: str = "replace"
    on_match: str = "replace"
    profile: str | None = None


@dataclass(frozen=True)
class Field:
    """One target path and where its value comes from: exactly one of `column`, `value` (text of the type), `compute`."""

    path: str
    type: Type
    column: str | None = None
    value: str | None = None
    compute: Typed | None = None
    options: Options = field(default_factory=Options)
    transforms: Steps = ()
    null_values: tuple[str, ...] = ("",)
    default: str | None = None
    constraints: MappingOf[str, Any] = field(default_factory=dict)
    required: bool = False
    empty: str = "omit"
    on_error: str = "reject"
    private: bool = False
    description: str = ""
    line: int = field(default=0, compare=False)

    @property
    def writes_null(self) -> bool:
        """Whether a missing value is written as BSON null."""
        return self.empty == "null" and not self.required

    @property
    def always_written(self) -> bool:
        """Whether every document has the field, so that the server may ask for it."""
        filled = self.value is not None or self.default is not None or self.empty == "fail"
        return self.required or self.writes_null or (filled and self.on_error != "null")


@dataclass(frozen=True)
class Rule:
    """A check over several fields of a document; `on_fail` is reject, warn, filter or fail."""

    name: str
    check: Typed
    text: str
    on_fail: str = "reject"
    description: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Dedup:
    """Which rows are the same: `on` is the whole row, or columns or paths; `keep` says which of them stays."""

    on: str | tuple[str, ...] = ROW_KEY
    keep: str = "first"


@dataclass(frozen=True)
class Identity:
    """Where `_id` comes from when no field is mapped to it: a hash of the row or of columns or paths, or a random ObjectId."""

    hash: str | tuple[str, ...] | None = ROW_KEY


@dataclass(frozen=True)
class Index:
    """One index: ordered keys and MongoDB's options."""

    name: str
    keys: tuple[tuple[str, int | str], ...]
    options: MappingOf[str, Any] = field(default_factory=dict)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Validation:
    """How the server treats documents that break the validator; `additional` allows fields that the mapping does not name."""

    level: str = "strict"
    action: str = "error"
    additional: bool = False


@dataclass(frozen=True)
class Limit:
    """The most of something that a run may have, such as rejected rows: a count, or a share of all."""

    count: int | None = None
    share: float | None = None

    def exceeded(self, some: int, total: int) -> bool:
        """Whether `some` of `total` is over the limit."""
        if self.count is not None:
            return some > self.count
        return self.share is not None and some > self.share * total

    def of(self, what: str) -> str:
        """The limit in words; `what` names the things that are counted."""
        if self.share is not None:
            return f"{self.share * 100:g} % of the {what}"
        return "no limit" if self.count is None else f"{self.count:,} {what}"


@dataclass(frozen=True)
class Case:
    """An example of the mapping's own `tests:`; `expect` holds the document's values by path, or `reject` the code of the refusal."""

    given: MappingOf[str, str]
    expect: MappingOf[str, Any] | None
    reject: str | None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Mapping:
    """A whole mapping. `text` is the file as it was read, `file` its name for messages.

    `limit` is that of rejected rows, `deletions` that of documents which mode sync deletes. `private_rejects`: keep, mask or omit private
    columns in the rejects file. `digest` is a hash of what it says, with all `${…}` filled in, but for the source's path.
    """

    name: str
    version: int
    description: str
    source: Source
    target: Target
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...]
    dedup: Dedup | None
    identity: Identity | None
    indexes: tuple[Index, ...]
    validation: Validation
    limit: Limit
    tests: tuple[Case, ...]
    file: Path
    text: str
    deletions: Limit = Limit(share=0.1)
    private_rejects: str = "keep"
    digest: str = ""

    def field(self, path: str) -> Field:
        """The field of a path; KeyError when there is none."""
        return {one.path: one for one in self.fields}[path]

    @property
    def id_type(self) -> Type:
        """The type of `_id`."""
        for one in self.fields:
            if one.path == ID:
                return one.type
        return type_table["uuid" if self.identity and self.identity.hash else "objectId"]

    @property
    def private_columns(self) -> frozenset[str]:
        """Source columns that private fields read."""
        return frozenset(one.column for one in self.fields if one.private and one.column is not None)

    @property
    def ids_may_repeat(self) -> bool:
        """Whether two rows that are no duplicates of each other can have the same `_id`."""
        if self.identity and not self.identity.hash:
            return False
        on = self.identity.hash if self.identity else (ID,)
        return self.dedup is None or self.dedup.on != on

    @property
    def columns(self) -> dict[str, Field]:
        """Source columns that fields read, each with the first field that reads it."""
        found: dict[str, Field] = {}
        for one in self.fields:
            if one.column is not None:
                found.setdefault(one.column, one)
        return found
