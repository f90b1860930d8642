"""A whole mapping, and its own tests."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from engine.mapping.model.arrays import Array, Lookup
from engine.mapping.model.declared import DeclaredStep
from engine.mapping.model.fields import Field
from engine.mapping.model.rows import A_TENTH, HALF, NO_LIMIT, Dedup, IdSource, Limit, Rule
from engine.mapping.model.sources import Source
from engine.mapping.model.targets import Index, Target, Validation
from engine.mapping.patterns import COUNT_OR_SHARE, NAME
from engine.values.keys import At, key
from engine.values.paths import MARK
from engine.values.types import Type, type_table

ID = "_id"

PrivateRejects = Literal["keep", "mask", "omit"]
OnConflict = Literal["warn", "reject", "ignore"]


Cells = str | tuple[MappingOf[str, str], ...]
"""What a test gives: a cell's text, or rows of a secondary source."""


@dataclass(frozen=True)
class MappingTest:
    """An example of the mapping's own `tests:`; `expect` holds the document's values by path, or `reject` the code of the rejection."""

    given: MappingOf[str, Cells]
    expect: MappingOf[str, Any] | None
    reject: str | None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """A whole mapping. `text` is the file as it was read, `file` its name for messages.

    `digest` is a hash of its content, with all `${…}` filled
    in, without the source's path. `sources` are those that arrays and lookups
    read, by name. `siblings` are the file's other collections.
    """

    name: Annotated[
        str, At("mapping"), key("Name of the mapping; names the schema file.", "admissions", pattern=NAME)
    ]  # fmt: skip
    version: Annotated[int, key("The version of the mapping, which you count yourself.", 1, minimum=1)] = 1
    description: Annotated[str, key("What the mapping loads, for human readers.", "Hospital admissions.")] = ""
    source: Source
    target: Target
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...]
    dedup: Dedup | None
    identity: Annotated[IdSource | None, At("id")]
    indexes: tuple[Index, ...]
    validation: Validation
    reject_limit: Annotated[
        Limit,
        At("limits.rejects"),
        key("Rejected rows allowed, including malformed records of secondary sources: a share of rows such as 0.5%, or a count. "
            "Above it, nothing is published.", "0.5%", **COUNT_OR_SHARE),
        Limit.read,
    ] = A_TENTH  # fmt: skip
    tests: tuple[MappingTest, ...]
    file: Path
    text: str
    duplicate_limit: Annotated[
        Limit,
        At("limits.duplicates"),
        key("Rows that dedup may drop: a share of the rows, or a count.", "5%", **COUNT_OR_SHARE),
        Limit.read,
    ] = NO_LIMIT
    deletion_limit: Annotated[
        Limit,
        At("limits.deletions"),
        key("In the modes sync and delete, documents that may be deleted: a share of the collection, or a count. Above it, none is "
            "deleted.", "10%", **COUNT_OR_SHARE),
        Limit.read,
    ] = A_TENTH  # fmt: skip
    unmatched_limit: Annotated[
        Limit,
        At("limits.unmatched"),
        key("In mode update, documents of the source that may match no live one: a share of them, or a count. Above it, nothing is "
            "changed.", "10%", **COUNT_OR_SHARE),
        Limit.read,
    ] = A_TENTH  # fmt: skip
    shrink_limit: Annotated[
        Limit,
        At("limits.shrink"),
        key("In mode replace, how many documents fewer than now the live collection may have: a share of it, or a count. Above it, "
            "nothing is published.", "50%", **COUNT_OR_SHARE),
        Limit.read,
    ] = HALF  # fmt: skip
    private_rejects: Annotated[
        PrivateRejects,
        At("rejects.private"),
        key("Columns of private fields in the rejects file: keep (so that rows can be loaded again), mask, or omit.", "mask"),
    ] = "keep"
    digest: str = ""
    arrays: tuple[Array, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    sources: MappingOf[str, Source] = field(default_factory=dict)
    group_by: Annotated[
        tuple[str, ...],
        At("group_by.columns"),
        key("The columns that identify a document.", ["ProviderNumber"], minItems=1, uniqueItems=True),
    ] = ()
    conflicts: Annotated[
        OnConflict,
        At("group_by.conflicts"),
        key(
            "What to do if the rows of a group differ in a field of the document: warn (use the first value), reject the group, or ignore.",
            "reject",
        ),
    ] = "warn"
    steps: tuple[DeclaredStep, ...] = ()
    siblings: tuple[Mapping, ...] = field(default=(), compare=False, repr=False)

    def field(self, path: str) -> Field:
        """The field of a path; KeyError when there is none."""
        return {field.path: field for field in self.fields}[path]

    @property
    def own_paths(self) -> tuple[str, ...]:
        """The paths that documents have from the mapping: an array counts as a whole, `a.*` as all members of `a`."""
        hidden = tuple(f"{array.path}{MARK}" for array in self.arrays if not array.embed)
        stored = (mapped.path for mapped in self.fields if not mapped.path.startswith(hidden))
        return tuple(dict.fromkeys(path.partition(MARK)[0] for path in stored))

    @property
    def load_paths(self) -> tuple[str, ...]:
        """The paths of load metadata."""
        return tuple(mapped.path for mapped in self.fields if mapped.of_load)

    @property
    def on_insert_paths(self) -> tuple[str, ...]:
        """The paths that are written when a document is inserted, and left alone afterwards."""
        return tuple(mapped.path for mapped in self.fields if mapped.on_insert)

    @property
    def id_type(self) -> Type:
        """The type of `_id`."""
        made = type_table["uuid" if self.identity and self.identity.hash else "objectId"]
        return next((mapped.type for mapped in self.fields if mapped.path == ID), made)

    @property
    def text_keys(self) -> tuple[str, ...]:
        """Of `_id` and the target's key, the paths that hold text, which a collation compares in its own way."""
        types = {ID: self.id_type, **{path: self.field(path).type for path in self.target.key_paths}}
        return tuple(path for path, kind in types.items() if kind.bson_type == "string")

    @property
    def keys_may_repeat(self) -> bool:
        """Whether two rows that are not duplicates of each other can have the same values at the target's key."""
        return self.dedup is None or set(self.dedup.on) != set(self.target.key_paths)

    @property
    def ids_may_repeat(self) -> bool:
        """Whether two rows that are not duplicates of each other can have the same `_id`."""
        if self.identity and not self.identity.hash:
            return False
        on = self.identity.hash if self.identity else (ID,)
        return self.dedup is None or self.dedup.on != on
