"""How fast an apply may rewrite documents, so that a busy server keeps answering others: `--throttle`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.errors import UsageError, finding

MOST = 2000  # documents of one update
ENDURED = 500  # the same, where others shall not wait for it
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0  # seconds
Probe = Callable[[], object]


@dataclass
class Pace:
    """Called after each batch, it waits where that is due. `rate`: documents/s, and `latency`: seconds of a probing read; 0 for no bound.

    `clock` gives seconds that only rise, `sleep` waits for some.
    """

    rate: int = 0
    latency: float = 0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _began: float = field(default=-1.0, init=False)
    _documents: int = field(default=0, init=False)
    _pause: float = field(default=0.0, init=False)

    @property
    def batch(self) -> int:
        """How many documents one update may have: those of about a second at most."""
        return min(MOST, ENDURED if self.latency else MOST, self.rate or MOST)

    def begin(self) -> None:
        """Documents are counted from now on."""
        self._began, self._documents = self.clock(), 0

    def after(self, documents: int, probe: Probe) -> None:
        """So many more are rewritten."""
        if self.rate:
            self._documents += documents
            self._wait(self._began + self._documents / self.rate - self.clock())
        if self.latency:
            self._wait(self._paused(probe))

    def _paused(self, probe: Probe) -> float:
        """Twice as long after each slow read, half as long after each fast one."""
        before = self.clock()
        probe()
        slow = self.clock() - before > self.latency
        self._pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * self._pause)) if slow else self._pause / 2
        return self._pause if self._pause >= FIRST_PAUSE / 2 else 0.0

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self.sleep(seconds)


def pace(text: str) -> Pace:
    """`N` documents/s, or `Nms`: how long a point read may take beside it. Empty: as fast as it goes. Raises UsageError."""
    found = re.fullmatch(r"([1-9][0-9]{0,8})(ms)?", text)
    if text and not found:
        hint = "--throttle 5000 (documents a second), or --throttle 20ms (how long a point read may take meanwhile)"
        raise UsageError(finding("usage", f"--throttle {text} is neither a number of documents a second nor milliseconds", hint=hint))
    if not found:
        return Pace()
    number = int(found[1])
    return Pace(latency=number / 1000) if found[2] else Pace(rate=number)
