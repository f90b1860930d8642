"""Which of several duplicates is kept: decided row by row, or in a first reading of the source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.digests.keys import Digests, DigestSet, DigestTable, Mask, Words, distinct
from engine.errors import DataError, finding
from engine.mapping.model import ROW_KEY, Dedup, Field, Mapping, Near
from engine.plan import Evaluated, Plan
from engine.run.report import Reason
from engine.sources.batch import Batch

LAST = np.uint64((1 << 63) - 1)
FEWEST_ROWS = 100  # in a smaller first batch no key is suspicious
SUSPICIOUS = 0.5  # share of the rows that repeat a key of some columns, from which on the key probably does not identify a row
ONCE = "which row to keep is known only after all rows are read, and standard input can be read only once"


@dataclass(frozen=True)
class DuplicateFlags:
    """One flag per row of a batch. `duplicate`: a duplicate of a row that is kept.

    `near`: of the others those that repeat one but for some columns.
    """

    duplicate: Mask
    near: Mask


class Judge(Protocol):
    """Called for each batch, in the order of the source."""

    def judge(self, keys: Digests, near: Digests | None) -> DuplicateFlags:
        """Judge rows by the digests of their keys; `near` are the digests without some columns, None where not needed."""


@dataclass
class KeepFirst:
    """The first of several duplicates is kept."""

    seen: DigestSet = field(default_factory=DigestSet)
    near: DigestSet = field(default_factory=DigestSet)

    def judge(self, keys: Digests, near: Digests | None) -> DuplicateFlags:
        """See `Judge`."""
        fresh = self.seen.add(keys)
        repeats = np.zeros(len(keys), dtype=np.bool_)
        if near is not None:
            repeats[fresh] = ~self.near.add(near[fresh])
        return DuplicateFlags(~fresh, repeats)


@dataclass(frozen=True)
class KeptRows:
    """The decision of a first reading: one flag for each accepted row of the source, in its order."""

    duplicate: Mask
    near: Mask


@dataclass
class KeepChosen:
    """The second reading, after `decide`."""

    winners: KeptRows
    read: int = 0

    def judge(self, keys: Digests, _near: Digests | None) -> DuplicateFlags:
        """See `Judge`. Raises DataError where there are more rows than in the first reading."""
        start, self.read = self.read, self.read + len(keys)
        if self.read > len(self.winners.duplicate):
            hint = "run again once nothing writes to it any more"
            raise DataError(finding("source_changed", "the source has more rows than at the first reading", hint=hint))
        return DuplicateFlags(self.winners.duplicate[start : self.read], self.winners.near[start : self.read])


class BestRows:
    """For each key the row that ranks highest; takes 36 to 75 bytes per key, depending on the words of a rank."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._table = DigestTable(order.words)

    def add(self, keys: Digests, ranks: Words) -> None:
        """Add the rows of a batch."""
        found, best = distinct(keys, *~ranks.T)
        places, fresh = self._table.place(found)
        better = fresh | _above(ranks[best], self._table.words(places))
        self._table.put_words(places[better], ranks[best][better])

    def losers(self, rows: int) -> Mask:
        """Which of the source's accepted rows are dropped."""
        lost = np.ones(rows, dtype=np.bool_)
        for words in self._table.all_words():
            lost[self._order.rows(words)] = False
        return lost


@dataclass(frozen=True)
class Order:
    """Ranks rows: by a field's value (`by` None for none), then by their place in the source."""

    keep: str
    by: Field | None

    @property
    def words(self) -> int:
        """Words of a rank."""
        return 1 + (_words_of(self.by) if self.by else 0)

    def ranks(self, accepted: Evaluated, before: int) -> Words:
        """The rank of each row, most significant word first; `before` accepted rows came earlier."""
        place = np.arange(before, before + len(accepted), dtype=np.uint64)
        if not self.by:
            return place.reshape(-1, 1)
        assert self.by.type.sort_words
        values = accepted.values(self.by.path)
        present, words = values.is_not_null().to_numpy(), self.by.type.sort_words(values)
        if self.keep == "min":
            words = [~word for word in words]
        words = [np.where(present, word, 0) for word in words]
        return np.column_stack([*words, present.astype(np.uint64) << np.uint64(63) | (LAST - place)])

    def rows(self, ranks: Words) -> npt.NDArray[np.int64]:
        """The places in the source from ranks."""
        last = ranks[:, -1]
        return (LAST - (last & LAST) if self.by else last).astype(np.int64)


