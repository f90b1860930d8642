"""THE table of load metadata: what a field can hold about the load itself. A run's id is left out, as it would differ in every run."""

from __future__ import annotations

from dataclasses import dataclass

from engine.values.tables import table


@dataclass(frozen=True)
class Meta:
    """One row: its type, and what makes it: an expression, a top-level `key` of the mapping, or else a column that sources add.

    `on_insert`: it is written when a document is inserted, and stays.
    """

    name: str
    summary: str
    type: str
    compute: str = ""
    key: str = ""
    on_insert: bool = False


META: dict[str, Meta] = table(
    "load metadata",
    (
        Meta("row", "the number of the data row, from 1, through all files of the source", "long"),
        Meta("file", "the name of the file that the row is from", "string"),
        Meta("loaded_at", "the time when the run began", "date", compute="now()"),
        Meta("first_loaded_at", "the time of the run that inserted the document; it stays", "date", compute="now()", on_insert=True),
        Meta("mapping", "the mapping's name", "string", key="mapping"),
        Meta("version", "the mapping's version", "int", key="version"),
    ),
)
