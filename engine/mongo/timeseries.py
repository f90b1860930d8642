"""Documents of a time series collection, as the server gives them back.

MongoDB (tested with 6.0.5) keeps every field with its type and value, and nothing unique, `_id` included. It does not keep the order of the
fields at the top, nor of those inside the metaField; so documents are compared, and their checksums made, with these in order of name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bson import decode, encode
from bson.raw_bson import RawBSONDocument

from engine.documents.bson import key_at
from engine.mapping.model import ID, ROW_KEY, Mapping, TimeSeries
from engine.mongo.metadata import Paths, masked, paths_of
from engine.mongo.policies import Change, Policy
from engine.mongo.trees import EXACT

Query = dict[str, Any]


def in_order(document: bytes, meta_field: str, load_paths: Paths = ()) -> bytes:
    """The document with its fields in the order of their names, inside the metaField too, and with load metadata masked."""
    fields = sorted(masked(decode(document, EXACT), load_paths).items())
    return encode({name: _sorted(value) if name == meta_field else value for name, value in fields}, codec_options=EXACT)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(inner) for name, inner in sorted(value.items())}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class AnyOrder:
    """Compares documents field by field; nothing is ever updated. `load_paths` are those of load metadata, which is no change by itself."""

    meta_field: str
    load_paths: Paths = ()

    def holds(self, old: bytes, new: bytes) -> bool:
        """Whether they have the same fields with the same values."""
        one, other = (in_order(document, self.meta_field, self.load_paths) for document in (old, new))
        return one == other

    def update(self, old: bytes, new: bytes) -> Change:
        """There is none."""
        raise NotImplementedError


@dataclass(frozen=True)
class ByIdAndTime:
    """By `_id`. `time_field`: equal `_id`s have equal times, so only documents of the batch's time are looked at; else all are."""

    time_field: str = ""
    name = path = ID
    unique = False

    def key(self, document: bytes) -> bytes:
        """The key of its `_id`."""
        return key_at(document, ID)

    def query(self, document: bytes, _live: bytes) -> Query:
        """By its `_id`."""
        return {ID: RawBSONDocument(document)[ID]}

    def queries(self, documents: Sequence[bytes]) -> Iterator[Query]:
        """By their `_id`s, and where these tell it, by time: buckets are found by it."""
        if not documents:
            return
        decoded = [decode(document, EXACT) for document in documents]
        ids = {ID: {"$in": [document[ID] for document in decoded]}}
        if not self.time_field:
            yield ids
            return
        times = [document[self.time_field] for document in decoded]
        yield {self.time_field: {"$gte": min(times), "$lte": max(times)}, **ids}


def series_policy(mapping: Mapping, series: TimeSeries) -> Policy:
    """What is there stays, and another document with its `_id` is refused."""
    return Policy(AnyOrder(series.meta_field, paths_of(mapping.load_paths)), "refuse")


def in_series(mapping: Mapping, series: TimeSeries) -> ByIdAndTime:
    """`_id`s tell the time where it comes from a column of the row, and they are a hash of the row, of that column or of the time."""
    hashed = mapping.identity.hash if mapping.identity else ""
    column = mapping.field(series.time_field).column
    of_time = column is not None and isinstance(hashed, tuple) and not {series.time_field, column.written}.isdisjoint(hashed)
    tells = column is not None and not column.lookup and (hashed == ROW_KEY or of_time)
    return ByIdAndTime(series.time_field if tells else "")
