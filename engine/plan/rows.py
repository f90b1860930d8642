"""What rows are known by: their cells, or the paths and columns that a mapping names."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from engine.digests.keys import RowKey
from engine.errors import DataError, Finding, suggest
from engine.mapping.model import ROW_KEY, Field, Mapping
from engine.plan.cells import CELL

KeyParts = str | tuple[str, ...]


def row_keys(mapping: Mapping, columns: Sequence[str]) -> dict[KeyParts, RowKey]:
    """The key of each set of parts that `id` and `dedup` name. Raises DataError where a part is neither a field nor a column."""
    wanted = [mapping.identity.hash if mapping.identity else None, mapping.dedup.on if mapping.dedup else None]
    return {on: _key(on, mapping, columns) for on in wanted if on}


def _key(on: KeyParts, mapping: Mapping, columns: Sequence[str]) -> RowKey:
    """The whole row (its cells, in the order of the columns' names), or the listed paths and columns."""
    if on == ROW_KEY:
        return RowKey(tuple(pl.col(CELL + name) for name in sorted(columns)))
    paths = {one.path: one for one in mapping.fields}
    for name in on:
        if name not in paths and name not in columns:
            message = f"{name!r} is neither a field nor a column of the source"
            raise DataError(Finding(0, 0, "unknown_key_column", message, hint=suggest(name, [*paths, *columns]), file=str(mapping.file)))
    return RowKey(tuple(_as_text(paths[name]) if name in paths else pl.col(CELL + name) for name in on))


def _as_text(one: Field) -> pl.Expr:
    value = pl.col(one.path)
    return value.bin.encode("hex") if one.type.dtype == pl.Binary else value.cast(pl.String)
