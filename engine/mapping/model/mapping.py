"""A whole mapping, and what it says of rows, documents and the target."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.expressions import Typed
from engine.mapping.model.arrays import Array, Lookup
from engine.mapping.model.fields import Field
from engine.mapping.model.sources import Source
from engine.values.types import Type, type_table

ROW_KEY = "row"
ID = "_id"
MAX_LEVELS = 180  # of documents in one another, the outermost included: MongoDB's limit


@dataclass(frozen=True)
class Target:
    """Where documents go. `on_match`, in mode upsert: what becomes of a document whose `_id` is there, replace or merge."""

    database: str
    collection: str
    mode: str = "replace"
    on_match: str = "replace"
    profile: str | None = None


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
class Near:
    """Rows that are the same but for the source columns `without`: report (load and count them) or drop."""

    without: tuple[str, ...]
    action: str = "report"


@dataclass(frozen=True)
class Dedup:
    """Which rows are the same: `on` is the whole row, or columns or paths; `keep` says which of them stays.

    first, last, or fail; max or min: the one whose field `by` is greatest or least.
    """

    on: str | tuple[str, ...] = ROW_KEY
    keep: str = "first"
    by: str | None = None
    near: Near | None = None

    @property
    def looks_ahead(self) -> bool:
        """Whether all rows must be read before it is known which ones stay."""
        return self.keep not in ("first", "fail")


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


Cells = str | tuple[MappingOf[str, str], ...]
"""What a test gives: a cell's text, or rows of another source."""


@dataclass(frozen=True)
class Case:
    """An example of the mapping's own `tests:`; `expect` holds the document's values by path, or `reject` the code of the refusal."""

    given: MappingOf[str, Cells]
    expect: MappingOf[str, Any] | None
    reject: str | None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Mapping:
    """A whole mapping. `text` is the file as it was read, `file` its name for messages.

    `limit` is that of rejected rows, `duplicates` that of rows which dedup drops, `deletions` that of documents which mode sync deletes.
    `private_rejects`: keep, mask or omit private columns in the rejects file. `digest` is a hash of what it says, with all `${…}` filled
    in, but for the source's path. `sources` are those that arrays and lookups read, by name. Rows that agree in the columns `group_by` are
    one document; `conflicts` says what becomes of groups that differ in a field of it. `siblings` are the file's other collections.
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
    duplicates: Limit = Limit()
    private_rejects: str = "keep"
    digest: str = ""
    arrays: tuple[Array, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    sources: MappingOf[str, Source] = field(default_factory=dict)
    group_by: tuple[str, ...] = ()
    conflicts: str = "warn"
    siblings: tuple[Mapping, ...] = field(default=(), compare=False, repr=False)

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
    def ids_may_repeat(self) -> bool:
        """Whether two rows that are no duplicates of each other can have the same `_id`."""
        if self.identity and not self.identity.hash:
            return False
        on = self.identity.hash if self.identity else (ID,)
        return self.dedup is None or self.dedup.on != on
