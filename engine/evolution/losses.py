"""What would be lost: everything that needs `--allow`, counted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import counted
from engine.evolution.counts import Counts
from engine.evolution.expiring import Expiry
from engine.evolution.judgements import Needs, queries_broken
from engine.evolution.judging import JudgedChange
from engine.evolution.kinds import MENDED, STRANGERS

DOCUMENTS, VALIDATION = "documents", "validation"  # subjects of losses that no change of a field is to blame for


@dataclass(frozen=True)
class Loss:
    """One loss: the code that allows it, what it is about, and how many documents it takes something from (None: nobody counted).

    `what` says in a clause what would be lost, with the count and without values.
    """

    code: str
    subject: str
    documents: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.code} {self.subject}: {self.what}"

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json` and the ledger."""
        return {"code": self.code, "subject": self.subject, "documents": self.documents, "what": self.what}


def losses(changes: Sequence[JudgedChange], counts: Counts | None, expiring: Iterable[Expiry]) -> tuple[Loss, ...]:
    """All that would be lost by these changes, and by TTL indexes that will delete documents."""
    of_changes = [loss for change in changes for loss in (*_removed(change, counts), *_hidden(change, counts), *_unanswered(change))]
    due = counts.due if counts else {}
    return (
        *of_changes,
        *(of_expiry(expiry, due.get(expiry.index.name)) for expiry in expiring),
        *(_set_aside(changes, counts) if counts else ()),
    )


def _removed(change: JudgedChange, counts: Counts | None) -> Iterator[Loss]:
    if change.destructive:
        documents = counts.affected.get(change.change.label, 0) if counts else None
        holders = "documents" if documents is None else counted(documents, "document")
        what = "it changes {} as only its author knows" if change.change.kind.of_step else "its values in {} would be dropped"
        yield Loss(change.change.code, change.change.subject, documents, what.format(holders))


def _hidden(change: JudgedChange, counts: Counts | None) -> Iterator[Loss]:
    """Values that a rename does not bring to the new path, as others have put something there."""
    if documents := counts.double.get(str(change.change)) if counts else 0:
        old, new = change.change.old, change.change.subject
        what = f"in {counted(documents, 'document')} the field would have what others put at {new}; its own value would stay at {old}"
        yield Loss(change.change.code, new, documents, what)


def _unanswered(change: JudgedChange) -> Iterator[Loss]:
    if change.change.kind.of_index and (broken := queries_broken(change.change)):
        yield Loss(change.change.code, change.change.subject, 0, broken)


def of_expiry(expiry: Expiry, documents: int | None) -> Loss:
    """What a TTL index deletes; so many `documents` are due now, None where nobody counted."""
    name = "" if expiry.subject == f"index {expiry.index.name}" else f"index {expiry.index.name} "
    return Loss(expiry.code, expiry.subject, documents, name + expiry.told(documents))


def _set_aside(changes: Sequence[JudgedChange], counts: Counts) -> Iterator[Loss]:
    """Documents that a fresh run would not load; those that no change is to blame for go with the first one that rewrites documents."""
    if counts.stay:
        return
    for change in {judged.change.label: judged.change for judged in changes}.values():
        if documents := counts.violators.get(change.label):
            yield _refused(change.code, change.subject, documents, "that the new mapping refuses")
    if counts.unblamed:
        rewriting = (judged.change for judged in changes if judged.needs is Needs.REWRITE and not judged.destructive)
        code, subject = next(((change.code, change.subject) for change in rewriting), (MENDED, VALIDATION))
        yield _refused(code, subject, counts.unblamed, "that the new mapping refuses")
    if counts.strangers.documents:
        yield _refused(STRANGERS, DOCUMENTS, counts.strangers.documents, "of neither shape")


def _refused(code: str, subject: str, documents: int, which: str) -> Loss:
    return Loss(code, subject, documents, f"{counted(documents, 'document')} {which} would be set aside")
