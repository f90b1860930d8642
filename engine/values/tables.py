"""Tables of named rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar


class Named(Protocol):
    """A row: it knows its name."""

    @property
    def name(self) -> str:
        """What the mapping language calls it."""


Row = TypeVar("Row", bound=Named)


def table(kind: str, rows: Iterable[Row]) -> dict[str, Row]:
    """The rows by name, in their order. Raises ValueError where two have one name."""
    found: dict[str, Row] = {}
    for row in rows:
        if row.name in found:
            raise ValueError(f"{kind} {row.name!r} is registered twice")
        found[row.name] = row
    return found
