"""Rejects files: what they hold, and their corrected rows as a source."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from engine.errors import DataError, Finding, finding
from engine.mapping.columns import private_columns
from engine.mapping.model import MASK, Dialect, Mapping
from engine.mongo.runids import RUN_ID
from engine.run.rejects import EXTRA, JOIN, META, unescape_formula
from engine.run.rowranges import Ranges
from engine.sources.batch import Batch, Malformed
from engine.sources.csv import CsvFile
from engine.sources.file import called
from engine.sources.names import FILE, ROW
from engine.sources.secondary import NO_KEY

NAMED = re.compile(rf"(?P<mapping>[A-Za-z_][A-Za-z0-9_.-]*)-(?P<run>{RUN_ID})")
MALFORMED = frozenset({"short_row", "long_row", "encoding", "not_json"})  # only a person can decide whether such a record is correct now
UNCORRECTED = "correct the cells, then clear _code and _extra"
UNGROUPED = "its group may be in the collection already, without this row: correct the source and run again"


@dataclass(frozen=True)
class Reject:
    """One row of a rejects file; `cells` by source column."""

    row: int
    file: str
    columns: tuple[str, ...]
    codes: tuple[str, ...]
    reasons: str
    extra: str
    cells: dict[str, str]


class RejectsSource:
    """A rejects file as the source of a run: the original columns and row numbers. `rows` are the row numbers read so far.

    `rejected`: the rows that the run rejected, where the ledger was asked; others are refused.

    The delimiter may also be a semicolon or a tab, as spreadsheets write; columns may be in any order, rows may be missing.

    Raises:
        DataError: the file is not a rejects file of this mapping, or its private columns are masked or missing.
    """

    def __init__(self, file: Path, mapping: Mapping | None = None) -> None:
        self._path = str(file)
        self._file = CsvFile(file, Dialect(delimiter=_delimiter(file)))
        header = [unescape_formula(name) for name in self._file.columns]
        self._names = called(header, mapping.source.column_names if mapping else {}, self._path)
        named = NAMED.search(file.name)
        if not named or not {*META, EXTRA} <= set(self._names):
            raise self._wrong(
                "not_rejects", "this is not a rejects file", "name a file that `engine rejects list` shows, and keep its name"
            )
        self.mapping, self.run = named["mapping"], named["run"]
        self.columns = tuple(name for name in self._names if name not in (*META, EXTRA))
        self.rows: list[int] = []
        self.rejected: Ranges | None = None
        self._grouped = bool(mapping and mapping.group_by)
        self._private = private_columns(mapping, self.columns) if mapping else frozenset[str]()
        if mapping and mapping.name != self.mapping:
            raise self._wrong("other_mapping", f"this file comes from the mapping {self.mapping}", "use that mapping")
        if missing := self._private - set(self.columns):
            names = ", ".join(sorted(missing))
            raise self._wrong("private_omitted", f"the file lacks the private columns {names}", "correct the source and run again")

    @property
    def size(self) -> int | None:
        """Bytes of the file."""
        return self._file.size

    @property
    def position(self) -> int:
        """Bytes read so far."""
        return self._file.position

    @property
    def fingerprint(self) -> dict[str, str | int | None]:
        """The fingerprint of the file."""
        return self._file.fingerprint

    def batches(self) -> Iterator[Batch]:
        """The rows for a run; malformed records that are not marked as corrected are malformed again."""
        self.rows = []
        for rejects in self._read():
            self.rows += [reject.row for reject in rejects]
            self._require_rejected()
            again = [reject for reject in rejects if self._is_malformed(reject)]
            good = [reject for reject in rejects if not self._is_malformed(reject)]
            if any(reject.cells[name] == MASK for reject in good for name in self._private):
                raise self._wrong("private_masked", "the private cells in the file are masked", "correct the source and run again")
            cells = {name: pl.Series([reject.cells[name] for reject in good], dtype=pl.String) for name in self.columns}
            numbers = pl.Series([reject.row for reject in good], dtype=pl.Int64)
            files = pl.Series([reject.file for reject in good], dtype=pl.String)
            yield Batch(pl.DataFrame(cells | {ROW: numbers, FILE: files}), tuple(map(self._still_malformed, again)))

    def _require_rejected(self) -> None:
        """Raises DataError for a row that the run did not reject, or that is in the file twice: it would be loaded beside the books."""
        if self.rejected is None:
            return
        if strange := set(self.rows) - {row for row in self.rows if _within(row, self.rejected)}:
            raise self._wrong("not_a_reject", f"run {self.run} did not reject row {min(strange)}", "restore _row, or remove the row")
        if repeated := [row for row, times in Counter(self.rows).items() if times > 1]:
            raise self._wrong("not_a_reject", f"row {min(repeated)} is in the file more than once", "remove all but one of them")

    def rejects(self) -> Iterator[Reject]:
        """The rows with the reasons why they were rejected."""
        for batch in self._read():
            yield from batch

    def _is_malformed(self, reject: Reject) -> bool:
        """Whether it is still no row to load. A rejected group is in the file with all its rows; any other row would replace its group."""
        alone = self._grouped and (not reject.codes or NO_KEY in reject.codes)
        return bool(MALFORMED & {*reject.codes} or reject.extra or alone)

    def _still_malformed(self, reject: Reject) -> Malformed:
        code = next((code for code in reject.codes if code in MALFORMED | {NO_KEY}), "long_row")
        return Malformed(reject.row, code, UNGROUPED if self._grouped else UNCORRECTED, tuple(reject.cells.values()), reject.file)

    def _read(self) -> Iterator[list[Reject]]:
        for batch in self._file.batches():
            if batch.malformed:
                raise self._wrong("not_rejects", f"record {batch.malformed[0].row}: {batch.malformed[0].message}", "correct the file")
            yield [self._reject(dict(zip(self._names, map(unescape_formula, row), strict=True))) for row in batch.frame.drop(ROW).rows()]

    def _reject(self, cells: dict[str, str]) -> Reject:
        if not (cells["_row"].isdecimal() and cells["_row"].isascii()):
            raise self._wrong("not_rejects", "a cell of _row is not a row number", "restore that column")
        columns, codes = (tuple(part for part in cells[name].split(JOIN) if part) for name in ("_column", "_code"))
        original = {name: cells[name] for name in self.columns}
        return Reject(int(cells["_row"]), cells["_file"], columns, codes, cells["_reason"], cells[EXTRA], original)

    def _wrong(self, code: str, message: str, hint: str) -> DataError:
        return DataError(finding(code, message, hint=hint, file=self._path))


def _delimiter(file: Path) -> str:
    """The character after the first name, if that is `_row`; the reader reports a file that cannot be read."""
    try:
        with file.open("rb") as stream:
            start = stream.read(64)
    except OSError:
        return ","
    found = re.match(rb'(?:\xef\xbb\xbf)?"?_row"?([;\t])', start)
    return found[1].decode() if found else ","


@dataclass(frozen=True)
class Summary:
    """A rejects file: its run, number of rows, rows by code (a row counts for each of its codes), and row numbers."""

    file: Path
    run: str
    rows: int
    codes: Counter[str]
    numbers: Sequence[int]


def summaries(folder: Path) -> tuple[list[Summary], list[Finding]]:
    """The rejects files of a folder, newest first, and the findings about those that cannot be read."""
    found: list[Summary] = []
    wrong: list[Finding] = []
    for file in sorted(folder.glob("*.csv")):
        try:
            source = RejectsSource(file)
            rejects = [(reject.row, reject.codes) for reject in source.rejects()]
        except DataError as error:
            wrong += error.findings
            continue
        codes = Counter(code for _, row in rejects for code in row)
        found.append(Summary(file, source.run, len(rejects), codes, [row for row, _ in rejects]))
    return sorted(found, key=lambda summary: summary.run, reverse=True), wrong


def _within(row: int, found: Ranges) -> bool:
    place = bisect_right(found, row, key=lambda one: one[0]) - 1
    return place >= 0 and row <= found[place][1]


def explain(reject: Reject, private: frozenset[str]) -> str:
    """Why a row was rejected, with the cells concerned; private cells are masked."""
    shown = {name: MASK if name in private else reject.cells[name] for name in reject.columns if name in reject.cells}
    cells = "".join(f"\n    {name}: {cell}" for name, cell in shown.items())
    return f"row {reject.row}: {reject.reasons}{cells}"
