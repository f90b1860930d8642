"""Row keys: 128-bit digests, the set of those already seen, and the `_id` made from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import polars as pl

DIGEST_BYTES = 16
GROWTH_STEP = 1 << 16
Digests = npt.NDArray[np.uint64]  # shape (rows, 2)


SEPARATOR, ESCAPE = "\x1f", "\x1e"


@dataclass(frozen=True)
class RowKey:
    """What a row is known by: text expressions, missing ones null. Two rows have the same digest only if all parts are equal."""

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


class Seen:
    """A set of digests: an open-addressing hash table (linear probing) in one numpy array, at most three quarters full.

    It doubles, so a key takes 21 to 43 bytes.
    """

    def __init__(self, capacity: int = 1 << 18) -> None:
        self._slots: Digests = np.zeros((capacity, 2), dtype=np.uint64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, keys: Digests) -> npt.NDArray[np.bool_]:
        """Add keys; a mask that is true where a key was not there before (of equal keys, at the first of them)."""
        keys = keys | (keys == 0).all(axis=1, keepdims=True)  # all zero marks a free slot
        while 4 * (self._count + len(keys)) > 3 * len(self._slots):
            self._grow()
        return self._insert(keys)

    def _grow(self) -> None:
        old, self._slots = self._slots, np.zeros((len(self._slots) * 2, 2), dtype=np.uint64)
        self._count = 0
        for start in range(0, len(old), GROWTH_STEP):  # in steps, so that what is needed for a moment stays small
            part = old[start : start + GROWTH_STEP]
            self._insert(part[(part[:, 0] | part[:, 1]) != 0])

    def _insert(self, keys: Digests) -> npt.NDArray[np.bool_]:
        fresh = np.zeros(len(keys), dtype=np.bool_)
        size = len(self._slots)
        slots = ((keys[:, 0] >> np.uint64(32)) * np.uint64(size) >> np.uint64(32)).astype(np.int64)  # Lemire's fast range
        taker = np.empty(size, dtype=np.int32)  # of several keys that want one free slot, who takes it
        waiting = np.arange(len(keys), dtype=np.int32)
        while len(waiting):
            at, wanted = slots[waiting], keys[waiting]
            found = self._slots[at]
            free = np.flatnonzero((found[:, 0] | found[:, 1]) == 0)
            taker[at[free[::-1]]] = waiting[free[::-1]]  # the first one is written last and stays
            winners = free[taker[at[free]] == waiting[free]]
            self._slots[at[winners]] = wanted[winners]
            fresh[waiting[winners]] = True
            found = self._slots[at]
            waiting = waiting[(found[:, 0] != wanted[:, 0]) | (found[:, 1] != wanted[:, 1])]
            slots[waiting] += 1
            slots[waiting] %= size
        self._count += int(fresh.sum())
        return fresh
