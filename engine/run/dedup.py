"""Which of the accepted rows that are the same stays: told from row to row, or decided in a first reading of the source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.digests.keys import Digests, Mask, RowKey, Seen, Table, Words, distinct
from engine.errors import DataError, Finding, problem, suggest
from engine.mapping.model import ROW_KEY, Dedup, Field, Mapping, Near
from engine.plan import CELL, Plan
from engine.run.report import Reason
from engine.sources.batch import ROW, Batch

SIGN = np.uint64(1 << 63)
LAST = SIGN - np.uint64(1)
FEWEST_ROWS = 100  # in a smaller first batch nothing is conspicuous
SUSPICIOUS = 0.5  # of the rows that are the same by a key of some columns; the key is probably not what names a row
ONCE = "which row stays is known only when all were read, and standard input is read once"


@dataclass(frozen=True)
class Judged:
    """Of a batch's rows, `same`: those that another one stays for; `near`: of the others those that repeat one but for some columns."""

    same: Mask
    near: Mask


class Judge(Protocol):
    """Asked for each batch, in the source's order."""

    def judge(self, keys: Digests, near: Digests | None) -> Judged:
        """By their keys; `near` leaves columns out of the row, None where nobody asks for it."""


@dataclass
class First:
    """The first one stays."""

    seen: Seen = field(default_factory=Seen)
    near: Seen = field(default_factory=Seen)

    def judge(self, keys: Digests, near: Digests | None) -> Judged:
        """See `Judge`."""
        fresh = self.seen.add(keys)
        repeats = np.zeros(len(keys), dtype=np.bool_)
        if near is not None:
            repeats[fresh] = ~self.near.add(near[fresh])
        return Judged(~fresh, repeats)


@dataclass(frozen=True)
class Winners:
    """The decision of a first reading: one flag for each accepted row of the source, in its order."""

    same: Mask
    near: Mask


@dataclass
class Decided:
    """The second reading."""

    winners: Winners
    read: int = 0

    def judge(self, keys: Digests, _near: Digests | None) -> Judged:
        """See `Judge`. Raises DataError where there are more rows than in the first reading."""
        start, self.read = self.read, self.read + len(keys)
        if self.read > len(self.winners.same):
            hint = "run again when nothing writes to it any more"
            raise DataError(problem("source_changed", "the source has more rows than when it was read first", hint=hint))
        return Judged(self.winners.same[start : self.read], self.winners.near[start : self.read])


class Best:
    """For each key the row that ranks highest: 36 to 75 bytes a key, by the words of a rank."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._table = Table(order.words)

    def add(self, keys: Digests, ranks: Words) -> None:
        """Rows of one more batch."""
        found, best = distinct(keys, *~ranks.T)
        places, fresh = self._table.place(found)
        better = fresh | _above(ranks[best], self._table.words(places))
        self._table.put_words(places[better], ranks[best][better])

    def losers(self, rows: int) -> Mask:
        """Which of the source's accepted rows do not stay."""
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

    def ranks(self, accepted: pl.DataFrame, before: int) -> Words:
        """The rank of each row, most significant word first; `before` accepted rows came earlier."""
        place = np.arange(before, before + len(accepted), dtype=np.uint64)
        if not self.by:
            return place.reshape(-1, 1)
        present = accepted[self.by.path].is_not_null().to_numpy()
        words = _ascending(accepted[self.by.path], self.by)
        if self.keep == "min":
            words = [~word for word in words]
        words = [np.where(present, word, 0) for word in words]
        return np.column_stack([*words, present.astype(np.uint64) << np.uint64(63) | (LAST - place)])

    def rows(self, ranks: Words) -> npt.NDArray[np.int64]:
        """The places in the source from ranks."""
        last = ranks[:, -1]
        return (LAST - (last & LAST) if self.by else last).astype(np.int64)


def _words_of(one: Field) -> int:
    return 2 if one.type.name == "decimal" else 1


