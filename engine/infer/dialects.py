"""How a CSV file is written: found by trying on the beginning of the file. The strict reader checks the rest.

A delimiter is right when the records have the same number of cells with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.errors import DataError, counted, finding
from engine.infer.encodings import encoding_of
from engine.infer.trials import QUOTES, REGULAR, Sample, Trial, attempt, best
from engine.mapping.model import Dialect

NAMED = {"\t": "a tab", " ": "a space", "\x01": "0x01", "\x1f": "0x1f"}
COMMENT = "#"
NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?%?")
YEAR = re.compile(r"(1[5-9]|20|21)[0-9]{2}")
DATE = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([T ].*)?")
UUID = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


@dataclass(frozen=True)
class FileLayout:
    """A dialect, with notes by key of the mapping's `csv` section. `invented`: the column names do not come from the file."""

    dialect: Dialect = field(default_factory=Dialect)
    notes: Mapping[str, str] = field(default_factory=dict)
    invented: bool = False


def layouts(path: Path) -> Iterator[FileLayout]:
    """The possible layouts of a file, the likeliest first. Where the reader finds a fault in the quotes, the next one should be tried.

    Raises:
        DataError: the file cannot be read, is empty, or its records have no common number of cells.
    """
    encoded = encoding_of(path)
    newline = "\n" if "\n" in encoded.sample or "\r" not in encoded.sample else "\r"
    text = encoded.sample if encoded.whole else encoded.sample[: encoded.sample.rfind(newline) + 1]
    if not text.strip():
        raise DataError(finding("empty_source", "the file is empty or holds only whitespace", file=str(path)))
    sample, trial = _without_comments(Sample(text, encoded.whole))
    if not trial.records:
        message = "its quotes are neither closed nor plain text, whatever the delimiter"
        raise DataError(finding("stray_quote", message, hint="correct the file", file=str(path)))
    others = [one for quote in QUOTES if quote != trial.quote and (one := attempt(sample, trial.delimiter, quote)) and one.share >= REGULAR]
    for one in (trial, *others):
        base = Dialect(delimiter=one.delimiter, quote=one.quote, encoding=encoded.name, newline=newline, comment=sample.comment)
        yield _headed(one, base, _notes(one, encoded.why), path)


def _without_comments(sample: Sample) -> tuple[Sample, Trial]:
    """The best trial; lines that begin with # and have a different number of cells than the others are comments."""
    trial = best(sample)
    marked = [record for record in trial.records if record.cells[0].startswith(COMMENT)]
    if not marked or any(len(record.cells) == trial.width > 1 for record in marked):
        return sample, trial
    plain = replace(sample, comment=COMMENT)
    again = best(plain)
    return (plain, again) if again.records else (sample, trial)


def _notes(trial: Trial, encoding: str) -> dict[str, str]:
    return {
        "encoding": encoding,
        "newline": "lines end with CR only",
        "delimiter": f"{trial.share:.0%} of the first {counted(len(trial.records), 'record')} have {counted(trial.width, 'cell')}",
        "quote": "with other quotes the records have different numbers of cells",
        "comment": "lines that begin with it have another number of cells than the others",
    }


def _headed(trial: Trial, base: Dialect, notes: dict[str, str], path: Path) -> FileLayout:
    """The layout with the header, or with names where there is none or it is not usable."""
    if trial.ragged:
        return _ragged(trial, base, notes, path)
    before = next(place for place, record in enumerate(trial.records) if len(record.cells) == trial.width)
    header, *rows = trial.records[before:]
    if before:
        base = replace(base, skip_lines=header.before)
        notes["skip_lines"] = (
            f"LOOK: {counted(before, 'record')} before the header, with another number of cells than the table's {trial.width}"
        )
    regular = [row.cells for row in rows if len(row.cells) == trial.width]
    if why := headless(header.cells, regular):
        return _named(base, notes, trial.width, why)
    if len(set(header.cells)) < trial.width:
        notes |= {
            "names": "the header repeats names: these are its names, made distinct",
            "skip_lines": "skips the header, which `names` replaces",
        }
        return FileLayout(replace(base, names=_apart(header.cells), skip_lines=header.end), notes)
    return FileLayout(base, notes)


def _ragged(trial: Trial, base: Dialect, notes: dict[str, str], path: Path) -> FileLayout:
    """The layout of a ragged file: its header is as wide as the widest record, or absent. Raises DataError for other files."""
    header, *rows = trial.records
    narrow = [list(row.cells) for row in rows]
    widest = max(map(len, narrow), default=0)
    notes["ragged"] = f"records have {trial.widths[0]} to {trial.widths[-1]} cells"
    filled = [row + [""] * (len(header.cells) - len(row)) for row in narrow]
    if not any(cell.strip() for cell in header.cells):
        notes["skip_lines"] = "a line of empty cells"
        return _named(replace(base, ragged=True, skip_lines=header.end), notes, widest, "all cells of the first line are empty")
    if why := headless(header.cells, filled):
        return _named(replace(base, ragged=True), notes, max(widest, len(header.cells)), why)
    if widest <= len(header.cells) == len(set(header.cells)):
        return FileLayout(replace(base, ragged=True), notes)
    shares = f"{trial.share:.0%} of the first {counted(len(trial.records), 'record')} have {trial.width} cells"
    message = f"with {NAMED.get(trial.delimiter, trial.delimiter)} as delimiter {shares}, others {trial.widths[0]} to {trial.widths[-1]}"
    hint = "do unquoted cells contain the delimiter? correct the file, or write the mapping by hand"
    raise DataError(finding("ragged", message, hint=hint, file=str(path)))


def _named(base: Dialect, notes: dict[str, str], width: int, why: str) -> FileLayout:
    names = tuple(f"column{place}" for place in range(1, width + 1))
    return FileLayout(replace(base, names=names), notes | {"names": f"no header line: {why}; give better names"}, invented=True)


def _apart(names: Sequence[str]) -> tuple[str, ...]:
    """Names made distinct by adding their place."""
    found: list[str] = []
    for place, name in enumerate(names, 1):
        free = name or f"column{place}"
        while free in found or (free != name and free in names):
            free += f"_{place}"
        found.append(free)
    return tuple(found)


def headless(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Why the first record is data and not a header; empty where it is a header."""
    for place, cell in enumerate(header):
        text = cell.strip()
        if YEAR.fullmatch(text):  # of values by year
            continue
        if any(regex.fullmatch(text) for regex in (NUMBER, DATE, UUID)):
            return f"its cell {place + 1} is a number, a date or a UUID"
        if text and [row[place] for row in rows].count(cell) > max(1, len(rows) // 100):
            return f"its cell {place + 1} appears again below"
    return "all of its cells are empty" if not any(cell.strip() for cell in header) else ""
