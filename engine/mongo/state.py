"""The state of a live collection: its content, validator, indexes and options. Recorded by a run, compared by `engine verify`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from threading import Event
from typing import Any

from bson import json_util
from pymongo.collection import Collection

from engine.digests.checksum import Content, content
from engine.errors import TargetError, counted, finding
from engine.mapping.model import Mapping
from engine.mongo.expiry import Schedule, period_after, rules_of
from engine.mongo.kinds import CollectionKind, collection_info
from engine.mongo.timeseries import in_order

VALIDATION: dict[str, Any] = {"validator": {}, "validationLevel": "strict", "validationAction": "error"}  # with the server's defaults
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
    schedule: Schedule | None = None

    def as_document(self) -> dict[str, Any]:
        """For the ledger; index names may hold points there."""
        plain = {name: value for name, value in asdict(replace(self, schedule=None)).items() if name != "schedule"}
        return (
            plain
            | {"indexes": [{"name": name, "spec": spec} for name, spec in self.indexes.items()]}
            | ({"schedule": self.schedule.as_document()} if self.schedule else {})
        )

    @classmethod
    def of(cls, document: dict[str, Any]) -> CollectionState:
        """Back from the ledger."""
        schedule = Schedule.of(document["schedule"]) if document.get("schedule") else None
        return cls(**document | {"indexes": {index["name"]: index["spec"] for index in document["indexes"]}, "schedule": schedule})


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


def content_of(collection: Collection[Any], stop: Event | None = None, schedule: Schedule | None = None) -> Content:
    """Count and content checksum of the whole collection; each batch is fetched while the one before it is processed.

    `schedule` gets its documents by the time when TTL indexes delete them.

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
            documents = [*map(form, split_documents(batch))]
            found += content(documents)
            if schedule:
                schedule.add(documents)
    finally:
        cursor.shutdown(wait=False)  # a server that does not answer must not hold up the end of the run
    return found


def _form(collection: Collection[Any]) -> Callable[[bytes], bytes]:
    """How a document counts in the checksum: as it is; of a time series collection, which keeps no order of fields, in a fixed one."""
    live = collection_info(collection.database, collection.name)
    if live is None or live.kind is not CollectionKind.TIMESERIES:
        return bytes
    return partial(in_order, meta_field=live.series.get("metaField", ""))


def schedule_of(collection: Collection[Any]) -> Schedule | None:
    """A new schedule for the TTL indexes of a collection, None where it has none."""
    rules = rules_of(collection.list_indexes())
    return Schedule(rules) if rules else None


def state_of(collection: Collection[Any], found: Content, schedule: Schedule | None = None) -> CollectionState:
    """The state of a collection; `found` is its content, which has been read before, and `schedule` when TTL indexes delete it."""
    live = collection_info(collection.database, collection.name)
    options = live.options if live else {}
    validation = {name: options.get(name, usual) for name, usual in VALIDATION.items()}
    indexes = {
        index["name"]: _canonical({key: value for key, value in index.items() if key not in UNTOLD}) for index in collection.list_indexes()
    }
    others = {name: _canonical(value) for name, value in options.items() if name not in VALIDATION}
    return CollectionState(
        found.count, found.checksum, _canonical(validation), dict(sorted(indexes.items())), others, schedule and schedule.compact()
    )


def _canonical(value: Any) -> str:
    """The order of keys counts: in an index it matters, and the server keeps it."""
    return str(json_util.dumps(value, json_options=json_util.CANONICAL_JSON_OPTIONS, ensure_ascii=False))


def without_due(
    recorded: CollectionState, found: CollectionState, schedule: Schedule, now: datetime
) -> tuple[CollectionState, CollectionState, int]:
    """Both states without the documents that are due in the present period or before, and how many of these are gone.

    `schedule` is that of what was found, in the periods of the recorded one.
    """
    if recorded.schedule is None:
        return recorded, found, 0
    end = period_after(now, recorded.schedule.width)
    before, after = recorded.schedule.before(end), schedule.before(end)
    return _less(recorded, before), _less(found, after), before.count - after.count


def _less(state: CollectionState, part: Content) -> CollectionState:
    left = Content(state.count, int(state.checksum, 16)) - part
    return replace(state, count=left.count, checksum=left.checksum)


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
