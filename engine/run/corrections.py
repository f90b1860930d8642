"""Rejects files, read back: what they hold, and their rows as a source once somebody has corrected them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import polars as pl

from engine.errors import DataError, Finding, problem
from engine.mapping.columns import private_columns
from engine.mapping.model import Dialect, Mapping
from engine.run.rejects import EXTRA, JOIN, MASK, META, restore
from engine.sources.batch import FILE, ROW, Batch, Malformed
from engine.sources.csv import CsvFile
from engine.sources.secondary import NO_KEY

RUN = re.compile(r"(?P<mapping>[A-Za-z_][A-Za-z0-9_.-]*)-(?P<run>[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6})")
NO_ROW = frozenset({"short_row", "long_row", "encoding", "not_json"})  # nobody but a person can tell whether such a record is right now
UNCORRECTED = "correct the cells, then clear _code and _extra"
UNGROUPED = "its group may be in the collection already, without this row: correct the source and run again"
NEWER = "_file"  # files that an older engine wrote lack it: their rows are of the source that the mapping names


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


class Corrected:
    """A rejects file as the source of a run: the original columns and row numbers. `rows` are the numbers of those given so far.

    The delimiter may be one that a spreadsheet writes instead of the comma; columns may stand in any order, rows may be missing.

    Raises:
        DataError: it is no rejects file of this mapping, or its private columns are masked or left out.
    """

    def __init__(self, file: Path, mapping: Mapping | None = None) -> None:
        self._path = str(file)
        self._file = CsvFile(file, Dialect(delimiter=_delimiter(file)))
        self._names = [restore(name) for name in self._file.columns]
        named = RUN.search(file.name)
        if not named or not {*META, EXTRA} - {NEWER} <= set(self._names):
            raise self._wrong("not_rejects", "this is no rejects file", "give a file that `engine rejects list` shows, under its name")
        self.mapping, self.run = named["mapping"], named["run"]
        self.columns = tuple(name for name in self._names if name not in (*META, EXTRA))
        self.rows: list[int] = []
        self._source = PurePath(mapping.source.path).name if mapping else ""
        self._grouped = bool(mapping and mapping.group_by)
        self._private = private_columns(mapping, self.columns) if mapping else frozenset[str]()
        if mapping and mapping.name != self.mapping:
            raise self._wrong("other_mapping", f"this file comes from the mapping {self.mapping}", "give that one")
        if missing := self._private - set(self.columns):
            names = ", ".join(sorted(missing))
            raise self._wrong("private_omitted", f"the file leaves private columns out: {names}", "correct the source and run again")

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
        """As the file's."""
        return self._file.fingerprint

    def batches(self) -> Iterator[Batch]:
        """The rows as a run takes them; records that were no rows, and were not marked as corrected, are so again."""
        self.rows = []
        for rejects in self._read():
            self.rows += [one.row for one in rejects]
            again = [one for one in rejects if self._is_no_row(one)]
            good = [one for one in rejects if not self._is_no_row(one)]
            if any(one.cells[name] == MASK for one in good for name in self._private):
                raise self._wrong("private_masked", "the file has private cells masked", "correct the source and run again")
            cells = {name: pl.Series([one.cells[name] for one in good], dtype=pl.String) for name in self.columns}
            numbers = pl.Series([one.row for one in good], dtype=pl.Int64)
            files = pl.Series([one.file for one in good], dtype=pl.String)
            yield Batch(pl.DataFrame(cells | {ROW: numbers, FILE: files}), tuple(map(self._still_malformed, again)))

    def rejects(self) -> Iterator[Reject]:
        """The rows with why they were rejected."""
        for batch in self._read():
            yield from batch

    def _is_no_row(self, one: Reject) -> bool:
        """A rejected group is here with all its rows; a row that was none of it is alone, and would take the place of the whole group."""
        alone = self._grouped and (not one.codes or NO_KEY in one.codes)
        return bool(NO_ROW & {*one.codes} or one.extra or alone)

    def _still_malformed(self, one: Reject) -> Malformed:
        code = next((code for code in one.codes if code in NO_ROW | {NO_KEY}), "long_row")
        return Malformed(one.row, code, UNGROUPED if self._grouped else UNCORRECTED, tuple(one.cells.values()), one.file)

    def _read(self) -> Iterator[list[Reject]]:
        for batch in self._file.batches():
            if batch.malformed:
                raise self._wrong("not_rejects", f"record {batch.malformed[0].row}: {batch.malformed[0].message}", "correct the file")
            yield [self._reject(dict(zip(self._names, map(restore, row), strict=True))) for row in batch.frame.drop(ROW).rows()]

    def _reject(self, cells: dict[str, str]) -> Reject:
        if not (cells["_row"].isdecimal() and cells["_row"].isascii()):
            raise self._wrong("not_rejects", "a cell of _row is no row number", "leave that column as it was")
        columns, codes = (tuple(part for part in cells[name].split(JOIN) if part) for name in ("_column", "_code"))
        file, original = cells.get(NEWER, self._source), {name: cells[name] for name in self.columns}
        return Reject(int(cells["_row"]), file, columns, codes, cells["_reason"], cells[EXTRA], original)

    def _wrong(self, code: str, message: str, hint: str) -> DataError:
        return DataError(problem(code, message, hint=hint, file=self._path))


def _delimiter(file: Path) -> str:
    """What stands behind the first name, if that is `_row`; a file that cannot be read is the reader's to report."""
    try:
        with file.open("rb") as stream:
            start = stream.read(64)
    except OSError:
        return ","
    found = re.match(rb'(?:\xef\xbb\xbf)?"?_row"?([;\t])', start)
    return found[1].decode() if found else ","


@dataclass(frozen=True)
class Summary:
    """A rejects file: whose it is, how many rows, and how many by code (a row counts for each of its codes)."""

    file: Path
    run: str
    rows: int
    codes: Counter[str]
    numbers: Sequence[int]


def summaries(folder: Path) -> tuple[list[Summary], list[Finding]]:
    """The rejects files of a folder, the newest first, and what is wrong with those that cannot be read."""
    found: list[Summary] = []
    wrong: list[Finding] = []
    for file in sorted(folder.glob("*.csv")):
        try:
            source = Corrected(file)
            rejects = [(one.row, one.codes) for one in source.rejects()]
        except DataError as error:
            wrong += error.findings
            continue
        codes = Counter(code for _, row in rejects for code in row)
        found.append(Summary(file, source.run, len(rejects), codes, [row for row, _ in rejects]))
    return sorted(found, key=lambda one: one.run, reverse=True), wrong


def ranges(rows: set[int]) -> list[list[int]]:
    """Numbers as ranges of the first and the last one."""
    found: list[list[int]] = []
    for row in sorted(rows):
        if found and found[-1][1] == row - 1:
            found[-1][1] = row
        else:
            found.append([row, row])
    return found


def explain(one: Reject, private: frozenset[str]) -> str:
    """Why a row was rejected, with the cells that it is about; private ones are masked."""
    shown = {name: MASK if name in private else one.cells[name] for name in one.columns if name in one.cells}
    cells = "".join(f"\n    {name}: {cell}" for name, cell in shown.items())
    return f"row {one.row}: {one.reasons}{cells}"
