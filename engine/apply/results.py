"""What an apply, or the undoing of one, did: for the terminal and for `--json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ApplyResult:
    """What an apply did; `run_id` is empty where there was nothing to do. `rewritten` and `set_aside` count documents of this attempt.

    `set_aside_in` is the collection that the latter are in, empty where there are none. `restored` documents of earlier applies came back;
    `not_restored` counts those that fit and stay aside all the same, by the reason. `undone` is the apply that was taken back, and
    `unbuilt` are indexes of before it that what others wrote has made impossible, `unfit` counts documents of others that no longer fit.
    `mixed`: of those that steps of the mapping had changed, the documents that others had changed since.
    `first`: what had to be done with another apply before. `renamed`: the name that the collection had before.
    """

    before: str
    run_id: str = ""
    steps: tuple[dict[str, Any], ...] = ()
    rewritten: int = 0
    set_aside: int = 0
    set_aside_in: str = ""
    restored: int = 0
    not_restored: Mapping[str, int] = field(default_factory=dict)
    documents: int = 0
    checksum: str = ""
    resumed: str = ""
    undone: str = ""
    unbuilt: tuple[str, ...] = ()
    unfit: int = 0
    mixed: int = 0
    first: ApplyResult | None = None
    renamed: str = ""
