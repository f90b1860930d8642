"""How columns relate: duplicates, near-duplicates, keys, dependencies, and joins between files.

All of it works on 64-bit hashes of the cells. Two different cells have equal hashes once in 10**19; a column found to be unique is unique.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from operator import add

import polars as pl

from engine.infer.names import HASH
from engine.infer.tables import FileProfile
from engine.values.frames import col

GOLDEN = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio: its odd multiples spread well
WORD = 1 << 64
MOST_COLUMNS = 30  # pairs are searched among this many columns
SAMPLE = 10_000
SHOWN = 3
RARELY = 0.25  # near-duplicates are reported up to this share of the rows: more are not duplicates but the nature of the data


@dataclass(frozen=True)
class Relations:
    """What was found in one file.

    `duplicates` rows repeat another in every cell; `near` counts those that do so except in one column. `keys` are the candidate keys of
    one column, or if there are none, of two. `dependencies`: which columns (with several rows per value) determine which others.
    """

    duplicates: int
    near: tuple[tuple[str, int], ...]
    keys: tuple[tuple[str, ...], ...]
    dependencies: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class JoinCandidate:
    """`matched` of the `values` distinct values of `column` in the file `table` are in the unique column `key` of the file `other`."""

    table: str
    column: str
    other: str
    key: str
    matched: int
    values: int
    unique: bool


def relations(table: FileProfile) -> Relations | None:
    """How the columns relate; None where the file is too large to find out."""
    if table.hashes is None:
        return None
    combined = _combined(table)
    rows = table.hashes.with_columns(combined.alias(HASH)).unique(HASH, maintain_order=True)
    complete = [column.name for column in table.columns if not column.missing and not column.blank]
    keys = tuple((name,) for name in complete if rows[name].n_unique() == rows.height)
    return Relations(
        duplicates=table.rows - rows.height,
        near=_near(table, rows),
        keys=keys or tuple(_pairs(complete, rows)),
        dependencies=_dependencies(table, rows),
    )


def _weight(place: int) -> pl.Expr:
    return pl.lit((2 * place + 1) * GOLDEN % WORD, dtype=pl.UInt64)


def _combined(table: FileProfile) -> pl.Expr:
    """One hash per row: a weighted sum, from which a column can be subtracted again."""
    return reduce(add, (col(name) * _weight(place) for place, name in enumerate(table.names)))


def _near(table: FileProfile, rows: pl.DataFrame) -> tuple[tuple[str, int], ...]:
    """By column, how many distinct rows repeat another except in that column."""
    if len(table.columns) < 3:  # noqa: PLR2004 - of two columns, one would be left
        return ()
    rest = rows.select((col(HASH) - col(name) * _weight(place)).n_unique().alias(name) for place, name in enumerate(table.names))
    found = {name: rows.height - distinct for name, distinct in rest.row(0, named=True).items()}
    told = [(name, times) for name, times in found.items() if 0 < times <= RARELY * rows.height]
    return tuple(sorted(told, key=lambda one: -one[1])[:SHOWN])


def _pair(one: str, other: str) -> pl.Expr:
    return col(one) * _weight(1) + col(other) * _weight(2)


def _pairs(names: list[str], rows: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Pairs of complete columns that together are unique; a sample rules out most pairs first."""
    distinct = {name: rows[name].n_unique() for name in names[:MOST_COLUMNS]}
    sample = rows.head(SAMPLE)
    found = 0
    for one, other in combinations(distinct, 2):
        if distinct[one] * distinct[other] < rows.height or sample.select(_pair(one, other).n_unique()).item() < sample.height:
            continue
        if rows.select(_pair(one, other).n_unique()).item() == rows.height:
            yield one, other
            found += 1
        if found == SHOWN:
            return


def _dependencies(table: FileProfile, rows: pl.DataFrame) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Columns that determine others, those that determine most first; each value of such a column is in two rows or more on average."""
    distinct = {column.name: rows[column.name].n_unique() for column in table.columns if 2 * column.filled > table.rows}
    names = [name for name, times in distinct.items() if times > 1][:MOST_COLUMNS]
    sample = rows.head(SAMPLE)
    few = {name: sample[name].n_unique() for name in names}
    found = []
    for one in names:
        if 2 * distinct[one] > rows.height:
            continue
        decided = tuple(
            other
            for other in names
            if other != one
            and distinct[other] <= distinct[one]
            and sample.select(_pair(one, other).n_unique()).item() == few[one]
            and rows.select(_pair(one, other).n_unique()).item() == distinct[one]
        )
        found += [(one, decided)] if decided else []
    return tuple(sorted(found, key=lambda one: -len(one[1]))[:SHOWN])


def joins(tables: list[FileProfile]) -> Iterator[JoinCandidate]:
    """Columns of one file, of the same or a fitting name, whose values are mostly in a unique column of another file."""
    for table in tables:
        for other in tables:
            if table is other or table.hashes is None or other.hashes is None:
                continue
            yield from _joins(table, other)


def _joins(table: FileProfile, other: FileProfile) -> Iterator[JoinCandidate]:
    assert table.hashes is not None
    assert other.hashes is not None
    for key in other.columns:
        if key.missing or key.distinct != other.rows or other.rows < 2:  # noqa: PLR2004
            continue
        for column in table.columns:
            if not column.filled or not _alike(column.name, key.name, other.path):
                continue
            values = table.hashes[column.name].unique()
            values = (
                values.filter(~values.is_in(pl.Series([*column.missing], dtype=pl.String).hash().to_list())) if column.missing else values
            )
            matched = int(values.is_in(other.hashes[key.name].to_list()).sum()) if len(values) else 0
            if matched > len(values) / 2:
                unique = column.distinct == table.rows
                yield JoinCandidate(table.path, column.name, other.path, key.name, matched, len(values), unique)


def _alike(column: str, key: str, path: str) -> bool:
    """Whether a column is named like a key, or like the file that has the key."""
    column, key = _plain(column), _plain(key)
    stem = _plain(path.rsplit("/", 1)[-1].partition(".")[0]).rstrip("s")
    return column == key or (bool(key) and (column in {stem + key, stem} or (len(key) > 3 and column.endswith(key))))  # noqa: PLR2004


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
