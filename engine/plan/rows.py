"""What identifies rows: their cells, or the paths and columns that a mapping names."""

from __future__ import annotations

from collections.abc import Sequence

from engine.digests.keys import RowKey
from engine.errors import DataError, Finding, finding, suggest
from engine.mapping.model import ROW_KEY, Mapping
from engine.plan.header import names_to_show
from engine.plan.names import cell_name
from engine.values.frames import col

KeyParts = str | tuple[str, ...]


def row_keys(mapping: Mapping, columns: Sequence[str]) -> dict[KeyParts, RowKey]:
    """The key of each set of parts that `id` and `dedup` name. Raises DataError where a part is neither a field nor a column."""
    wanted = [mapping.identity.hash if mapping.identity else None, mapping.dedup.on if mapping.dedup else None]
    return {on: _key(on, mapping, columns) for on in wanted if on}


def near_key(mapping: Mapping, columns: Sequence[str]) -> RowKey | None:
    """The row without the columns in which near-duplicates differ. Raises DataError where the source lacks one, or no column is left."""
    dedup = mapping.dedup
    if not dedup or not dedup.near:
        return None
    unknown = [name for name in dedup.near.ignored_columns if name not in columns]
    if unknown:
        message = f"dedup.near.except: {unknown[0]!r} is not a column of the source"
        raise DataError(
            Finding(0, 0, "unknown_key_column", message, hint=suggest(unknown[0], names_to_show(mapping, columns)), file=str(mapping.file))
        )
    rest = [name for name in sorted(columns) if name not in dedup.near.ignored_columns]
    if not rest:
        message = "dedup.near.except leaves no column to compare rows by"
        raise DataError(finding("no_columns", message, hint="name fewer columns", file=str(mapping.file)))
    return RowKey(tuple(col(cell_name(name)) for name in rest))


def _key(on: KeyParts, mapping: Mapping, columns: Sequence[str]) -> RowKey:
    """The whole row (its cells, in the order of the columns' oldest names), or the listed paths and columns."""
    if on == ROW_KEY:
        return RowKey(tuple(col(cell_name(name)) for name in sorted(columns, key=lambda name: mapping.source.names_of(name)[-1])))
    paths = {field.path: field for field in mapping.fields}
    for name in on:
        if name not in paths and name not in columns:
            message = f"{name!r} is neither a field nor a column of the source"
            hint = suggest(name, [*paths, *names_to_show(mapping, columns)])
            raise DataError(Finding(0, 0, "unknown_key_column", message, hint=hint, file=str(mapping.file)))
    return RowKey(tuple(paths[name].type.key_text(col(name)) if name in paths else col(cell_name(name)) for name in on))
