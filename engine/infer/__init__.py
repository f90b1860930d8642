"""A mapping from files, each choice with its evidence.

In: paths of files. Out: the text of a commented mapping that accepts every row of the first file. `tables` reads a file whole and gathers
evidence about its columns, `relations` about how they relate; `proposers` and `fields` decide, `writing` writes, `proof` runs what was
written over the file before anybody sees it.

A new type is proposed by a function in `PROPOSERS` of `proposers`, in the order in which they are asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.infer.examples import examples
from engine.infer.fields import plan_fields
from engine.infer.hints import hints
from engine.infer.proof import prove
from engine.infer.relations import joins, relations
from engine.infer.tables import FileProfile, read_table
from engine.infer.writing import Draft, write

__all__ = ["infer"]


def infer(paths: Sequence[str]) -> str:
    """A commented mapping, as YAML text: rows of the first file become documents; comments say how the other files join it.

    The text loads as a mapping that accepts every row of the first file (except malformed records, which `limits` counts).

    Raises:
        DataError: a file cannot be read, or is not a regular table.
    """
    tables = [read_table(path) for path in dict.fromkeys(paths)]
    table = tables[0]
    text = write(draft(table, tables))
    prove(text, sum(table.malformed.values()))
    return text


def draft(table: FileProfile, tables: list[FileProfile]) -> Draft:
    """The contents of the mapping of a file."""
    found = relations(table)
    planned = plan_fields(table, found)
    return Draft(
        path=table.path,
        rows=table.rows,
        dialect=table.layout.dialect,
        csv_notes=dict(table.layout.notes),
        null_values=planned.nulls,
        fields=planned.fields,
        arrays=planned.arrays,
        duplicates=found.duplicates if found else None,
        rejects=sum(table.malformed.values()),
        hints=hints(table, planned, found, list(joins(tables)) if len(tables) > 1 else []),
        tests=examples(planned.fields),
    )
