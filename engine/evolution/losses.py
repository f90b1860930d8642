"""What would be lost: everything that needs `--allow`, counted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import counted
from engine.evolution.counts import Counts
from engine.evolution.judgements import Needs
from engine.evolution.judging import JudgedChange
from engine.evolution.kinds import MENDED


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


def losses(changes: Sequence[JudgedChange], counts: Counts | None) -> tuple[Loss, ...]:
    """All that would be lost by these changes."""
    return (*_removed(changes, counts), *(_set_aside(changes, counts) if counts and not counts.stay else ()))


def _removed(changes: Iterable[JudgedChange], counts: Counts | None) -> Iterator[Loss]:
    for change in changes:
        if change.destructive:
            documents = counts.affected.get(change.change.label, 0) if counts else None
            holders = "documents" if documents is None else counted(documents, "document")
            yield Loss(change.change.code, change.change.subject, documents, f"its values in {holders} would be dropped")


def _set_aside(changes: Sequence[JudgedChange], counts: Counts) -> Iterator[Loss]:
    blamed = [change.change for change in changes if change.change.kind.stricter and counts.violators.get(change.change.subject)]
    for code, subject in dict.fromkeys((change.code, change.subject) for change in blamed):
        yield _refused(code, subject, counts.violators[subject])
    if counts.leaving and not blamed:
        rewriting = (change.change for change in changes if change.needs is Needs.REWRITE)
        code, subject = next(((change.code, change.subject) for change in rewriting), (MENDED, "validation"))
        yield _refused(code, subject, counts.leaving)


def _refused(code: str, subject: str, documents: int) -> Loss:
    return Loss(code, subject, documents, f"{counted(documents, 'document')} that the new mapping refuses would be set aside")
