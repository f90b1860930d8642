"""The state of a live collection: its content, validator, indexes and options. Recorded by a run, compared by `engine verify`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from threading import Event
from typing import Any

from bson import json_util
from pymongo.collection import Collection

from engine.digests.checksum import Content, content
from engine.errors import TargetError, counted, finding
from engine.mapping.model import Mapping
from engine.mongo.kinds import CollectionKind, collection_info
from engine.mongo.timeseries import in_order

VALIDATION = {"validator": {}, "validationLevel": "strict", "validationAction": "error"}  # with the server's defaults
BATCH = 2_000  # documents fetched at a time; large ones are fewer, as a reply ends at 16 MB
UNTOLD = frozenset({"v", "ns"})  # of an index: internal to the server


@dataclass(frozen=True)
class CollectionState:
    """Plain values, for the ledger. `validator`, and by name each of the `indexes` and other `options`, are canonical Extended JSON."""

    count: int
    checksum: str
    validator: str
    indexes: dict[str, str]
    options: dict[str, str] = field(default_factory=dict)

    def as_document(self) -> dict[str, Any]:
        """For the ledger; index names may hold points there."""
        return asdict(self) | {"indexes": [{"name": name, "spec": spec} for name, spec in self.indexes.items()]}

    @classmethod
    def of(cls, document: dict[str, Any]) -> CollectionState:
        """Back from the ledger."""
        return cls(**document | {"indexes": {index["name"]: index["spec"] for index in document["indexes"]}})


@dataclass(frozen=True)
class Differences:
    """One line each, without values: what is `wrong` since a run, and what `others` changed of what the mapping does not name."""

    wrong: tuple[str, ...]
    others: tuple[str, ...]


def split_documents(batch: bytes) -> Iterator[bytes]:
    """The documents of concatenated BSON; each starts with its length in four bytes, little-endian."""
    at = 0
    while at < len(batch):
        end = at + int.from_bytes(batch[at : at + 4], "little")
        yield batch[at:end]
        at = end


def content_of(collection: Collection[Any], stop: Event | None = None) -> Content:
    """Count and content checksum of the whole collection; each batch is fetched while the one before it is processed.

    Raises:
        TargetError: `stop` was set.
    """
    found, batches, form = Content(), collection.find_raw_batches(batch_size=BATCH), _form(collection)
    cursor = ThreadPoolExecutor(1, thread_name_prefix="cursor")
    try:
        coming = cursor.submit(next, batches, b"")
        while batch := coming.result():
            if stop and stop.is_set():
                raise TargetError(finding("stopped", "the run was stopped while documents were read back", hint="run it again"))
            coming = cursor.submit(next, batches, b"")
            found += content(map(form, split_documents(batch)))
    finally:
        cursor.shutdown(wait=False)  # a server that does not answer must not hold up the end of the run
    return found


def _form(collection: Collection[Any]) -> Callable[[bytes], bytes]:
    """How a document counts in the checksum: as it is; of a time series collection, which keeps no order of fields, in a fixed one."""
    live = collection_info(collection.database, collection.name)
    if live is None or live.kind is not CollectionKind.TIMESERIES:
        return bytes
    return partial(in_order, meta_field=live.series.get("metaField", ""))


def state_of(collection: Collection[Any], found: Content) -> CollectionState:
    """The state of a collection; `found` is its content, which has been read before."""
    live = collection_info(collection.database, collection.name)
    options = live.options if live else {}
    validation = {name: options.get(name, usual) for name, usual in VALIDATION.items()}
    indexes = {
        index["name"]: _canonical({key: value for key, value in index.items() if key not in UNTOLD}) for index in collection.list_indexes()
    }
    others = {name: _canonical(value) for name, value in options.items() if name not in VALIDATION}
    return CollectionState(found.count, found.checksum, _canonical(validation), dict(sorted(indexes.items())), others)


def _canonical(value: Any) -> str:
    """The order of keys counts: in an index it matters, and the server keeps it."""
    return str(json_util.dumps(value, json_options=json_util.CANONICAL_JSON_OPTIONS, ensure_ascii=False))


def differences(recorded: CollectionState, found: CollectionState, mapping: Mapping) -> Differences:
    """What has changed; `mapping` is the one that was applied."""
    own = {*(f"index {index.name}" for index in mapping.indexes), *(f"option {name}" for name in mapping.target.options.as_written)}
    lines = [*_lines("index", recorded.indexes, found.indexes), *_lines("option", recorded.options, found.options)]
    wrong = [line for subject, line in lines if subject in own or subject == "index _id_"]
    return Differences((*_contents(recorded, found), *wrong), tuple(line for _, line in lines if line not in wrong))


def _contents(recorded: CollectionState, found: CollectionState) -> Iterator[str]:
    if recorded.count != found.count:
        yield f"count: recorded {counted(recorded.count, 'document')}, found {found.count:,}"
    elif recorded.checksum != found.checksum:
        yield f"checksum: recorded {recorded.checksum}, found {found.checksum}: the content of documents has changed"
    if recorded.validator != found.validator:
        yield "validator: differs from the recorded one"


def _lines(what: str, recorded: dict[str, str], found: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What is different, and the line that says so."""
    for name in sorted(recorded.keys() | found.keys()):
        subject = f"{what} {name}"
        if name not in found:
            yield subject, f"{subject}: missing"
        elif name not in recorded:
            yield subject, f"{subject}: added since the run ended"
        elif recorded[name] != found[name]:
            yield subject, f"{subject}: differs from the recorded one"
