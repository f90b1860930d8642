"""Exhausted memory, which Python, numpy, polars and the system each report in their own way."""

from __future__ import annotations

import errno

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

from engine.errors import EngineError, finding

OUT_OF_MEMORY = ("cannot allocate memory", "out of memory", "memory allocation", "unable to allocate")
OUT_OF_THREADS = ("can't start new thread", "could not spawn threads", "failed to spawn thread", "threadpoolbuilderror")
HINT = "raise the limit (ulimit -v, ulimit -u, the container's memory and pids), or set POLARS_MAX_THREADS=1, which needs less of both"

ADDRESSES = 1500 << 20  # bytes of addresses below which polars' threads were seen to abort the process, or to wait for each other for ever


def refuse_few_addresses() -> None:
    """Raises EngineError where a limit on addresses (RLIMIT_AS, `ulimit -v`) is lower than what the libraries reserve on starting."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0] if resource else -1
    if 0 <= limit < ADDRESSES:
        needs = f"the engine needs {ADDRESSES >> 20:,} MB of addresses, most of them unused"
        hint = f"ulimit -v {2 * ADDRESSES >> 10}; to bound the memory that is really used, use a container or a systemd unit"
        raise EngineError(finding("out_of_memory", f"the limit on virtual memory is {limit >> 20:,} MB, and {needs}", hint=hint))


def exhausted(error: BaseException) -> EngineError | None:
    """The error in words if it says that memory or threads ran out, else None. Its own text is not shown: it may hold cells."""
    said = str(error).lower()
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM) or _any(OUT_OF_MEMORY, said):
        return EngineError(finding("out_of_memory", "this process got no more memory", hint=HINT))
    if _any(OUT_OF_THREADS, said):
        return EngineError(finding("out_of_memory", "the system refused to start another thread", hint=HINT))
    return None


def _any(parts: tuple[str, ...], text: str) -> bool:
    return any(part in text for part in parts)
