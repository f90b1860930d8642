"""The content checksum of a collection: a count, and the sum modulo 2**128 of XXH3-128 over each document's BSON bytes.

The sum does not depend on the order of the documents, so what was sent and what is read back compare without sorting either. XXH3's
output is fixed since version 0.8 of its specification. It finds accidents, not forgery: whoever can write to the collection can write to
the ledger too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from xxhash import xxh3_128_digest

MODULUS = 1 << 128


@dataclass(frozen=True)
class Content:
    """Count and checksum of a set of documents."""

    count: int = 0
    total: int = 0

    def __add__(self, other: Content) -> Content:
        return Content(self.count + other.count, (self.total + other.total) % MODULUS)

    def __sub__(self, other: Content) -> Content:
        return Content(self.count - other.count, (self.total - other.total) % MODULUS)

    @property
    def checksum(self) -> str:
        """32 hexadecimal digits."""
        return f"{self.total:032x}"


def content(documents: Iterable[bytes]) -> Content:
    """The content of BSON documents (fewer than 2**32 at a time)."""
    digests = np.frombuffer(b"".join(map(xxh3_128_digest, documents)), dtype=">u4").reshape(-1, 4)
    lanes = [int(lane) for lane in digests.sum(axis=0, dtype=np.uint64)]  # 32-bit lanes add up without overflow
    return Content(len(digests), sum(lane << shift for lane, shift in zip(lanes, (96, 64, 32, 0), strict=True)) % MODULUS)
