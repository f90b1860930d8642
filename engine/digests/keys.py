"""Row keys: 128-bit digests, tables of those already seen, and the `_id` made from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import polars as pl

DIGEST_BYTES = 16
STEP = 1 << 16  # rows of a table that are worked on at a time
GROWTH = 4  # a table grows by this part of itself
SPARE = 1 << 12  # places behind the last home; a run of taken ones that long is less likely than 10**-60, as digests are random
Digests = npt.NDArray[np.uint64]  # shape (rows, 2)
Words = npt.NDArray[np.uint64]  # shape (rows, words)
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


SEPARATOR, ESCAPE = "\x1f", "\x1e"


@dataclass(frozen=True)
class RowKey:
    """What identifies a row: text expressions, missing ones null. Two rows have the same digest only if all parts are equal."""

    parts: tuple[pl.Expr, ...]

    def digests(self, frame: pl.DataFrame) -> Digests:
        """BLAKE2b-128 (RFC 7693) of each row's joined parts: shape (rows, 2), the same on every machine and version.

        Rows are taken as equal when their digests are: for 10 million rows the chance that two different ones collide is below 10**-24.
        """
        texts = self._joined(frame, [part.fill_null(ESCAPE) for part in self.parts])
        joined = b"".join(texts)
        if joined.count(SEPARATOR.encode()) != len(frame) * (len(self.parts) - 1) or ESCAPE.encode() in joined:
            # Some part is missing or holds a separator. Escaped, parts cannot run into each other; the others' texts stay the same.
            escaped = [
                part.str.replace_all(ESCAPE, ESCAPE + "0", literal=True).str.replace_all(SEPARATOR, ESCAPE + "1", literal=True)
                for part in self.parts
            ]
            texts = self._joined(frame, [part.fill_null(ESCAPE) for part in escaped])
        return digests(texts)

    @staticmethod
    def _joined(frame: pl.DataFrame, parts: Sequence[pl.Expr]) -> list[bytes]:
        return frame.select(pl.concat_str(parts, separator=SEPARATOR).cast(pl.Binary)).to_series().to_list()


def digests(texts: Iterable[bytes]) -> Digests:
    """BLAKE2b-128 of each text: shape (rows, 2)."""
    joined = b"".join([blake2b(text, digest_size=DIGEST_BYTES).digest() for text in texts])
    return np.frombuffer(joined, dtype=np.uint64).reshape(-1, 2)


def uuids(found: Digests) -> pl.Series:
    """UUIDs of version 8 (RFC 9562) from digests: Binary of 16 bytes."""
    raw = found.view(np.uint8).reshape(-1, DIGEST_BYTES).copy()
    raw[:, 6] = raw[:, 6] & 0x0F | 0x80
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    return pl.Series(raw, dtype=pl.Array(pl.UInt8, DIGEST_BYTES)).cast(pl.List(pl.UInt8)).cast(pl.Binary)


class DigestTable:
    """A hash table of digests in one numpy array: open addressing with linear probing (Knuth, TAOCP 6.4), at most two thirds full.

    Each row has a key in its first two words and `words` more that belong to it. A key's home rises with its value and nothing wraps
    around, so the table grows by a quarter in place, from its end: a key without words takes 24 to 30 bytes, also while it grows.
    """

    def __init__(self, words: int = 0, capacity: int = 1 << 16) -> None:
        self.homes = capacity
        self._rows: Words = np.zeros((capacity + SPARE, 2 + words), dtype=np.uint64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def place(self, keys: Digests) -> tuple[Places, Mask]:
        """Where each of these keys is, until the next call; and a mask that is true where it was not there before. No two may be equal."""
        while 3 * (self._count + len(keys)) > 2 * self.homes:
            self._grow()
        places, fresh = self._settle(keys)
        self._count += int(fresh.sum())
        return places, fresh

    def words(self, places: Places) -> Words:
        """What belongs to the keys at these places."""
        return self._rows[places, 2:]

    def put_words(self, places: Places, words: Words) -> None:
        """Let these words belong to the keys at these places."""
        self._rows[places, 2:] = words

    def all_words(self) -> Iterator[Words]:
        """What belongs to all the keys, part by part."""
        for start in range(0, len(self._rows), STEP):
            part = self._rows[start : start + STEP]
            yield part[_taken(part), 2:]

    def _home(self, keys: Words) -> Places:
        """Lemire's fast range, by the upper half of the first word."""
        return ((keys[:, 0] >> np.uint64(32)) * np.uint64(self.homes) >> np.uint64(32)).astype(np.int64)

    def _settle(self, keys: Digests) -> tuple[Places, Mask]:
        places = self._home(keys)
        fresh = np.zeros(len(keys), dtype=np.bool_)
        waiting = np.arange(len(keys))
        while len(waiting):
            at, wanted = places[waiting], keys.take(waiting, axis=0)  # `take` is ten times faster than an index here
            found = self._rows.take(at, axis=0)
            free = np.flatnonzero(~_taken(found))
            self._rows[at[free], :2] = wanted[free]  # of several that want one free place, one is written last and stays
            found[free] = self._rows[at[free]]
            there = (found[:, 0] == wanted[:, 0]) & (found[:, 1] == wanted[:, 1])
            fresh[waiting[free]] = there[free]
            waiting = waiting[~there]
            places[waiting] += 1
        return places, fresh

    def _grow(self) -> None:
        """Part by part, the last first. A part begins behind a free place, so the homes of its keys, old and new, lie in it or after it."""
        end = len(self._rows)
        self.homes += self.homes // GROWTH + 1
        self._rows.resize((self.homes + SPARE, self._rows.shape[1]), refcheck=False)
        moved = len(self._rows)
        while end:
            start = self._behind_free(max(0, end - STEP))
            part = self._rows[start:end]
            kept = part[_taken(part)]
            part[:] = 0
            moved, end = self._lay_out(kept, moved), start

    def _lay_out(self, rows: Words, moved: int) -> int:
        """Put rows where nothing is before the place `moved`; the first place that is taken then."""
        homes = self._home(rows)
        order = np.argsort(homes, kind="stable")
        rows, steps = rows.take(order, axis=0), np.arange(len(rows))
        places = np.maximum.accumulate(homes[order] - steps) + steps  # each at its home, or right behind the one before
        clear = int(np.searchsorted(places, moved))
        self._rows[places[:clear]] = rows[:clear]
        others, _ = self._settle(rows[clear:, :2])
        self._rows[others] = rows[clear:]
        return int(places[0]) if len(places) else moved

    def _behind_free(self, start: int) -> int:
        while start and self._rows[start - 1, :2].any():
            start -= 1
        return start


