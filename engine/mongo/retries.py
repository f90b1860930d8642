"""What is tried again, how often, and when not: errors that say nothing about a document and pass by themselves."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from threading import Event
from typing import Any, TypeVar

import pymongo
from pymongo.errors import AutoReconnect, OperationFailure

from engine.errors import TargetError, problem

T = TypeVar("T")
RETRYABLE = frozenset({6, 7, 50, 64, 89, 91, 112, 189, 262, 9001, 10107, 11600, 11602, 13388, 13435, 13436})
"""Host unreachable or not found, timeouts (also `ANSWER`), shutdown, no or another primary, write conflict, write concern not met in time.

MongoDB's "retryable writes" specification and its error_codes.yml.
"""
PATIENCE = 90.0  # seconds from the first failure on
ANSWER = 30.0  # seconds that one batch may go unanswered on a connection that looks alive
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds; doubles each time, with jitter
HINT = "look after the server and the network, then run the same command again"


class Passing(Exception):  # noqa: N818 -- not an error yet
    """The server answered with an error that passes by itself."""


def persist(step: Callable[[int], T], stop: Event | None = None) -> T:
    """Call `step(attempt)` until it does not fail in a passing way. It must be safe to repeat: an earlier attempt may have had its effect.

    Raises:
        TargetError: the server stayed away for `PATIENCE` seconds, or `stop` was set meanwhile.
        PyMongoError: anything that does not pass.
    """
    attempt, stop = 0, stop or Event()
    deadline = 0.0
    while True:
        try:
            return step(attempt)
        except (AutoReconnect, Passing):
            pass
        except OperationFailure as error:
            if error.code not in RETRYABLE:
                raise
        deadline = deadline or time.monotonic() + PATIENCE
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt) * random.uniform(0.5, 1)  # noqa: S311 -- spreads retries, guards nothing
        if time.monotonic() + pause > deadline:
            raise TargetError(problem("connection_lost", f"the server stayed away for {PATIENCE:.0f} s", hint=HINT))
        if stop.wait(pause):
            raise TargetError(problem("stopped", "the run was stopped while the server was away", hint=HINT))
        attempt += 1


def answered(step: Callable[[int], T], stop: Event | None = None) -> T:
    """`persist` for the write or read of one batch, which no server takes longer than `ANSWER` seconds for."""

    def bounded(attempt: int) -> T:
        with pymongo.timeout(ANSWER):
            return step(attempt)

    return persist(bounded, stop)


def judge(reply: dict[str, Any], blaming: Iterable[int]) -> list[dict[str, Any]]:
    """The write errors of a reply that blame a document.

    Raises:
        Passing: there is one that passes by itself.
        TargetError: there is another one, so the server failed to write.
    """
    errors: list[dict[str, Any]] = reply.get("writeErrors", [])
    concern = [reply["writeConcernError"]] if "writeConcernError" in reply else []
    others = [one for one in [*errors, *concern] if one["code"] not in blaming]
    for one in others:
        if one["code"] not in RETRYABLE:
            message = f"the server failed to write with code {one['code']} {one.get('codeName', '')}".rstrip()
            raise TargetError(problem("write_failed", message, hint="look at the server's log and disk, then run the same command again"))
    if others:
        raise Passing
    return errors
