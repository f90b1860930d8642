"""What a changed mapping means for a new run: a note where all documents are replaced, an error where two shapes would be mixed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.apply.advice import Advice
from engine.apply.recorded import Shape, evidence, shapes
from engine.errors import DataError, finding
from engine.evolution.diff import diff
from engine.evolution.judging import JudgedChange, judge, mixes, possible_names, same_columns
from engine.evolution.planning import KEEP_BOTH
from engine.mapping.model import Mapping
from engine.mongo.ledger import Ledger

WAYS_ON = ("engine apply continues it, or takes it back first where the mapping is another one; engine apply --undo takes it back, "
           "as long as no value was dropped; a run in mode replace or sync loads everything anew")  # fmt: skip
ALL_DOCUMENTS = {"replace": "this run replaces all documents", "sync": "this run brings all documents in line"}


@dataclass(frozen=True)
class Notice:
    """What the run reports; `beside`: the other shapes of documents that will be there, as was allowed."""

    note: str = ""
    beside: tuple[Shape, ...] = ()


def check_mapping_change(ledger: Ledger, mapping: Mapping, advice: Advice, *, mixed_allowed: bool) -> Notice:
    """Compare the mapping with the one applied last, whose documents are there. Call it with the lock, before anything is written.

    Raises:
        DataError: documents of an older shape are there, and the run would add others beside them; or whether it would cannot be known,
            since this engine cannot read the mapping that they were loaded with.
    """
    record, unfinished = ledger.applied(), ledger.unfinished_apply()
    replaced = ALL_DOCUMENTS.get(mapping.target.mode)
    if unfinished and not replaced:
        message = f"apply {unfinished.run_id} was not finished: the collection holds documents of two shapes"
        raise DataError(finding("unfinished_apply", message, hint=WAYS_ON))
    if unfinished and replaced:
        return Notice(f"apply {unfinished.run_id} was not finished: {replaced}")
    if mapping.target.amends or record is None or (replaced and record.meaning_sha256 == mapping.digest):
        return Notice()
    try:
        known = shapes(ledger)
    except DataError as error:
        if not replaced:
            raise
        return Notice(f"{error.findings[0].message}: {replaced}")
    told = evidence(ledger.loads())
    same = record.meaning_sha256 == mapping.digest  # a retry reads its source in another way
    changes = () if same else judge(diff(known[0].mapping, mapping), known[0].mapping, mapping, told)
    difference = f"the mapping differs from that of run {record.run_id} ({codes(changes)})" if changes else ""
    if replaced:
        return Notice(f"{difference}: {replaced}" if changes else "")
    others = known[1:] if same else known
    beside = tuple(shape for shape in others if _mixing(judge(diff(shape.mapping, mapping), shape.mapping, mapping, told)))
    if not (mixing := _mixing(changes)):
        return Notice(f"{difference}: documents keep their shape" if changes else "", beside)
    message = f"{difference}: existing documents would keep the old shape beside the new one ({codes(mixing)})"
    if not mixed_allowed:
        hints = (*same_columns(possible_names(known[0].mapping, mapping)), advice.bring_in_line(), KEEP_BOTH)
        raise DataError(finding("mixed_shapes", message, hint="; or ".join(hints)))
    return Notice(message, beside)


def _mixing(changes: Iterable[JudgedChange]) -> list[JudgedChange]:
    return [change for change in changes if mixes(change)]


def codes(changes: Iterable[JudgedChange]) -> str:
    """The codes and subjects, in short."""
    return ", ".join(dict.fromkeys(change.change.label for change in changes))