def _words_of(field: Field) -> int:
    """As many as a column without rows has."""
    assert field.type.sort_words
    return len(field.type.sort_words(pl.Series([], dtype=field.type.dtype)))


def _above(some: Words, others: Words) -> Mask:
    """Row by row, whether the words rank higher, most significant first."""
    above = np.zeros(len(some), dtype=np.bool_)
    for word, other in zip(some.T[::-1], others.T[::-1], strict=True):
        above = (word > other) | (above & (word == other))
    return above


def decide(plan: Plan, batches: Iterable[Batch]) -> KeptRows:
    """Read all rows and decide which of the accepted ones are kept. Raises DataError as `Plan.apply` does."""
    dedup = plan.mapping.dedup
    assert dedup
    order = Order(dedup.keep, plan.mapping.field(dedup.by) if dedup.by else None)
    key, near = plan.keys[dedup.on], plan.near_key()
    best, best_near, rows = BestRows(order), BestRows(order), 0
    for batch in batches:
        accepted = plan.apply(batch.frame).accepted
        ranks = order.ranks(accepted, rows)
        best.add(accepted.digests(key), ranks)
        if near:
            best_near.add(accepted.digests(near), ranks)
        rows += len(accepted)
    same = best.losers(rows)
    return KeptRows(same, best_near.losers(rows) & ~same if near else np.zeros(rows, dtype=np.bool_))


def near_reason(near: Near) -> Reason:
    """The reason under which the report counts near-duplicates."""
    done = "dropped" if near.action == "drop" else "loaded"
    return Reason("near_duplicate", "", f"{done}: equal to another row except in {', '.join(near.ignored_columns)}")


def refuse_repeated(accepted: Evaluated, same: Mask, mapping: Mapping) -> None:
    """`keep: fail`. Raises DataError at the first row that repeats another."""
    if same.any():
        row = accepted.row_numbers.filter(pl.Series(same))[0]
        hint = "dedup.keep: first drops such rows"
        raise DataError(finding("duplicate", f"row {row} repeats an earlier row", hint=hint, file=mapping.source.path))


def source_read_once(mapping: Mapping) -> DataError:
    """Why a pipe cannot be loaded with this `keep`."""
    hint = "save it to a file and load that, or use dedup.keep: first"
    return DataError(finding("read_once", f"dedup.keep: {ONCE}; nothing was written", hint=hint, file=str(mapping.file)))


def suspicious_key(plan: Plan, accepted: Evaluated, keys: Digests) -> str:
    """A warning where a key of some columns makes at least half of the first rows duplicates; else empty."""
    dedup = plan.mapping.dedup
    if not dedup or dedup.on == ROW_KEY or len(accepted) < FEWEST_ROWS:
        return ""
    different = len(distinct(keys)[0])
    if different > SUSPICIOUS * len(accepted):
        return ""
    counts = zip(dedup.on, accepted.distinct(plan.keys[dedup.on]), strict=True)
    details = ", ".join(f"{name} has {count:,}" for name, count in counts)
    return f"dedup.on: the first {len(accepted):,} rows have only {different:,} different keys ({details}); the others count as duplicates"


def suspicious_share(dedup: Dedup | None, duplicates: int, accepted: int) -> str:
    """A warning where a key of some columns made at least half of all rows duplicates; else empty."""
    if not dedup or dedup.on == ROW_KEY or accepted < FEWEST_ROWS or duplicates < SUSPICIOUS * accepted:
        return ""
    return f"dedup.on: {duplicates:,} of {accepted:,} rows repeat the key ({_named(dedup.on)}) of another; does it identify a row?"


def _named(on: str | Sequence[str]) -> str:
    return on if isinstance(on, str) else ", ".join(on)
