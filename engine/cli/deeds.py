"""What a command has done so far: asked in one place, `command`, after whatever interrupted it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator


class Deeds:
    """A command that writes says at its start how to ask what it has done; until then, and for other commands, `otherwise` holds."""

    def __init__(self, otherwise: str) -> None:
        self._otherwise, self._told = otherwise, list[Callable[[], Iterable[str]]]()

    def ask(self, told: Callable[[], Iterable[str]]) -> None:
        """From now on this is asked too: a line each of what was done and what to do now, without values."""
        self._told.append(told)

    @property
    def lines(self) -> Iterator[str]:
        """What was done by now."""
        found = [line for told in self._told for line in told()]
        yield from (f"interrupted: {line}" for line in found or [self._otherwise])
