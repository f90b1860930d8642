"""What a run asks of its own process: how signals end it, to hold them back for a moment, and how much memory it took."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
STOPPING = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))
"""The signals that end a command. SIGHUP: its terminal or connection is gone; Windows has none."""

INTERRUPTED = 130
UNFINISHED = b"interrupted: ended before everything was cleaned up; the next run does that\n"
LAST_SECONDS, REPEATED_SECONDS = 9.0, 3.0  # that a command may last after a first signal, and after a second one
DEFERRED_SECONDS = 3.0  # that a signal may be held back


def stop_on_signals() -> None:
    """From now on a signal raises KeyboardInterrupt, once. A signal that was ignored at the start stays so (nohup).

    A second one must not break off the cleaning up: a shell that closes passes on a SIGHUP that the system has sent already. But the
    process ends some seconds after the first, and soon after the second, whatever it still waits for.
    """
    for number in _heeded():
        signal.signal(number, _interrupt)
    heard, told = socket.socketpair()
    told.setblocking(False)
    signal.set_wakeup_fd(told.detach(), warn_on_full_buffer=False)
    with suppress(RuntimeError):  # no thread can be started: whatever comes next will say so
        threading.Thread(target=_end_after_signals, args=(heard,), name="signals", daemon=True).start()


def _heeded() -> list[int]:
    return [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in _heeded():
        signal.signal(number, _nothing_more)
    raise KeyboardInterrupt


def _nothing_more(_number: int, _frame: FrameType | None) -> None:
    """The interruption is under way."""


def _end_after_signals(heard: socket.socket) -> None:
    """In a thread of its own: the main thread may wait inside a library, where Python's handlers do not get to run."""
    _next_signal(heard)
    heard.settimeout(LAST_SECONDS)
    with suppress(TimeoutError):
        _next_signal(heard)
        time.sleep(REPEATED_SECONDS)
    with suppress(OSError):
        os.write(2, UNFINISHED)
    os._exit(INTERRUPTED)


def _next_signal(heard: socket.socket) -> None:
    while heard.recv(1)[0] not in STOPPING:
        pass


@contextmanager
def signals_deferred(*, atomic: bool) -> Iterator[None]:
    """Delay signals during a short step that must happen completely or not at all; without `atomic`, do nothing.

    A step that is not done `DEFERRED_SECONDS` after the signal is broken off: the server may not answer at all.
    """
    if not atomic or threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def later(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if hasattr(signal, "setitimer") and len(received) == 1:  # not on Windows
            usual[signal.SIGALRM] = signal.signal(signal.SIGALRM, signal.default_int_handler)
            signal.setitimer(signal.ITIMER_REAL, DEFERRED_SECONDS)

    usual = {number: signal.signal(number, later) for number in _heeded()}
    try:
        yield
    finally:
        if signal.SIGALRM in usual:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in usual.items():
            signal.signal(number, handler)
        if received:  # no `raise_signal`: it would count as a second signal
            handler = usual[received[0]]
            handler(received[0], None) if callable(handler) else signal.raise_signal(received[0])


def peak_memory_mb() -> float:
    """Peak resident memory of this process in MB (0 where the platform does not tell)."""
    if resource is None:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, else KiB (getrusage(2))
    return round(peak / (1 << 20 if os.uname().sysname == "Darwin" else 1 << 10), 1)
