"""A mapping from files: read them whole, gather evidence, decide, write, prove.

`tables` reads a file and gathers what is known of its columns, `relations` what holds between them; `proposers` and `fields` decide,
`writing` writes, `proof` runs what was written over the file before anybody sees it.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.infer.examples import examples
from engine.infer.fields import plan_fields
from engine.infer.hints import hints
from engine.infer.proof import prove
from engine.infer.relations import joins, relations
from engine.infer.tables import Table, read_table
from engine.infer.writing import Draft, write

__all__ = ["infer"]


def infer(paths: Sequence[str]) -> str:
    """A commented mapping, as YAML text: rows of the first file become documents; what joins the others to it is told in comments.

    The text loads as a mapping, which accepts every row of the first file (but records that are no rows, counted in `limits`).

    Raises:
        DataError: a file cannot be read, or is no regular table.
    """
    tables = [read_table(path) for path in dict.fromkeys(paths)]
    table = tables[0]
    text = write(draft(table, tables))
    prove(text, sum(table.malformed.values()))
    return text


def draft(table: Table, tables: list[Table]) -> Draft:
    """What the mapping of a file says."""
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
