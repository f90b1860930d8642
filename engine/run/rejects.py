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

from engine.errors import DataError, finding
from engine.mapping.model import MASK
from engine.mongo.sink import Refusal
from engine.plan import Check, Evaluated, EvaluatedRow
from engine.run.report import Reason
from engine.run.rowranges import RowRanges
from engine.sources.batch import Malformed

META = ("_row", "_file", "_column", "_code", "_reason")
EXTRA = "_extra"
JOIN = "; "
QUOTE = "'"
FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
"""A cell that begins with one of these is, or may be, a formula to a spreadsheet (OWASP, "CSV Injection")."""


def escape_formula(cell: str) -> str:
    """A cell that spreadsheets take for text: with an apostrophe before what could be a formula or looks neutralised already."""
    return QUOTE + cell if cell[:1] in FORMULA or _looks_neutralised(cell) else cell


def unescape_formula(cell: str) -> str:
    """The original of a neutralised cell; a cell that was typed in since stays as it is."""
    return cell[1:] if _looks_neutralised(cell) else cell


def _looks_neutralised(cell: str) -> bool:
    return cell[:1] == QUOTE and cell[1:2] in FORMULA | {QUOTE}


@dataclass
class Rejects:
    """Writes rejects to `path` (mode 0600, made when the first one comes), and counts them by reason.

    Columns: the row's number among the data rows, the file that it is from, the column, code and reason of each check that it breaks
    (joined by "; "), the original columns, and `_extra` with the surplus cells of a too long row, as CSV. Every cell is neutralised.
    `private` columns are kept, masked or omitted; which cell of a malformed record is which is unknown, so all count as private.
    """

    path: Path
    columns: Sequence[str]
    private: Collection[str] = ()
    policy: str = "keep"
    count: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)
    rows: RowRanges = field(default_factory=RowRanges)
    _file: IO[str] | None = None
    _writer: Any = None

    def add_malformed(self, records: Sequence[Malformed]) -> None:
        """Add malformed records."""
        hide = bool(self.private) and self.policy != "keep"
        for record in records:
            cells = [MASK] * len(record.cells) if hide else list(record.cells)
            cells, extra = cells[: len(self.columns)], cells[len(self.columns) :]
            padded = (*cells, *[""] * (len(self.columns) - len(cells)))
            self._add((record.row, record.file), [(Reason(record.code, "", record.message), "")], padded, _as_csv(extra))

    def add_refused(self, rows: Evaluated, refusals: Sequence[Refusal]) -> None:
        """Add the rows of a batch whose documents the target refused. Raises DataError when the file cannot be written."""
        for refusal in refusals:
            self._add_row(rows.row(refusal.index), [(Reason(refusal.code, refusal.path, refusal.reason), "")])

    def add_rejected(self, rows: Evaluated, checks: Sequence[Check]) -> None:
        """Add rows that break checks (the frame has their flags as columns). Raises DataError when the file cannot be written."""
        rejecting = [check for check in checks if check.outcome == "reject"]
        for row in rows.rows():
            self._add_row(row, [(Reason(check.code, check.path, check.message), check.column) for check in rejecting if row.breaks(check)])

    def _add_row(self, row: EvaluatedRow, broken: Sequence[tuple[Reason, str]]) -> None:
        self._add((row.number, row.file), broken, [row.cells[name] for name in self.columns])

    def _add(self, place: tuple[int, str], broken: Sequence[tuple[Reason, str]], cells: Sequence[str], extra: str = "") -> None:
        self.count += 1
        self.rows.add(place[0])
        self.reasons[broken[0][0]] += 1
        columns, codes = JOIN.join(column for _, column in broken), JOIN.join(reason.code for reason, _ in broken)
        reasons = JOIN.join(f"{reason.path}: {reason.message}" if reason.path else reason.message for reason, _ in broken)
        self._write([*map(str, place), columns, codes, reasons, *self._shown(cells), extra])

    def _shown(self, cells: Sequence[str]) -> list[str]:
        if self.policy == "keep":
            return list(cells)
        pairs = zip(self.columns, cells, strict=True)
        if self.policy == "omit":
            return [cell for name, cell in pairs if name not in self.private]
        return [MASK if name in self.private else cell for name, cell in pairs]

    def _write(self, cells: Sequence[str]) -> None:
        try:
            self._open().writerow(map(escape_formula, cells))
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def _open(self) -> Any:
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
            names = [name for name in self.columns if self.policy != "omit" or name not in self.private]
            self._writer.writerow([*META, *map(escape_formula, names), EXTRA])
        return self._writer

    def close(self) -> None:
        """Flush the file to disk and close it. Raises DataError when that fails."""
        if self._file is not None:
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
            except OSError as error:
                raise _unwritable(self.path, error) from None


def _as_csv(cells: Sequence[str]) -> str:
    """Cells as one CSV line without a line end; empty for no cells."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _unwritable(path: Path, error: OSError) -> DataError:
    hint = "free disk space or make its folder writable (ENGINE_HOME names the folder), then run the same command again"
    return DataError(finding("rejects_unwritable", f"cannot write the rejects file {path}: {error.strerror}", hint=hint))
