"""Documents that TTL indexes delete by themselves: when each is due, and the content of those that are not due yet.

A TTL index has one key; a document is due so many seconds after the earliest date at its path (MongoDB manual, "TTL Indexes"), and the
server deletes it some time later. A partialFilterExpression is not looked at: what it spares counts as due too, and may stay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bson import decode
from bson.datetime_ms import DatetimeMS

from engine.digests.checksum import Content, content
from engine.mongo.trees import EXACT

EXPIRY = "expireAfterSeconds"
WIDTH, MOST = 3_600_000, 1_000  # milliseconds of a period, which is doubled until there are at most so many periods


@dataclass(frozen=True)
class Rule:
    """One TTL index."""

    path: str
    seconds: int


def rules_of(indexes: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Of indexes as the server or the driver describes them, those that delete documents."""
    return tuple(Rule(next(iter(one["key"])), int(one[EXPIRY])) for one in indexes if EXPIRY in one)


def due(document: bytes, rules: Iterable[Rule]) -> int | None:
    """When a document is due, in milliseconds since 1970; None for never."""
    decoded = decode(document, EXACT)
    return min((when + rule.seconds * 1000 for rule in rules for when in _dates(decoded, rule.path.split("."))), default=None)


def milliseconds(time: datetime) -> int:
    """A time of the server, UTC, in milliseconds since 1970."""
    return int(time.replace(tzinfo=UTC).timestamp() * 1000)


def period_after(time: datetime, width: int) -> int:
    """The first period that begins after this time of the server."""
    return milliseconds(time) // width + 1


def _dates(value: Any, path: list[str]) -> Iterator[int]:
    if isinstance(value, list):
        for item in value:
            yield from _dates(item, path)
    elif isinstance(value, DatetimeMS) and not path:
        yield int(value)
    elif isinstance(value, dict) and path and path[0] in value:
        yield from _dates(value[path[0]], path[1:])


@dataclass
class Schedule:
    """The content of the documents that are due in each period; periods are numbered from 1970 on."""

    rules: tuple[Rule, ...]
    width: int = WIDTH
    periods: dict[int, Content] = field(default_factory=dict)

    def add(self, documents: Iterable[bytes]) -> None:
        """Note when these are due."""
        found: dict[int, list[bytes]] = defaultdict(list)
        for document in documents:
            if (when := due(document, self.rules)) is not None:
                found[when // self.width].append(document)
        for period, those in found.items():
            self.periods[period] = self.periods.get(period, Content()) + content(those)

    def compact(self) -> Schedule:
        """The same in at most `MOST` periods."""
        found = self
        while len(found.periods) > MOST:
            wider: dict[int, Content] = {}
            for period, part in found.periods.items():
                wider[period // 2] = wider.get(period // 2, Content()) + part
            found = Schedule(self.rules, found.width * 2, wider)
        return found

    def before(self, end: int) -> Content:
        """The documents that are due before this period."""
        return sum((part for period, part in self.periods.items() if period < end), Content())

    def as_document(self) -> dict[str, Any]:
        """For the ledger."""
        rules = [{"path": rule.path, "seconds": rule.seconds} for rule in self.rules]
        periods = [{"period": period, "count": part.count, "checksum": part.checksum} for period, part in sorted(self.periods.items())]
        return {"rules": rules, "width": self.width, "periods": periods}

    @classmethod
    def of(cls, document: dict[str, Any]) -> Schedule:
        """Back from the ledger."""
        periods = {one["period"]: Content(one["count"], int(one["checksum"], 16)) for one in document["periods"]}
        return cls(tuple(Rule(**rule) for rule in document["rules"]), document["width"], periods)
