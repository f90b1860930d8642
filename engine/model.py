"""What a mapping says, as frozen dataclasses. Made by `loader`, read by everything after it; nothing here knows YAML or MongoDB."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.expressions import Typed
from engine.paths import array_of
from engine.types import Options, Type, type_table

Steps = tuple[tuple[str, MappingOf[str, Any]], ...]
ROW_KEY = "row"
ID = "_id"
MAX_LEVELS = 180  # of documents in one another, the outermost included: MongoDB's limit


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written. `names` are given when the file has no header line; `quote` is None when quoting is off.

    `skip_lines` and `skip_footer` are lines before the header and at the end that are no part of the table, `comment` is how others begin
    that are none. In a `ragged` file a row may end early: the cells that it lacks are empty. `overflow` is the column that a row with too
    many cells has them from, as delimiters in it are not quoted.
    """

    delimiter: str = ","
    quote: str | None = '"'
    encoding: str = "utf-8"
    names: tuple[str, ...] | None = None
    newline: str = "\n"
    skip_lines: int = 0
    skip_footer: int = 0
    comment: str | None = None
    ragged: bool = False
    overflow: str | None = None


FORMATS: dict[str, tuple[str, ...]] = {"csv": (".csv", ".tsv"), "ndjson": (".ndjson", ".jsonl"), "parquet": (".parquet",)}
"""Formats of files, and how the names of such files end."""
COMPRESSIONS = GZIP, ZSTANDARD, ZIP = (".gz", ".zst", ".zip")
"""How the names of compressed files end."""


def format_of(name: str) -> str:
    """The format of a file by its name, the end of a compressed one's taken off; CSV where the name does not tell."""
    plain = name.lower()
    plain = next((plain.removesuffix(end) for end in COMPRESSIONS if plain.endswith(end)), plain)
    return next((kind for kind, ends in FORMATS.items() if plain.endswith(ends)), "csv")


@dataclass(frozen=True)
class Source:
    """Where rows come from: files, or patterns of their names.

    `format` is one of FORMATS, or told by the names; `member` is the file that is meant in a ZIP archive.
    """

    paths: tuple[str, ...]
    dialect: Dialect = Dialect()
    null_values: tuple[str, ...] = ("",)
    missing: str = "fail"
    extra: str = "warn"
    format: str | None = None
    member: str | None = None

    @property
    def path(self) -> str:
        """All paths, for messages."""
        return ", ".join(self.paths)

    def format_of(self, path: str) -> str:
        """The format of one of its files."""
        inside = self.member if path.lower().endswith(ZIP) else None
        return self.format or format_of(inside or path)


@dataclass(frozen=True)
class Target:
    """Where documents go. `on_match`, in mode upsert: what becomes of a document whose `_id` is there, replace or merge."""

    database: str
    collection: str
    mode: str = "replace"
    on_match: str = "replace"
    profile: str | None = None


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


@dataclass(frozen=True)
class Columns:
    """Elements from the columns of one row whose names a regular expression matches: `{key}` is the name, `{value}` the cell."""

    pattern: str


@dataclass(frozen=True)
class Child:
    """Elements from the rows of another source, or of the document's own (a group) where `source` is empty.

    `on` pairs their columns with ours; `orphans`, what becomes of rows that no document has: warn, fail or ignore. With `wide`, each row
    gives an element for each column that matches.
    """

    source: str
    on: tuple[tuple[str, str], ...]
    orphans: str = "warn"
    wide: Columns | None = None


@dataclass(frozen=True)
class Numbered:
    """Elements from columns of one row whose names hold `{n}`, for each of these texts in its place."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """Elements from one cell, cut at a separator: `{value}`."""

    column: str
    separator: str


@dataclass(frozen=True)
class Json:
    """Elements, or members, from a cell that holds a JSON text, or (`syntax: python`) a Python literal."""

    column: str
    syntax: str = "json"


Origin = Child | Numbered | Columns | Split | Json


@dataclass(frozen=True)
class Array:
    """Where the elements of the array at `path` come from, their order, and what becomes of none and of bad ones.

    `sort` names paths inside the element, or columns, each with whether it is descending. `constraints` are those of arrays. `on_error`
    is reject (the document) or drop (the element). Without `embed` the array only feeds aggregates.
    """

    path: str
    origin: Origin
    sort: tuple[tuple[str, bool], ...] = ()
    empty: str = "list"
    constraints: MappingOf[str, Any] = field(default_factory=dict)
    on_error: str = "reject"
    embed: bool = True
    line: int = field(default=0, compare=False)

    @property
    def always_written(self) -> bool:
        """Whether every document (or element, for an array in an array) has it."""
        return self.embed and self.empty != "omit"


def rows_source(arrays: MappingOf[str, Array], array: str) -> str:
    """The source whose rows the elements of an array are, or are made of; empty for the document's."""
    while array:
        origin = arrays[array].origin
        if isinstance(origin, Child):
            return origin.source
        array = array_of(array)
    return ""


@dataclass(frozen=True)
class Lookup:
    """A row of another source, or the members of a JSON cell, as columns `NAME.column`. `unmatched` is reject, null or fail."""

    name: str
    origin: Child | Json
    unmatched: str = "reject"
    line: int = field(default=0, compare=False)


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
