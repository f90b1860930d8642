"""Where documents go. A sink takes batches of BSON documents and returns the ones that the target refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from engine.digests.checksum import Content
from engine.mapping.model import Mapping
from engine.mongo.state import CollectionState

SERVER_VALIDATOR = "server_validator"  # the code of a document that the collection's own validator refused


@dataclass(frozen=True)
class Refusal:
    """A document that the target refused: its index in the batch, a code, a path, and the reason; no values."""

    index: int
    code: str
    path: str
    reason: str


class Receiver(Protocol):
    """Takes documents. `changes` counts what became of them."""

    changes: Counter[str]

    def repeated(self, documents: pl.Series) -> list[Refusal]:
        """The documents that would be the same live one as an earlier one of this run; to be asked in the order of the source."""

    def write(self, documents: pl.Series) -> list[Refusal]:
        """Store a batch of BSON documents (may be called from several threads); returns those that were refused."""

    def stop(self) -> None:
        """Stop waiting for a server that does not answer; writes in progress fail."""


class Lookout(Receiver, Protocol):
    """Takes documents before the run does, and only counts in `changes` how many are `matched` and `unmatched` by live ones."""

    def live_document_count(self) -> int:
        """How many documents are live."""


class Sink(Receiver, Protocol):
    """A target during a run; its methods are called in this order.

    `writes_live`: documents go into the live collection as they come, so whatever can be known before is checked before. Otherwise nothing
    is live before `publish`, and `discard` leaves the live data as it was. `made` is the UUID of the collection that the run makes or has
    as its own, known once it is open; empty for one that is somebody else's.
    """

    writes_live: bool
    made: str

    @property
    def notes(self) -> Sequence[str]:
        """What a report says about the target, after `publish`."""

    def live_document_count(self) -> int:
        """How many live documents `publish` would replace; 0 for a target that is written in place."""

    def lookout(self) -> Lookout | None:
        """What looks for live documents first, where it depends on them whether the run may begin."""

    def open(self) -> None:
        """Prepare the target for documents."""

    def build(self, mapping: Mapping) -> None:
        """Build all indexes that are not there yet."""

    def read_back(self) -> Content:
        """Count and content checksum of this run's documents, as read back from the target."""

    def publish(self) -> Content:
        """Make the written documents live. Returns count and content checksum of the live collection."""

    def state(self, content: Content) -> CollectionState:
        """What the live collection is after `publish`, its content being known."""

    def discard(self) -> None:
        """Remove what was written and is not live."""
