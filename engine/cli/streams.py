"""Standard output and standard error as the command uses them: a failure to print is kept, never raised into what prints.

A run must not fail because its progress lines go to a closed pipe or a full disk. What was lost of standard output is asked for at the end.
"""

from __future__ import annotations

import io
import os
import select
import sys
from contextlib import suppress
from typing import Any, TextIO

STDIN, STDOUT, STDERR = 0, 1, 2
CLOSED = {STDIN: os.O_RDONLY, STDOUT: os.O_RDONLY, STDERR: os.O_WRONLY}
"""How the null device stands in for a closed descriptor: nothing can be read, standard output cannot be written, errors go nowhere."""


class Channel(io.RawIOBase):
    """Writes to a raw stream. `failure` is the first error; what comes after it is tried all the same."""

    def __init__(self, raw: Any) -> None:
        super().__init__()
        self._raw, self.failure = raw, None  # type: Any, OSError | None

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Whether somebody looks at it."""
        return bool(self._raw.isatty())

    def fileno(self) -> int:
        """Its descriptor."""
        return int(self._raw.fileno())

    def write(self, data: Any) -> int:
        """Returns how many bytes count as written: all of them after an error."""
        try:
            while (written := self._raw.write(data)) is None:  # another process made the pipe non-blocking, and it is full
                select.select([], [self._raw], [])
        except OSError as error:
            self.failure = self.failure or error
            return len(data)
        return int(written)


def take_over_streams() -> tuple[TextIO, TextIO]:
    """Put streams on `Channel`s in the place of `sys.stdout` and `sys.stderr`, for everybody in this process; returns them."""
    _fill_closed()
    sys.stdin = sys.stdin or io.TextIOWrapper(io.BufferedReader(io.FileIO(STDIN, closefd=False)))
    sys.stdout, sys.stderr = _on_channel(sys.stdout, STDOUT), _on_channel(sys.stderr, STDERR)
    return sys.stdout, sys.stderr


def unwritten(stream: TextIO) -> OSError | None:
    """Why something that was printed to a stream was lost; None where nothing was, or its reader had seen enough and left."""
    stream.flush()
    channel = getattr(getattr(stream, "buffer", None), "raw", None)
    failure = channel.failure if isinstance(channel, Channel) else None
    return None if isinstance(failure, BrokenPipeError) else failure


def _fill_closed() -> None:
    """Open each closed standard descriptor, or the next file or socket would get its number, and with it what others print."""
    for descriptor, flags in CLOSED.items():
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, flags)  # gets the lowest free number, which is this one


def _on_channel(stream: TextIO | None, descriptor: int) -> TextIO:
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer) or io.FileIO(descriptor, "w", closefd=False)
    with suppress(OSError):
        if stream:
            stream.flush()
    encoding = stream.encoding if stream else "utf-8"
    seen = raw.isatty() or descriptor == STDERR
    return io.TextIOWrapper(io.BufferedWriter(Channel(raw)), encoding, "backslashreplace", line_buffering=seen)
