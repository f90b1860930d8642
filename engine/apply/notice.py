"""What a changed mapping means for a new run: a note where all documents are replaced, an error where two shapes would be mixed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.apply.recorded import evidence, restored
from engine.errors import DataError, finding
from engine.evolution.diff import diff
from engine.evolution.judgements import Needs
from engine.evolution.judging import JudgedChange, judge, possible_names, same_columns
from engine.mapping.model import Mapping
from engine.mongo.ledger import Ledger

ALL_DOCUMENTS = {"replace": "this run replaces all documents", "sync": "this run brings all documents in line"}


@dataclass(frozen=True)
class Notice:
    """What the run reports; `mixed`: there will be documents of two shapes, as was allowed."""

    note: str = ""
    mixed: bool = False


def check_mapping_change(ledger: Ledger, mapping: Mapping, *, mixed_allowed: bool) -> Notice:
    """Compare the mapping with the one applied last. Call it with the lock, before anything is written.

    Raises:
        DataError: documents of an older shape are there, and the run would add others beside them; or whether it would cannot be known,
            since this engine cannot read the mapping that they were loaded with.
    """
    record, unfinished = ledger.applied(), ledger.unfinished_apply()
    replaced = ALL_DOCUMENTS.get(mapping.target.mode)
    if unfinished and not replaced:
        message = f"apply {unfinished.run_id} was not finished: the collection holds documents of two shapes"
        raise DataError(finding("unfinished_apply", message, hint="run engine apply to continue it"))
    if mapping.target.amends or record is None or record.meaning_sha256 == mapping.digest:
        return Notice()
    try:
        old = restored(record)
    except DataError as error:
        if not replaced:
            raise
        return Notice(f"{error.findings[0].message}: {replaced}")
    if not (changes := judge(diff(old, mapping), old, mapping, evidence(ledger.loads()))):
        return Notice()
    difference = f"the mapping differs from that of run {record.run_id} ({codes(changes)})"
    if replaced:
        return Notice(f"{difference}: {replaced}")
    if not (mixing := [change for change in changes if mixes(change)]):
        return Notice(f"{difference}: documents keep their shape")
    message = f"{difference}: existing documents would keep the old shape beside the new one ({codes(mixing)})"
    if not mixed_allowed:
        hint = "see engine plan; run engine apply first, or --allow mixed_shapes for this run"
        raise DataError(finding("mixed_shapes", message, hint="; ".join((*same_columns(possible_names(old, mapping)), hint))))
    return Notice(message, mixed=True)


def mixes(change: JudgedChange) -> bool:
    """Whether documents from before and after the change differ in more than their values."""
    kind = change.change.kind
    return not kind.same_shape and (change.needs in (Needs.REWRITE, Needs.SOURCE) or kind.narrows)


def codes(changes: Iterable[JudgedChange]) -> str:
    """The codes and subjects, in short."""
    return ", ".join(dict.fromkeys(change.change.label for change in changes))
