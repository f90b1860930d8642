"""The state of a live collection: its content, validator and indexes. Recorded by a run, compared by `engine verify`."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from threading import Event
from typing import Any

from bson import json_util
from pymongo.collection import Collection

from engine.digests.checksum import Content, content
from engine.errors import TargetError, counted, finding

VALIDATION = {"validator": {}, "validationLevel": "strict", "validationAction": "error"}  # with the server's defaults
BATCH = 2_000  # documents fetched at a time; large ones are fewer, as a reply ends at 16 MB
UNTOLD = frozenset({"v", "ns"})  # of an index: internal to the server


@dataclass(frozen=True)
class CollectionState:
    """Plain values, for the ledger. `validator` and each of the `indexes` (by name) are canonical Extended JSON."""

    count: int
    checksum: str
    validator: str
    indexes: dict[str, str]

    def as_document(self) -> dict[str, Any]:
        """For the ledger; index names may hold points there."""
        return asdict(self) | {"indexes": [{"name": name, "spec": spec} for name, spec in self.indexes.items()]}

    @classmethod
    def of(cls, document: dict[str, Any]) -> CollectionState:
        """Back from the ledger."""
        return cls(**document | {"indexes": {index["name"]: index["spec"] for index in document["indexes"]}})


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
    found, batches = Content(), collection.find_raw_batches(batch_size=BATCH)
    cursor = ThreadPoolExecutor(1, thread_name_prefix="cursor")
    try:
        coming = cursor.submit(next, batches, b"")
        while batch := coming.result():
            if stop and stop.is_set():
                raise TargetError(finding("stopped", "the run was stopped while documents were read back", hint="run it again"))
            coming = cursor.submit(next, batches, b"")
            found += content(split_documents(batch))
    finally:
        cursor.shutdown(wait=False)  # a server that does not answer must not hold up the end of the run
    return found


def state_of(collection: Collection[Any], found: Content) -> CollectionState:
    """The state of a collection; `found` is its content, which has been read before."""
    live = next(iter(collection.database.list_collections(filter={"name": collection.name})), {})
    options = live.get("options", {})
    validation = {name: options.get(name, usual) for name, usual in VALIDATION.items()}
    indexes = {
        index["name"]: _canonical({key: value for key, value in index.items() if key not in UNTOLD}) for index in collection.list_indexes()
    }
    return CollectionState(found.count, found.checksum, _canonical(validation), dict(sorted(indexes.items())))


def _canonical(value: Any) -> str:
    """The order of keys counts: in an index it matters, and the server keeps it."""
    return str(json_util.dumps(value, json_options=json_util.CANONICAL_JSON_OPTIONS, ensure_ascii=False))


def differences(recorded: CollectionState, found: CollectionState) -> list[str]:
    """One line per difference, without values."""
    lines = []
    if recorded.count != found.count:
        lines.append(f"count: recorded {counted(recorded.count, 'document')}, found {found.count:,}")
    elif recorded.checksum != found.checksum:
        lines.append(f"checksum: recorded {recorded.checksum}, found {found.checksum}: the content of documents has changed")
    if recorded.validator != found.validator:
        lines.append("validator: differs from the recorded one")
    for name in sorted(recorded.indexes.keys() | found.indexes.keys()):
        if name not in found.indexes:
            lines.append(f"index {name}: missing")
        elif name not in recorded.indexes:
            lines.append(f"index {name}: added since the run ended")
        elif recorded.indexes[name] != found.indexes[name]:
            lines.append(f"index {name}: keys or options differ from the recorded ones")
    return lines
