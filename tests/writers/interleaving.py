"""Operations of others between the commands of a client, at places that a test chooses; and the end of the client at one of them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from engine.mongo import connection

LET_THROUGH = ("abortTransaction", "endSessions", "killCursors")  # what the server does by itself for a client that is gone


class KilledError(BaseException):
    """The client is gone: nothing that it still wanted to send reaches the server."""


@dataclass
class Interleaving(CommandListener):
    """Calls the next of `operations` at its place: so many boundaries (before or after a command) after the one before it.

    `kill` is the boundary at which the client ends, none if negative. `boundaries` are counted since the beginning, and `closed` is that
    of the last `collMod`, `counted` that of the last look at the content. Nothing happens while it is not `active`.
    """

    operations: list[tuple[int, Callable[[int], None]]] = field(default_factory=list)
    kill: int = -1
    active: bool = False
    dead: bool = False
    boundaries: int = 0
    closed: int = 0
    counted: int = 0
    waited: int = 0
    clients: list[Any] = field(default_factory=list)
    one: threading.Lock = field(default_factory=threading.Lock)

    def started(self, event: CommandStartedEvent) -> None:
        """Before a command."""
        self._boundary(event.command_name)
        if event.command_name == "collMod":
            self.closed = self.boundaries

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """After it."""
        self._boundary(event.command_name)

    def failed(self, event: CommandFailedEvent) -> None:
        """It is no boundary of its own."""

    def _boundary(self, name: str) -> None:
        if self.active and _at_work() and name not in LET_THROUGH:
            with self.one:
                self._reached()

    def _reached(self) -> None:
        self.boundaries, self.waited = self.boundaries + 1, self.waited + 1
        self.kill -= 1
        if self.dead or self.kill == 0:
            self.dead = True
            raise KilledError
        while self.operations and self.operations[0][0] < self.waited:
            self.waited = 0
            self.operations.pop(0)[1](self.boundaries)

    def counting(self, look: Callable[..., Any]) -> Callable[..., Any]:
        """A look at the content, that is noticed."""

        def looking(*arguments: Any, **more: Any) -> Any:
            self.counted = self.boundaries
            return look(*arguments, **more)

        return looking

    @contextmanager
    def during(self, operations: list[tuple[int, Callable[[int], None]]], kill: int = -1) -> Iterator[None]:
        """While the client is at work. Operations that had no place are left out."""
        self.operations, self.kill, self.active, self.dead, self.waited = operations, kill, True, False, 0
        try:
            yield
        finally:
            self.active = False
            while self.clients:
                self.clients.pop().close()


def _at_work() -> bool:
    """Whether this thread carries out a step; others keep the lock."""
    here = threading.current_thread()
    return here is threading.main_thread()


def watching(monkeypatch: pytest.MonkeyPatch) -> Interleaving:
    """Between the commands of all clients that the engine makes from now on."""
    found = Interleaving()
    made = connection._Client

    def client(*arguments: Any, event_listeners: Any = (), **more: Any) -> Any:
        found.clients.append(made(*arguments, event_listeners=[*event_listeners, found], **more))
        return found.clients[-1]

    monkeypatch.setattr(connection, "_Client", client)
    return found
