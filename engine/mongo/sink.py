"""Where documents go. A sink takes batches of BSON documents and says which ones the target refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from engine.digests.checksum import Content
from engine.mapping.model import Index

SERVER_VALIDATOR = "server_validator"  # the code of a document that the collection's own validator refused


@dataclass(frozen=True)
class Refusal:
    """A document that the target refused: its place in the batch, a code, and why, without values."""

    index: int
    code: str
    path: str
    reason: str


class Sink(Protocol):
    """The life of a target during a run, in this order.

    `in_place`: documents go into the live collection as they come, so whatever can be known before is checked before. Otherwise nothing
    is live before `publish`, and `discard` leaves the live data as it was. `changes` counts what became of documents.
    """

    in_place: bool
    changes: Counter[str]

    def replaced(self) -> int:
        """How many live documents publishing would replace as a whole; 0 for a target that is written in place."""

    def open(self) -> None:
        """Make ready to take documents."""

    def claim(self, documents: pl.Series) -> pl.Series:
        """Boolean: the documents whose `_id` did not come before in this run, as far as the target does not tell itself."""

    def write(self, documents: pl.Series) -> list[Refusal]:
        """Store a batch of BSON documents (may be called from several threads); returns those that were refused."""

    def build(self, indexes: tuple[Index, ...]) -> None:
        """Build all indexes."""

    def read_back(self) -> Content:
        """The documents of this run, as they were read back from the target."""

    def publish(self) -> Content:
        """Make the written documents the live ones; what the live collection then holds."""

    def stop(self) -> None:
        """End waiting for a server that is away; writes under way fail."""

    def discard(self) -> None:
        """Remove what was written and is not live."""
