"""What the server counted for a plan, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Counts:
    """Documents `affected`, by label of a change; `violators`, which a fresh run would not load, by subject.

    `leaving` are all violators together. `unsure`: documents of which only the source tells. `unknown_shape`: those that are not of the
    old mapping's shape. `nulled`: values that a fresh run would leave out, of fields with `on_error: null`. `stay`: none of them leaves,
    as the mapping asks (`validation.existing: keep`).
    """

    documents: int
    affected: Mapping[str, int] = field(default_factory=dict)
    violators: Mapping[str, int] = field(default_factory=dict)
    leaving: int = 0
    unsure: Mapping[str, int] = field(default_factory=dict)
    nulled: Mapping[str, int] = field(default_factory=dict)
    unknown_shape: int = 0
    stay: bool = False
