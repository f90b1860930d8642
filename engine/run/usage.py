"""Which rows of secondary sources one pass over the primary source has used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from engine.digests.keys import Mask
from engine.sources.secondary import SecondarySource, SourceRows


class SecondaryUsage:
    """Which rows of secondary sources were asked for, and which ones are in stored documents: masks by source, added up batch by batch."""

    def __init__(self, sources: Mapping[str, SecondarySource]) -> None:
        self.asked: dict[str, Mask] = {name: np.zeros(len(source.frame), np.bool_) for name, source in sources.items()}
        self.embedded: dict[str, Mask] = {name: np.zeros(len(source.frame), np.bool_) for name, source in sources.items()}

    def ask(self, found: Iterable[SourceRows]) -> None:
        """These rows were asked for."""
        _add(self.asked, found)

    def embed(self, found: Iterable[SourceRows]) -> None:
        """These rows are in documents."""
        _add(self.embedded, found)


def _add(masks: Mapping[str, Mask], found: Iterable[SourceRows]) -> None:
    for source, rows in found:
        masks[source][rows.drop_nulls().to_numpy()] = True
