"""Row numbers as ranges, for the ledger: of bounded size, however many rows a run rejects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

MOST = 100_000  # ranges in a run record, 3 MB of BSON: of more scattered rows nobody corrects each by hand
Ranges = list[list[int]]  # sorted `[first, last]`, both included, which neither overlap nor touch


def ranges(rows: Iterable[int]) -> Ranges:
    """The ranges of row numbers in any order."""
    return _merged([[row, row] for row in rows])


def _merged(found: Ranges) -> Ranges:
    merged: Ranges = []
    for first, last in sorted(found):
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    return merged


@dataclass
class RowRanges:
    """Collects row numbers, which come nearly in order. `most` ranges are kept; with more it is unknown which rows there were."""

    most: int = MOST
    _found: Ranges = field(default_factory=list)
    _unknown: bool = False

    def add(self, row: int) -> None:
        """One more row."""
        if self._unknown:
            return
        if self._found and self._found[-1][1] == row - 1:
            self._found[-1][1] = row
            return
        self._found.append([row, row])
        if len(self._found) > 2 * self.most:
            self._found = _merged(self._found)
            self._unknown = len(self._found) > self.most

    @property
    def known(self) -> Ranges | None:
        """The ranges, None where they are too many."""
        found = None if self._unknown else _merged(self._found)
        return None if found is None or len(found) > self.most else found
