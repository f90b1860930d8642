"""What holds between columns: duplicates, near-duplicates, keys, dependencies, and joins between files.

All of it works on 64-bit hashes of the cells. Two cells that differ count as equal once in 10**19, so a column found to be unique is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from operator import add

import polars as pl

from engine.infer.tables import Table

GOLDEN = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio: its odd multiples spread well
WORD = 1 << 64
MOST_COLUMNS = 30  # pairs are looked at among so many columns
SAMPLE = 10_000
SHOWN = 3
RARELY = 0.25  # near-duplicates are told of up to this share of the rows: more are no duplicates but the nature of the data
HASH = "\0hash"


@dataclass(frozen=True)
class Relations:
    """What was found in one file.

    `duplicates` rows repeat another in every cell; `near` counts those that do but for one column. `keys` are the candidate keys of one
    column, or where there is none of two. `dependencies` say which columns (of several rows a value) decide which others.
    """

    duplicates: int
    near: tuple[tuple[str, int], ...]
    keys: tuple[tuple[str, ...], ...]
    dependencies: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Join:
    """Of the values of `column` in one file, `matched` of `values` are in the unique `key` of another."""

    table: str
    column: str
    other: str
    key: str
    matched: int
    values: int
    unique: bool


def relations(table: Table) -> Relations | None:
    """What holds between the columns; None where the file was too large to tell."""
    if table.hashes is None:
        return None
    combined = _combined(table)
    rows = table.hashes.with_columns(combined.alias(HASH)).unique(HASH, maintain_order=True)
    complete = [one.name for one in table.columns if not one.missing and not one.blank]
    keys = tuple((name,) for name in complete if rows[name].n_unique() == rows.height)
    return Relations(
        duplicates=table.rows - rows.height,
        near=_near(table, rows),
        keys=keys or tuple(_pairs(complete, rows)),
        dependencies=_dependencies(table, rows),
    )


def _weight(place: int) -> pl.Expr:
    return pl.lit((2 * place + 1) * GOLDEN % WORD, dtype=pl.UInt64)


def _combined(table: Table) -> pl.Expr:
    """One hash of a row: the weighted sum, from which a column can be taken out again."""
    return reduce(add, (pl.col(name) * _weight(place) for place, name in enumerate(table.names)))


def _near(table: Table, rows: pl.DataFrame) -> tuple[tuple[str, int], ...]:
    """How many distinct rows repeat another but for one column."""
    if len(table.columns) < 3:  # noqa: PLR2004 - of two columns, one would be left
        return ()
    rest = rows.select((pl.col(HASH) - pl.col(name) * _weight(place)).n_unique().alias(name) for place, name in enumerate(table.names))
    found = {name: rows.height - distinct for name, distinct in rest.row(0, named=True).items()}
    told = [(name, times) for name, times in found.items() if 0 < times <= RARELY * rows.height]
    return tuple(sorted(told, key=lambda one: -one[1])[:SHOWN])


def _pair(one: str, other: str) -> pl.Expr:
    return pl.col(one) * _weight(1) + pl.col(other) * _weight(2)


def _pairs(names: list[str], rows: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Pairs of complete columns that no two rows have in common; a sample says which are worth a look."""
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


def _dependencies(table: Table, rows: pl.DataFrame) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Columns that decide others, those that decide most first; each value of such a column stands in two rows or more on average."""
    distinct = {one.name: rows[one.name].n_unique() for one in table.columns if 2 * one.filled > table.rows}
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


def joins(tables: list[Table]) -> Iterator[Join]:
    """Columns of one file whose values are, for the most part, in a unique column of another; of the same or a fitting name first."""
    for table in tables:
        for other in tables:
            if table is other or table.hashes is None or other.hashes is None:
                continue
            yield from _joins(table, other)


def _joins(table: Table, other: Table) -> Iterator[Join]:
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
                yield Join(table.path, column.name, other.path, key.name, matched, len(values), unique)


def _alike(column: str, key: str, path: str) -> bool:
    """Whether a column is named like a key, or like the file that the key is of."""
    column, key = _plain(column), _plain(key)
    stem = _plain(path.rsplit("/", 1)[-1].partition(".")[0]).rstrip("s")
    return column == key or (bool(key) and (column in {stem + key, stem} or (len(key) > 3 and column.endswith(key))))  # noqa: PLR2004


def _plain(name: str) -> str:
    return "".join(one for one in name.lower() if one.isalnum())
