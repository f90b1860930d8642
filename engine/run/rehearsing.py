"""What takes documents where none is to be stored: in a dry run, and in the check before a run that writes in place."""

from __future__ import annotations

from collections import Counter

import polars as pl

from engine.mapping.model import Mapping
from engine.mongo.matching import repetitions_of
from engine.mongo.sink import Refusal


class Rehearsal:
    """A receiver that refuses what can be refused without a server: documents that match the same live one as an earlier one."""

    def __init__(self, mapping: Mapping) -> None:
        self._repetitions = repetitions_of(mapping)
        self.changes: Counter[str] = Counter()

    def repeated(self, documents: pl.Series) -> list[Refusal]:
        """As the target will say."""
        return self._repetitions.refusals(documents)

    def write(self, _documents: pl.Series) -> list[Refusal]:
        """None is stored, and none refused."""
        return []

    def stop(self) -> None:
        """There is nothing to wait for."""
