"""Rows that are grouped to one document: which groups do not agree on what the document shall hold."""

from __future__ import annotations

from collections.abc import Container

import polars as pl

from engine.mapping.columns import level, lookup_of
from engine.mapping.model import Field, Mapping
from engine.plan.cells import CELL, text_of
from engine.sources.batch import ROW
from engine.sources.secondary import Table


def conflict_name(one: Field) -> str:
    """Name of the column that says whether the rows of a group differ in a field."""
    return f"\0conflict {one.path}"


def agreed(mapping: Mapping) -> list[Field]:
    """The fields of the document that all rows of a group should agree on: those read from their own cells."""
    if not mapping.group_by or mapping.conflicts == "ignore":
        return []
    read = [one for one in level(mapping, "") if one.columns and not one.late]
    return [one for one in read if not any(lookup_of(mapping, column) for column in one.columns)]


def conflicts(mapping: Mapping, table: Table, missing: Container[str]) -> pl.DataFrame:
    """For the first row of each group (ROW), whether its rows have different texts in a field; missing ones agree with all."""
    fields = agreed(mapping)
    names = {name: CELL + name for name in table.columns}
    texts = table.frame.rename(names).with_columns(text_of(one, missing).alias(conflict_name(one)) for one in fields)
    differ = [pl.col(conflict_name(one)).drop_nulls().n_unique().gt(1) for one in fields]
    return (
        texts.group_by([CELL + name for name in mapping.group_by], maintain_order=True)
        .agg(pl.col(ROW).first(), *differ)
        .select(ROW, *(conflict_name(one) for one in fields))
    )
