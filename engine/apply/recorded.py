"""The mapping of a run, for the ledger: its text with all variables filled in, so that it reads the same in any environment."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from engine.errors import DataError, UsageError, finding
from engine.evolution.judging import Evidence
from engine.evolution.pairing import renames
from engine.evolution.planning import RELOAD_ALL
from engine.mapping.loader import loads_all
from engine.mapping.model import Index, Mapping
from engine.mapping.yamltree import parse
from engine.mongo.ledger import Ledger
from engine.mongo.records import Reason, RunRecord

EARLIER = 3  # mappings before the present one in whose shape others may go on writing
UNPRINTABLE = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")  # what YAML folds, or does not allow, between quotes


def recorded(mapping: Mapping) -> str:
    """The mapping as JSON, which is YAML too. To be called in the environment in which the mapping was loaded."""
    text = json.dumps(_escaped(parse(mapping.text, str(mapping.file)).value), ensure_ascii=False)
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(value: Any) -> Any:
    """The same value, written so that a `${` from a variable's value is not filled in again."""
    if isinstance(value, dict):
        return {name: _escaped(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return value.replace("${", "${ENGINE_NEVER_SET:-$}{") if isinstance(value, str) else value


def restored(record: RunRecord) -> Mapping:
    """The mapping of a run record. Raises DataError where this version of the engine cannot read it."""
    try:
        found = _read(record.applied, f"the mapping of run {record.run_id}")
        mapping = next(mapping for mapping in found if mapping.target.collection == (record.named or record.collection))
        return replace(mapping, target=replace(mapping.target, collection=record.collection))
    except (UsageError, StopIteration):
        message = f"the mapping that run {record.run_id} recorded for {record.collection} cannot be read by this version of the engine"
        hint = f"{RELOAD_ALL.format(mode='replace')}; or name both mappings: engine plan OLD NEW"
        raise DataError(finding("old_mapping", message, hint=hint)) from None


@lru_cache(maxsize=32)
def _read(text: str, name: str) -> tuple[Mapping, ...]:
    """What a recorded text says, which a command asks for several times."""
    return loads_all(text, name)


@dataclass(frozen=True)
class Shape:
    """What documents are as a mapping makes them; `run` is one that applied it. `lagging`: only others go on writing such."""

    run: str
    mapping: Mapping
    lagging: bool = False


def shapes(ledger: Ledger) -> tuple[Shape, ...]:
    """The shapes of the documents that are there, the one that was applied last first. Raises DataError as `restored`."""
    return tuple(Shape(record.run_id, restored(record)) for record in ledger.shaping())


def earlier_shapes(ledger: Ledger, newest: Mapping) -> tuple[Shape, ...]:
    """What the last mappings before the `newest` made documents to be, the newest first; without those that cannot be read any more.

    Each field says as `was` what the newest mapping calls it; indexes are the newest's, as the earlier ones are gone.
    """
    known = {record.meaning_sha256 for record in ledger.shaping()}
    names, newer, found = {field.path: field.path for field in newest.fields}, newest, list[Shape]()
    for record in ledger.earlier(EARLIER + len(known)):
        with suppress(DataError):
            mapping = restored(record)
            names = {path: names[later] for path, later in renames(mapping, newer).items() if later in names}
            newer = mapping
            if record.meaning_sha256 not in known:
                fields = (replace(field, was=name if (name := names.get(field.path)) != field.path else None) for field in mapping.fields)
                found.append(Shape(record.run_id, replace(mapping, fields=tuple(fields), indexes=newest.indexes), lagging=True))
    return tuple(found[:EARLIER])


def own_indexes(ledger: Ledger) -> tuple[Index, ...]:
    """The indexes that the mappings of the collection declared, but those of mappings that cannot be read any more."""
    found: list[Index] = []
    for record in ledger.shaping():
        with suppress(DataError):
            found += restored(record).indexes
    return tuple(found)


def evidence(loads: Iterable[RunRecord]) -> Evidence:
    """What the runs that made the collection left out, from their run records."""
    rejects, nulled, filtered = Counter[str](), Counter[str](), 0
    for record in loads:
        rejects.update(_by_subject(record.rejects or Counter()))
        nulled.update(_by_subject(record.nulled or Counter()))
        filtered += record.accounting.filtered if record.accounting else 0
    return Evidence(rejects, nulled, filtered)


def _by_subject(reasons: Counter[Reason]) -> Counter[str]:
    found = Counter[str]()
    for reason, rows in reasons.items():
        found[reason.path or f"rule {reason.code}"] += rows
    return found
