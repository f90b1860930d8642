"""What a run asks of its own process: to hold signals back for a moment, and how much memory it took."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


@contextmanager
def signals_deferred(*, atomic: bool) -> Iterator[None]:
    """Delay SIGINT and SIGTERM during a short step that must happen completely or not at all; without `atomic`, do nothing."""
    if not atomic or threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def later(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    usual = {number: signal.signal(number, later) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


def peak_memory_mb() -> float:
    """Peak resident memory of this process in MB (0 where the platform does not tell)."""
    if resource is None:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, else KiB (getrusage(2))
    return round(peak / (1 << 20 if os.uname().sysname == "Darwin" else 1 << 10), 1)
