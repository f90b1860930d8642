"""From cells to values: a field's text step by step, and the text as a value of its type."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

import polars as pl

from engine.digests.keys import RowKey, uuids
from engine.mapping.model import Field, Labels
from engine.sources.batch import FILE, ROW
from engine.values.transforms import apply as apply_transforms

Stage = tuple[pl.Expr, ...]
Steps = Iterator[tuple[str, pl.Expr]]
CELL = "\0cell "  # before a source column's name, so that it cannot meet a path
META_COLUMNS = {"row": ROW, "file": FILE}


def raw_name(one: Field) -> str:
    """Name of the column that holds a field's text before its type reads it."""
    return f"\0raw {one.path}"


def when_name(one: Field) -> str:
    """Name of the column that says whether a field with a condition may have a value."""
    return f"\0when {one.path}"


def unmapped_name(one: Field) -> str:
    """Name of the column that says whether a field's text is one that its map lacks and must not."""
    return f"\0unmapped {one.path}"


def checks_map(one: Field) -> bool:
    """Whether a text that the map lacks is an error."""
    return one.labels is not None and one.labels.otherwise == "reject"


def when_of(one: Field, now: datetime) -> Stage:
    """Whether the field's condition is true; nothing where it has none."""
    return (one.when.to_polars(now).fill_null(value=False).alias(when_name(one)),) if one.when else ()


def text_of(one: Field, missing: Container[str]) -> pl.Expr:
    """The text that the type reads; null for a missing value."""
    return list(way(one, missing))[-1][1].alias(raw_name(one))


def is_there(one: Field, missing: Container[str]) -> pl.Expr:
    """Whether the field's cells hold anything, whatever its map, default or condition then make of it."""
    *_, (_, text) = _origin(one, missing)
    return text.is_not_null()


def unmapped_of(one: Field, missing: Container[str]) -> Stage:
    """Whether the text is one that the map lacks, where that is an error."""
    if not checks_map(one) or one.labels is None:
        return ()
    *_, (_, text) = _origin(one, missing)
    return ((text.is_not_null() & ~text.is_in(list(one.labels.texts))).alias(unmapped_name(one)),)


def made(one: Field, missing: Container[str], now: datetime) -> Iterator[Stage]:
    """The stages in which a field gets its condition, its text and its value."""
    if one.when:
        yield when_of(one, now)
    if one.compute:
        yield computed_of(one, now)
    else:
        yield text_of(one, missing), *unmapped_of(one, missing)
        yield (value_of(one),)


def in_order(late: Iterable[Field]) -> list[Field]:
    """Late fields, each after those that it reads."""
    waiting = {one.path: one for one in late}
    ordered: list[Field] = []
    while waiting:
        ready = [one for one in waiting.values() if not one.reads & waiting.keys()]
        ordered += ready
        waiting = {path: one for path, one in waiting.items() if one not in ready}
    return ordered


def way(one: Field, missing: Container[str] = ()) -> Steps:
    """A field's way from its cells to the text that its type reads, step by step: each step's name, and the text after it."""
    text = pl.lit(None, dtype=pl.String)
    for name, text in _origin(one, missing):
        yield name, text
    if one.labels:
        yield "map", (text := _labelled(text, one.labels))
    if one.default is not None:
        yield "default", (text := text.fill_null(one.default))
    if one.options.timezone_column is not None:
        zone = _cell(one.options.timezone_column, missing)
        yield "timezone", (text := pl.concat_str([text, pl.lit(" "), zone.fill_null("")]))
    if one.when:
        yield "when", pl.when(pl.col(when_name(one))).then(text)


def _origin(one: Field, missing: Container[str]) -> Steps:
    """A constant, a cell, or the two of a pair; the last text is that of all of it."""
    if one.meta is not None:
        yield one.meta, pl.col(META_COLUMNS[one.meta]).cast(pl.String)
    elif one.pair:
        cells = []
        for label, column in zip(("longitude", "latitude"), one.pair, strict=True):
            *_, (_, cell) = _cleaned(one, column, missing)
            cells.append(cell)
            yield label, cell
        pair = pl.concat_str([cell.fill_null("") for cell in cells], separator=one.options.separator)
        yield "pair", pl.when(pl.any_horizontal(cell.is_not_null() for cell in cells)).then(pair)
    elif one.hashed:
        cells = [_cell(column, missing) for column in one.hashed]
        there = pl.all_horizontal(without_nulls(cell, one.null_values).is_not_null() for cell in cells)
        yield "hash", pl.when(there).then(hashed(cells))
    elif one.column is not None:
        yield from _cleaned(one, one.column, missing)
    else:
        yield "value", pl.lit(one.value)


def hashed(cells: Sequence[pl.Expr]) -> pl.Expr:
    """The `_id` that the hash of these cells gives, as text."""
    key = RowKey(tuple(pl.col(str(place)) for place in range(len(cells))))

    def texts(columns: pl.Series) -> pl.Series:
        return pl.Series([str(UUID(bytes=raw)) for raw in uuids(key.digests(columns.struct.unnest()))], dtype=pl.String)

    return pl.struct(cell.alias(str(place)) for place, cell in enumerate(cells)).map_batches(texts, return_dtype=pl.String)


def _cleaned(one: Field, column: str, missing: Container[str]) -> Steps:
    """A cell, null values and transforms."""
    yield "cell", (text := _cell(column, missing))
    yield "null_values", (text := without_nulls(text, one.null_values))
    for step in one.transforms:
        yield step[0], (text := apply_transforms(text, (step,)))
    if one.transforms:
        yield "null_values", without_nulls(text, one.null_values)


def _cell(column: str, missing: Container[str]) -> pl.Expr:
    return pl.lit(None, dtype=pl.String) if column in missing else pl.col(CELL + column)


def without_nulls(text: pl.Expr, null_values: Sequence[str]) -> pl.Expr:
    """The text, null where it is one of these."""
    if not null_values:
        return text
    absent = text == null_values[0] if len(null_values) == 1 else text.is_in(list(null_values))
    return pl.when(~absent).then(text)


def _labelled(text: pl.Expr, labels: Labels) -> pl.Expr:
    """What each text means; one that is an error stays, lest it pass for a missing value."""
    codes, names = list(labels.texts), list(labels.texts.values())
    if labels.otherwise in ("keep", "reject"):
        return text.replace(codes, names)
    found = text.replace_strict(codes, names, default=labels.label, return_dtype=pl.String)
    return pl.when(text.is_not_null()).then(found)


def value_of(one: Field) -> pl.Expr:
    """The text as a value of the type; null where it is none."""
    value = one.type.parse(pl.col(raw_name(one)), one.options).cast(one.type.dtype)
    return (pl.when(~pl.col(unmapped_name(one))).then(value) if checks_map(one) else value).alias(one.path)


def computed_of(one: Field, now: datetime) -> Stage:
    """The expression's value, and the same in the field's type: null where it does not fit."""
    assert one.compute is not None
    found = (one.compute.to_polars(now).alias(raw_name(one)), one.compute.to(one.type.name).to_polars(now).alias(one.path))
    return tuple(pl.when(pl.col(when_name(one))).then(value).alias(value.meta.output_name()) for value in found) if one.when else found
