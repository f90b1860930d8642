"""What is right, by Python's own csv module; and what the engine's reader gives, in the same form."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from engine.sources.csv import CsvFile, Dialect
from engine.sources.names import ROW

Record = list[str]


def expected(text: str, delimiter: str = ",", quote: str | None = '"') -> list[Record] | None:
    """All records that are not blank lines; None where strict reading refuses the text."""
    quoting = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    try:
        return [cells for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, **quoting) if cells]
    except csv.Error:
        return None


def read(
    path: Path | str, dialect: Dialect | None = None, **sizes: int
) -> tuple[tuple[str, ...], list[Record], dict[int, tuple[str, Record]]]:
    """Header, all records in order (malformed ones too), and the malformed ones' codes and cells by row number."""
    file = CsvFile(path, dialect or Dialect(), **sizes)
    found: dict[int, Record] = {}
    malformed: dict[int, tuple[str, Record]] = {}
    for batch in file.batches():
        assert batch.frame.columns == [*file.columns, ROW]
        assert not any(batch.frame.null_count().row(0))
        rows = [(row, list(cells)) for *cells, row in batch.frame.rows()]
        assert [row for row, _ in rows] == sorted(row for row, _ in rows)
        found.update(rows)
        malformed.update({one.row: (one.code, list(one.cells)) for one in batch.malformed})
    assert not found.keys() & malformed.keys()
    everything = found | {row: cells for row, (_, cells) in malformed.items()}
    assert sorted(everything) == list(range(1, len(everything) + 1))
    return file.columns, [everything[row] for row in sorted(everything)], malformed
