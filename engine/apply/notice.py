"""What a changed mapping means for a run that begins: said where all documents are replaced, refused where two shapes would be mixed."""

from __future__ import annotations

from typing import Any

from engine.apply.recorded import evidence, recorded, restored
from engine.errors import DataError, EngineError, problem
from engine.evolution.diff import diff
from engine.evolution.judging import Judged, Needs, judge
from engine.mapping.model import Mapping
from engine.mongo.ledger import Ledger

WHOLE = {"replace": "this run replaces all documents", "sync": "this run brings all documents in line"}


def begin(ledger: Ledger, mapping: Mapping, notes: list[str], *, allow_mixed: bool) -> dict[str, Any]:
    """To be called by the holder of the lock, before anything is written. Adds to the run's notes; returns what the ledger shall hold.

    Raises:
        DataError: documents of an older shape are there, and the run would add others beside them.
    """
    facts: dict[str, Any] = {"applied": recorded(mapping)}
    record, unfinished = ledger.applied(), ledger.unfinished_apply()
    whole = WHOLE.get(mapping.target.mode)
    if unfinished and not whole:
        message = f"apply {unfinished['_id']} was not finished: documents of two shapes are there"
        raise DataError(problem("unfinished_apply", message, hint="engine apply goes on with it"))
    if not record or record.get("meaning_sha256") == mapping.digest:
        return facts
    changes = _changes(ledger, record, mapping)
    if not changes:
        return facts
    said = f"the mapping differs from that of run {record['_id']} ({codes(changes)})"
    if whole:
        notes.append(f"{said}: {whole}")
    elif mixing := [one for one in changes if mixes(one)]:
        message = f"{said}: documents that are there would keep the old shape beside the new one ({codes(mixing)})"
        if not allow_mixed:
            raise DataError(problem("mixed_shapes", message, hint="engine plan shows it; engine apply first, or --allow-mixed"))
        notes.append(message)
        facts["mixed"] = True
    else:
        notes.append(f"{said}: documents keep their shape")
    return facts


def _changes(ledger: Ledger, record: dict[str, Any], mapping: Mapping) -> tuple[Judged, ...]:
    try:
        old = restored(record, mapping.target.collection)
    except EngineError:
        return ()  # what an older engine recorded is not worth a refusal: `engine plan` says so
    return judge(diff(old, mapping), old, mapping, evidence(ledger.loads()))


def mixes(one: Judged) -> bool:
    """Whether documents of before and after the change differ in more than their values."""
    return one.needs in (Needs.REWRITE, Needs.SOURCE) or one.change.code in ("E109", "E111", "E113", "E301", "E303", "E502")


def codes(changes: tuple[Judged, ...] | list[Judged]) -> str:
    """The codes and subjects, in short."""
    return ", ".join(dict.fromkeys(one.change.label for one in changes))