def _taken(rows: Words) -> Mask:
    taken: Mask = (rows[:, 0] | rows[:, 1]) != 0
    return taken


def distinct(keys: Digests, *ranks: Words) -> tuple[Digests, Places]:
    """The keys without repetition, ascending, and where each occurs first; with ranks (most significant word first), where it ranks least.

    The digest of zeros, which marks a free place in a `DigestTable`, is given as one of ones.
    """
    keys = keys | (keys == 0).all(axis=1, keepdims=True)
    order = np.lexsort((*reversed(ranks), keys[:, 1], keys[:, 0]))
    ascending = keys.take(order, axis=0)
    leads = np.ones(len(keys), dtype=np.bool_)
    leads[1:] = (ascending[1:] != ascending[:-1]).any(axis=1)
    return ascending[leads], order[leads]


class DigestSet:
    """A set of digests."""

    def __init__(self) -> None:
        self._table = DigestTable()

    def __len__(self) -> int:
        return len(self._table)

    def add(self, keys: Digests) -> Mask:
        """Add keys; a mask that is true where a key was not there before (of equal keys, at the first of them)."""
        found, first = distinct(keys)
        fresh = np.zeros(len(keys), dtype=np.bool_)
        fresh[first] = self._table.place(found)[1]
        return fresh