def _ascending(values: pl.Series, one: Field) -> list[npt.NDArray[np.uint64]]:
    """Unsigned words that sort as the values do; anything for a missing one."""
    if one.type.name == "decimal":
        scaled = pl.col("").cast(pl.Decimal(38, 16)).to_physical().fill_null(0)
        halves = values.alias("").to_frame().select(high=scaled // (1 << 64), low=scaled % (1 << 64))
        return [_signed(halves["high"]), halves["low"].cast(pl.UInt64).to_numpy()]
    if values.dtype == pl.Float64:
        bits = (values.fill_null(0.0).to_numpy() + 0.0).view(np.int64)  # numpy adds 0 to -0 and has 0; polars leaves it out
        return [np.where(bits < 0, ~bits, bits ^ np.int64(-(1 << 63))).view(np.uint64)]
    return [_signed(values)]


def _signed(values: pl.Series) -> npt.NDArray[np.uint64]:
    return values.cast(pl.Int64).fill_null(0).to_numpy().view(np.uint64) ^ SIGN


def _above(some: Words, others: Words) -> Mask:
    """Row by row, whether the words rank higher, most significant first."""
    above = np.zeros(len(some), dtype=np.bool_)
    for mine, theirs in zip(some.T[::-1], others.T[::-1], strict=True):
        above = (mine > theirs) | (above & (mine == theirs))
    return above


def near_key(plan: Plan) -> RowKey | None:
    """The row without the columns that near-duplicates differ in. Raises DataError where one is not in the source, or none is left."""
    dedup = plan.mapping.dedup
    if not dedup or not dedup.near:
        return None
    unknown = [name for name in dedup.near.without if name not in plan.columns]
    file = str(plan.mapping.file)
    if unknown:
        message = f"dedup.near.except: {unknown[0]!r} is no column of the source"
        raise DataError(Finding(0, 0, "unknown_key_column", message, hint=suggest(unknown[0], plan.columns), file=file))
    rest = [name for name in sorted(plan.columns) if name not in dedup.near.without]
    if not rest:
        raise DataError(problem("no_columns", "dedup.near.except leaves no column to compare rows by", hint="name fewer", file=file))
    return RowKey(tuple(pl.col(CELL + name) for name in rest))


def decide(plan: Plan, batches: Iterable[Batch]) -> Winners:
    """Read all rows and decide which ones stay. Only rows that are accepted compete. Raises DataError as `Plan.apply` does."""
    dedup = plan.mapping.dedup
    assert dedup
    order = Order(dedup.keep, plan.mapping.field(dedup.by) if dedup.by else None)
    key, near = plan.keys[dedup.on], near_key(plan)
    best, best_near, rows = Best(order), Best(order), 0
    for batch in batches:
        accepted = plan.apply(batch.frame).accepted
        ranks = order.ranks(accepted, rows)
        best.add(key.digests(accepted), ranks)
        if near:
            best_near.add(near.digests(accepted), ranks)
        rows += len(accepted)
    same = best.losers(rows)
    return Winners(same, best_near.losers(rows) & ~same if near else np.zeros(rows, dtype=np.bool_))


def near_reason(near: Near) -> Reason:
    """What the report calls near-duplicates."""
    done = "dropped" if near.action == "drop" else "loaded"
    return Reason("near_duplicate", "", f"{done}: the same as another row but for {', '.join(near.without)}")


def refuse_repeated(accepted: pl.DataFrame, same: Mask, mapping: Mapping) -> None:
    """`keep: fail`. Raises DataError at the first row that repeats another."""
    if same.any():
        row = accepted.filter(pl.Series(same))[ROW][0]
        hint = "dedup.keep: first drops such rows"
        raise DataError(problem("duplicate", f"row {row} repeats an earlier row", hint=hint, file=mapping.source.path))


def unreadable_twice(mapping: Mapping) -> DataError:
    """Why a pipe cannot be loaded with this `keep`."""
    hint = "write it to a file and load that, or dedup.keep: first"
    return DataError(problem("read_once", f"dedup.keep: {ONCE}; nothing was written", hint=hint, file=str(mapping.file)))


def conspicuous(plan: Plan, accepted: pl.DataFrame, keys: Digests) -> str:
    """What is odd about the first rows, or nothing: a key of some columns by which at least half of them are the same."""
    dedup = plan.mapping.dedup
    if not dedup or dedup.on == ROW_KEY or len(accepted) < FEWEST_ROWS:
        return ""
    different = len(distinct(keys)[0])
    if different > SUSPICIOUS * len(accepted):
        return ""
    counts = accepted.select(part.n_unique().alias(name) for name, part in zip(dedup.on, plan.keys[dedup.on].parts, strict=True)).row(0)
    told = ", ".join(f"{name} has {count:,}" for name, count in zip(dedup.on, counts, strict=True))
    return f"dedup.on: the first {len(accepted):,} rows have only {different:,} different keys ({told}); the others count as duplicates"


def many(dedup: Dedup | None, duplicates: int, accepted: int) -> str:
    """What is odd about a whole source, or nothing."""
    if not dedup or dedup.on == ROW_KEY or accepted < FEWEST_ROWS or duplicates < SUSPICIOUS * accepted:
        return ""
    return f"dedup.on: {duplicates:,} of {accepted:,} rows repeat the key ({_named(dedup.on)}) of another; does it name a row?"


def _named(on: str | Sequence[str]) -> str:
    return on if isinstance(on, str) else ", ".join(on)
