"""Rows that are grouped into one document: which groups differ in a field of the document."""

from __future__ import annotations

from collections.abc import Container

import polars as pl

from engine.mapping.columns import fields_at
from engine.mapping.model import Field, Mapping
from engine.plan.cells import as_cells, text_of
from engine.plan.names import cell_name, conflict_name
from engine.sources.names import ROW
from engine.sources.secondary import SecondarySource
from engine.values.frames import col


def single_valued_fields(mapping: Mapping) -> list[Field]:
    """The fields of the document that all rows of a group should agree on: those read from their own cells."""
    if not mapping.group_by or mapping.conflicts == "ignore":
        return []
    read = [field for field in fields_at(mapping, "") if field.columns and not field.depends_on_fields]
    return [field for field in read if not any(column.lookup for column in field.columns)]


def conflicts(mapping: Mapping, table: SecondarySource, missing: Container[str]) -> pl.DataFrame:
    """For the first row of each group (ROW), whether its rows have different texts in a field; missing ones agree with all."""
    fields = single_valued_fields(mapping)
    cells = as_cells(table.frame, table.columns)
    texts = cells.with_columns(text_of(field, missing).alias(conflict_name(field.path)) for field in fields)
    differ = [col(conflict_name(field.path)).drop_nulls().n_unique().gt(1) for field in fields]
    return (
        texts.group_by([cell_name(name) for name in mapping.group_by], maintain_order=True)
        .agg(col(ROW).first(), *differ)
        .select(ROW, *(conflict_name(field.path) for field in fields))
    )
