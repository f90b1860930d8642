"""Trying a delimiter and a quote on the beginning of a file: how many cells its records then have."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.sources.records import cells_of_any_length

USUAL, RARE = (",", ";", "\t", "|"), (":", "^", "~", "\x01", "\x1f", "#", " ")
QUOTES = ('"', None, "'")
RECORDS = 2000
REGULAR, LOOSE = 0.9, 0.5  # shares of records with the usual width: enough to believe in a delimiter, to call a file ragged
ABOUT = 0.005


@dataclass(frozen=True)
class Sample:
    """The beginning of a file, `whole` where it is the whole file; lines that begin with `comment` are left out."""

    text: str
    whole: bool
    comment: str | None = None


@dataclass(frozen=True)
class Record:
    """The cells of a record, and the numbers of lines in the file before it and up to its end."""

    cells: Sequence[str]
    before: int
    end: int


@dataclass(frozen=True)
class Trial:
    """The records of the sample with one delimiter and quote. A `share` of them has the most common number of cells, `width`."""

    delimiter: str
    quote: str | None
    records: Sequence[Record]
    width: int
    share: float

    @property
    def merit(self) -> tuple[bool, float, int]:
        """Trials compare by this: those whose first record is regular, then the most regular, then the widest."""
        return len(self.records[0].cells) == self.width, round(self.share, 2), self.width

    @property
    def widths(self) -> list[int]:
        """The numbers of cells that records have."""
        return sorted({len(record.cells) for record in self.records})

    @property
    def ragged(self) -> bool:
        """Whether most records are divided, but not evenly."""
        return self.share < REGULAR and sum(len(record.cells) > 1 for record in self.records) >= LOOSE * len(self.records)


def best(sample: Sample) -> Trial:
    """The delimiter and quote that give the most regular records. May be ragged, or of one column."""
    usual = max((trial for delimiter in USUAL if (trial := _quoted(sample, delimiter))), key=lambda trial: trial.merit, default=None)
    if usual and usual.share >= REGULAR:
        return usual
    rare = [trial for delimiter in RARE for quote in QUOTES[:2] if (trial := attempt(sample, delimiter, quote)) and trial.share == 1]
    if rare:
        return max(rare, key=lambda trial: trial.merit)
    return usual if usual and usual.ragged else _alone(sample)


def attempt(sample: Sample, delimiter: str, quote: str | None) -> Trial | None:
    """The trial; None where the delimiter divides no record, or the quotes break the records."""
    records = _records(sample, delimiter, quote)
    widths = Counter(len(record.cells) for record in records if len(record.cells) > 1)
    width, times = max(widths.items(), key=lambda one: (one[1], one[0]), default=(0, 0))
    return Trial(delimiter, quote, records, width, times / len(records)) if width else None


def _quoted(sample: Sample, delimiter: str) -> Trial | None:
    """The trial with the first quote that is about as good as any; None where the usual quote leaves nothing to divide."""
    whole = _records(sample, delimiter, QUOTES[0])
    if whole and all(len(record.cells) == 1 for record in whole):
        return None
    tried = [trial for quote in QUOTES if (trial := attempt(sample, delimiter, quote))]
    most = max((trial.share for trial in tried), default=0)
    return next((trial for trial in tried if trial.share > most - ABOUT), None)


def _alone(sample: Sample) -> Trial:
    """One column: any delimiter that no line has, or the comma where cells are quoted."""
    free = next((delimiter for delimiter in (*USUAL, *RARE) if delimiter not in sample.text), ",")
    for quote in QUOTES[:2]:
        if records := _records(sample, free, quote):
            break
    return Trial(free, quote, records, 1, sum(len(record.cells) == 1 for record in records) / max(1, len(records)))


@cells_of_any_length()
def _records(sample: Sample, delimiter: str, quote: str | None) -> list[Record]:
    """The first records that are not blank; none where the quotes break one (the last of all may be cut)."""
    quoting = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    numbers = [0]
    reader = csv.reader(_lines(sample, numbers), delimiter=delimiter, strict=True, **quoting)
    found: list[Record] = []
    before = 0
    try:
        for cells in reader:
            if cells:
                found.append(Record(cells, before, numbers[0]))
            if len(found) == RECORDS:
                break
            before = numbers[0]
    except csv.Error as error:
        cut = "unexpected end" in str(error) and not sample.whole
        return found if cut else []
    return found


def _lines(sample: Sample, numbers: list[int]) -> Iterator[str]:
    """The lines that are not comments; `numbers[0]` is the number of the last one returned."""
    for number, line in enumerate(io.StringIO(sample.text, newline=""), 1):
        if sample.comment is None or not line.startswith(sample.comment):
            numbers[0] = number
            yield line
