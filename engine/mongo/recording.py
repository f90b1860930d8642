"""The ledger's note of what failed or was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from engine.errors import EngineError
from engine.mongo.ledger import Ledger
from engine.mongo.records import Outcome


@contextmanager
def recorded_failure(ledger: Ledger, details: Callable[[], dict[str, Any]] = dict) -> Iterator[None]:
    """Record how the ledger's run ended where it fails; the failure itself is what the user must see."""
    try:
        yield
    except BaseException as error:
        with suppress(EngineError):
            ledger.finish(Outcome.INTERRUPTED if isinstance(error, KeyboardInterrupt) else Outcome.FAILED, details())
        raise
