"""The rejects file: each rejected row once, with its original cells and why, ready to be corrected and loaded again."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import polars as pl

from engine.errors import DataError, problem
from engine.mongo.sink import Refusal
from engine.plan import CELL, Check
from engine.run.report import Reason
from engine.sources.batch import FILE, ROW, Malformed

META = ("_row", "_file", "_column", "_code", "_reason")
EXTRA = "_extra"
JOIN = "; "
MASK = "(private)"
QUOTE = "'"
FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
"""A cell that begins with one of these is, or may be, a formula to a spreadsheet (OWASP, "CSV Injection")."""


def neutralise(cell: str) -> str:
    """A cell as spreadsheets take it for text: an apostrophe before what could be a formula, or be mistaken for one neutralised."""
    return QUOTE + cell if cell[:1] in FORMULA or _looks_neutralised(cell) else cell


def restore(cell: str) -> str:
    """The cell that was neutralised; one that was typed anew stays as it is."""
    return cell[1:] if _looks_neutralised(cell) else cell


def _looks_neutralised(cell: str) -> bool:
    return cell[:1] == QUOTE and cell[1:2] in FORMULA | {QUOTE}


@dataclass
class Rejects:
    """Writes rejects to `path` (mode 0600, made when the first one comes), and counts them by reason.

    Columns: the row's number among the data rows, the file that it is from, the column, code and reason of each check that it breaks
    (joined by "; "), the original columns, and `_extra` with the cells that a too long row has more, as CSV. Every cell is neutralised.
    `private` columns are kept, masked or omitted; of a malformed record nobody knows which cell is which, so there all count as private.
    """

    path: Path
    columns: Sequence[str]
    private: Collection[str] = ()
    policy: str = "keep"
    count: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)
    _file: IO[str] | None = None
    _writer: Any = None

    @property
    def needs(self) -> list[str]:
        """The columns of a frame that a rejected row is told from."""
        return [ROW, FILE, *(CELL + name for name in self.columns)]

    def add_malformed(self, records: Sequence[Malformed]) -> None:
        """Records that are not rows of the table."""
        hide = bool(self.private) and self.policy != "keep"
        for record in records:
            cells = [MASK] * len(record.cells) if hide else list(record.cells)
            cells, extra = cells[: len(self.columns)], cells[len(self.columns) :]
            padded = (*cells, *[""] * (len(self.columns) - len(cells)))
            self._add((record.row, record.file), [(Reason(record.code, "", record.message), "")], padded, _as_csv(extra))

    def add_refused(self, frame: pl.DataFrame, refusals: Sequence[Refusal]) -> None:
        """Rows of a batch whose documents the target refused."""
        for one in refusals:
            row = frame.row(one.index, named=True)
            self._add((row[ROW], row[FILE]), [(Reason(one.code, one.path, one.reason), "")], [row[CELL + name] for name in self.columns])

    def add_rejected(self, frame: pl.DataFrame, checks: Sequence[Check]) -> None:
        """Rows that break checks; the flags of the checks are columns of the frame."""
        rejecting = [check for check in checks if check.outcome == "reject"]
        for row in frame.iter_rows(named=True):
            broken = [(Reason(check.code, check.path, check.message), check.column) for check in rejecting if row[check.flag]]
            self._add((row[ROW], row[FILE]), broken, [row[CELL + name] for name in self.columns])

    def _add(self, place: tuple[int, str], broken: Sequence[tuple[Reason, str]], cells: Sequence[str], extra: str = "") -> None:
        self.count += 1
        self.reasons[broken[0][0]] += 1
        columns, codes = JOIN.join(column for _, column in broken), JOIN.join(reason.code for reason, _ in broken)
        says = JOIN.join(f"{reason.path}: {reason.message}" if reason.path else reason.message for reason, _ in broken)
        self._write([*map(str, place), columns, codes, says, *self._shown(cells), extra])

    def _shown(self, cells: Sequence[str]) -> list[str]:
        if self.policy == "keep":
            return list(cells)
        told = zip(self.columns, cells, strict=True)
        if self.policy == "omit":
            return [cell for name, cell in told if name not in self.private]
        return [MASK if name in self.private else cell for name, cell in told]

    def _write(self, cells: Sequence[str]) -> None:
        try:
            self._open().writerow(map(neutralise, cells))
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def _open(self) -> Any:
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
            names = [name for name in self.columns if self.policy != "omit" or name not in self.private]
            self._writer.writerow([*META, *map(neutralise, names), EXTRA])
        return self._writer

    def close(self) -> None:
        """Put what was written on the disk. Raises DataError when it cannot be."""
        if self._file is not None:
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
            except OSError as error:
                raise _unwritable(self.path, error) from None


def _as_csv(cells: Sequence[str]) -> str:
    """Cells as one CSV line without its end; nothing for none."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _unwritable(path: Path, error: OSError) -> DataError:
    hint = "make room or a writable folder (ENGINE_HOME says where), then run the same command again"
    return DataError(problem("rejects_unwritable", f"rejected rows cannot be kept in {path}: {error.strerror}", hint=hint))
