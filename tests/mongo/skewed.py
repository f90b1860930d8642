"""The command as a host runs it whose clock is wrong: `python skewed.py SECONDS run -m …`. Whatever asks Python for the time gets that."""

import datetime as dt
import sys
import time
from typing import Any

real, real_time = dt.datetime, time.time
seconds = float(sys.argv.pop(1))


class AnyDatetime(type):
    """What the driver and polars make is an instance too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, real)


class Skewed(real, metaclass=AnyDatetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return real.fromtimestamp(real_time() + seconds, tz)

    @classmethod
    def utcnow(cls) -> Any:
        return real.fromtimestamp(real_time() + seconds, dt.UTC).replace(tzinfo=None)


time.time = lambda: real_time() + seconds
time.time_ns = lambda: int(time.time() * 1e9)
dt.datetime = Skewed

if __name__ == "__main__":
    from engine import cli

    sys.argv[0] = "engine"
    cli.main()
