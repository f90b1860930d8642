"""What is tried again and how often: transient errors, which are not about a document."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from threading import Event
from typing import Any, TypeVar

import pymongo
from pymongo.errors import AutoReconnect, OperationFailure

from engine.errors import TargetError, finding
from engine.mongo.codes import OTHER_COLLECTION, RETRYABLE

T = TypeVar("T")
PATIENCE = 90.0  # seconds from the first failure on
ANSWER = 30.0  # seconds that one batch may go unanswered on a connection that looks alive
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds; doubles each time, with jitter
HINT = "check the server and the network, then run the same command again"


class TransientError(Exception):
    """The server answered with a transient error."""


def retry_transient(step: Callable[[int], T], stop: Event | None = None) -> T:
    """Call `step(attempt)` until it does not raise a transient error. It must be safe to repeat: an earlier attempt may have taken effect.

    Raises:
        TargetError: the server was not available for `PATIENCE` seconds, or `stop` was set meanwhile.
        PyMongoError: any error that is not transient.
    """
    attempt, stop = 0, stop or Event()
    deadline = 0.0
    while True:
        try:
            return step(attempt)
        except (AutoReconnect, TransientError):
            pass
        except OperationFailure as error:
            if error.code not in RETRYABLE:
                raise
        deadline = deadline or time.monotonic() + PATIENCE
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt) * random.uniform(0.5, 1)  # noqa: S311 -- spreads retries, guards nothing
        if time.monotonic() + pause > deadline:
            raise TargetError(finding("connection_lost", f"the server was not available for {PATIENCE:.0f} s", hint=HINT))
        if stop.wait(pause):
            raise TargetError(finding("stopped", "the run was stopped while the server was not available", hint=HINT))
        attempt += 1


def retry_until_answered(step: Callable[[int], T], stop: Event | None = None) -> T:
    """`retry_transient` for the write or read of one batch, each attempt with a timeout of `ANSWER` seconds."""

    def bounded(attempt: int) -> T:
        with pymongo.timeout(ANSWER):
            return step(attempt)

    return retry_transient(bounded, stop)


def document_errors(reply: dict[str, Any], blaming: Iterable[int]) -> list[dict[str, Any]]:
    """The write errors of a server's reply that are about single documents.

    Raises:
        TransientError: another error is transient.
        OperationFailure: the collection is not the one that was meant.
        TargetError: there is another one, so the server failed to write.
    """
    errors: list[dict[str, Any]] = reply.get("writeErrors", [])
    concern = [reply["writeConcernError"]] if "writeConcernError" in reply else []
    others = [error for error in [*errors, *concern] if error["code"] not in blaming]
    for one in others:
        if one["code"] == OTHER_COLLECTION:
            raise OperationFailure(one["errmsg"], OTHER_COLLECTION)
        if one["code"] not in RETRYABLE:
            message = f"the server failed to write with code {one['code']} {one.get('codeName', '')}".rstrip()
            raise TargetError(finding("write_failed", message, hint="look at the server's log and disk, then run the same command again"))
    if others:
        raise TransientError
    return errors
