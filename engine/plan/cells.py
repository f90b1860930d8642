"""From cells to values: a field's text step by step, and the text as a value of its type."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

import polars as pl

from engine.digests.keys import RowKey, uuids
from engine.mapping.model import Field, ValueMap
from engine.plan.names import cell_name, raw_name, unmapped_name, when_name
from engine.sources.names import FILE, ROW
from engine.values.columns import ColumnRef
from engine.values.frames import col
from engine.values.transforms import apply as apply_transforms

Stage = tuple[pl.Expr, ...]
Steps = Iterator[tuple[str, pl.Expr]]
META_COLUMNS = {"row": ROW, "file": FILE}


def as_cells(frame: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
    """The frame with these columns of its source named as cells."""
    return frame.rename({name: cell_name(name) for name in columns})


def checks_map(field: Field) -> bool:
    """Whether a text that is not in the map is an error."""
    return field.value_map is not None and field.value_map.otherwise == "reject"


def when_of(field: Field, now: datetime) -> Stage:
    """Whether the field's condition is true; nothing where it has none."""
    return (field.when.to_polars(now).fill_null(value=False).alias(when_name(field.path)),) if field.when else ()


def text_of(field: Field, missing: Container[str]) -> pl.Expr:
    """The text that the type reads; null for a missing value."""
    return list(text_steps(field, missing))[-1][1].alias(raw_name(field.path))


def has_value(field: Field, missing: Container[str]) -> pl.Expr:
    """Whether the field's cells hold anything, whatever its map, default or condition then make of it."""
    *_, (_, text) = _origin(field, missing)
    return text.is_not_null()


def unmapped_of(field: Field, missing: Container[str]) -> Stage:
    """Whether the text is not in the map, where that is an error."""
    if not checks_map(field) or field.value_map is None:
        return ()
    *_, (_, text) = _origin(field, missing)
    return ((text.is_not_null() & ~text.is_in(list(field.value_map.texts))).alias(unmapped_name(field.path)),)


def field_stages(field: Field, missing: Container[str], now: datetime) -> Iterator[Stage]:
    """The stages in which a field gets its condition, its text and its value."""
    if field.when:
        yield when_of(field, now)
    if field.compute:
        yield computed_of(field, now)
    else:
        yield text_of(field, missing), *unmapped_of(field, missing)
        yield (value_of(field),)


def text_steps(field: Field, missing: Container[str] = ()) -> Steps:
    """The steps from a field's cells to the text that its type reads: each step's name, and the text after it."""
    text = pl.lit(None, dtype=pl.String)
    for name, text in _origin(field, missing):
        yield name, text
    if field.value_map:
        yield "map", (text := _mapped(text, field.value_map))
    if field.default is not None:
        yield "default", (text := text.fill_null(field.default))
    if field.options.timezone_column is not None:
        zone = _cell(field.options.timezone_column, missing)
        yield "timezone", (text := pl.concat_str([text, pl.lit(" "), zone.fill_null("")]))
    if field.when:
        yield "when", pl.when(col(when_name(field.path))).then(text)


def _origin(field: Field, missing: Container[str]) -> Steps:
    """A constant, a cell, or the two of a pair; the last text is that of all of it."""
    if field.meta is not None:
        yield field.meta, col(META_COLUMNS[field.meta]).cast(pl.String)
    elif field.pair:
        cells = []
        for label, column in zip(("longitude", "latitude"), field.pair, strict=True):
            *_, (_, cell) = _cleaned(field, column, missing)
            cells.append(cell)
            yield label, cell
        pair = pl.concat_str([cell.fill_null("") for cell in cells], separator=field.options.separator)
        yield "pair", pl.when(pl.any_horizontal(cell.is_not_null() for cell in cells)).then(pair)
    elif field.hashed:
        cells = [_cell(column, missing) for column in field.hashed]
        complete = pl.all_horizontal(without_nulls(cell, field.null_values).is_not_null() for cell in cells)
        yield "hash", pl.when(complete).then(hashed(cells))
    elif field.column is not None:
        yield from _cleaned(field, field.column, missing)
    else:
        yield "value", pl.lit(field.value)


def hashed(cells: Sequence[pl.Expr]) -> pl.Expr:
    """The `_id` that the hash of these cells gives, as text."""
    key = RowKey(tuple(col(str(place)) for place in range(len(cells))))

    def texts(columns: pl.Series) -> pl.Series:
        return pl.Series([str(UUID(bytes=raw)) for raw in uuids(key.digests(columns.struct.unnest()))], dtype=pl.String)

    return pl.struct(cell.alias(str(place)) for place, cell in enumerate(cells)).map_batches(texts, return_dtype=pl.String)


def _cleaned(field: Field, column: ColumnRef, missing: Container[str]) -> Steps:
    """A cell, null values and transforms."""
    yield "cell", (text := _cell(column, missing))
    yield "null_values", (text := without_nulls(text, field.null_values))
    for step in field.transforms:
        yield step[0], (text := apply_transforms(text, (step,)))
    if field.transforms:
        yield "null_values", without_nulls(text, field.null_values)


def _cell(column: ColumnRef, missing: Container[str]) -> pl.Expr:
    return pl.lit(None, dtype=pl.String) if column.written in missing else col(cell_name(column.written))


def without_nulls(text: pl.Expr, null_values: Sequence[str]) -> pl.Expr:
    """The text, null where it is one of these."""
    if not null_values:
        return text
    absent = text == null_values[0] if len(null_values) == 1 else text.is_in(list(null_values))
    return pl.when(~absent).then(text)


def _mapped(text: pl.Expr, value_map: ValueMap) -> pl.Expr:
    """What each text means; one that is an error stays, so that it does not count as a missing value."""
    codes, texts = list(value_map.texts), list(value_map.texts.values())
    if value_map.otherwise in ("keep", "reject"):
        return text.replace(codes, texts)
    found = text.replace_strict(codes, texts, default=value_map.label, return_dtype=pl.String)
    return pl.when(text.is_not_null()).then(found)


def value_of(field: Field) -> pl.Expr:
    """The text as a value of the type; null where it is not one."""
    value = field.type.parse(col(raw_name(field.path)), field.options).cast(field.type.dtype)
    return (pl.when(~col(unmapped_name(field.path))).then(value) if checks_map(field) else value).alias(field.path)


def computed_of(field: Field, now: datetime) -> Stage:
    """The expression's value, and the same in the field's type: null where it does not fit."""
    assert field.compute is not None
    found = (field.compute.to_polars(now).alias(raw_name(field.path)), field.compute.to(field.type.name).to_polars(now).alias(field.path))
    return (
        tuple(pl.when(col(when_name(field.path))).then(value).alias(value.meta.output_name()) for value in found) if field.when else found
    )
