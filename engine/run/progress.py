"""What a run reports its progress to."""

from __future__ import annotations

from typing import Protocol

from engine.run.report import Report


class RunProgress(Protocol):
    """Receives what happens while it happens."""

    def stage(self, name: str) -> None:
        """A stage begins: check, load, index, verify, publish."""

    def rows(self, report: Report, done: float | None) -> None:
        """More rows were read; `done` is the share of the file read so far, None when unknown."""

    def warn(self, message: str) -> None:
        """Something looks wrong while there is still time to stop."""
