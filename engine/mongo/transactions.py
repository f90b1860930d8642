"""Transactions of documents that others write too: the server aborts one where somebody has written one of its documents meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

from pymongo import MongoClient
from pymongo.client_session import ClientSession

from engine.mongo.connection import WRITE_CONCERN

T = TypeVar("T")
TRIES = 3  # of a transaction of several documents, before smaller ones are tried; one of a single document soon succeeds


class BusyError(Exception):
    """Others write the documents all the time: take fewer at once."""


def transact(client: MongoClient[Any], step: Callable[[ClientSession], None], documents: int = 1) -> None:
    """Carry out a step, which writes so many documents of others', in one transaction. The step is repeated where the server aborts it.

    Raises:
        BusyError: there are several documents, and the server has aborted it again and again.
        PyMongoError: any other error of the driver.
    """
    attempts = count(1)

    def bounded(session: ClientSession) -> None:
        if next(attempts) > TRIES and documents > 1:
            raise BusyError
        step(session)

    with client.start_session() as session:
        session.with_transaction(bounded, write_concern=WRITE_CONCERN)


def by_halves(items: list[T], change: Callable[[list[T]], None]) -> None:
    """Change all of them at once; where that raises BusyError, do so with each half, in their order."""
    try:
        change(items)
    except BusyError:
        half = len(items) // 2
        by_halves(items[:half], change)
        by_halves(items[half:], change)
