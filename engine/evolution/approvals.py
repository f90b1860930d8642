"""What a user allows to be lost: `CODE`, `CODE:SUBJECT` or `CODE:SUBJECT:COUNT`, the last for so many documents at most. Pure.

A subject may hold colons (`index a:b`), so an approval is not taken apart: it is compared with the losses that there are.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from engine.errors import Finding, UsageError, finding
from engine.errors.codes import CODES
from engine.evolution.kinds import KINDS
from engine.evolution.losses import Loss


@dataclass(frozen=True)
class Approval:
    """One approval as it was written; `rest` is what stands behind the code, empty for all losses of the code."""

    code: str
    rest: str = ""

    @classmethod
    def of(cls, text: str) -> Approval:
        """As it is written."""
        written, _, rest = text.partition(":")
        return cls(written, rest)

    def __str__(self) -> str:
        return f"{self.code}:{self.rest}" if self.rest else self.code

    @property
    def at_most(self) -> int | None:
        """The number that it ends with; None where it ends with none."""
        count = self.rest.rpartition(":")[2] if ":" in self.rest else ""
        return int(count) if count.isascii() and count.isdecimal() else None

    def names(self, loss: Loss) -> bool:
        """Whether it is about this loss, however many documents it allows."""
        counted = self.at_most is not None and self.rest.rpartition(":")[0] == loss.subject
        return self.code == loss.code and (counted or self.rest in ("", loss.subject))

    def covers(self, loss: Loss) -> bool:
        """Whether it allows this loss. A loss that nobody counted is not allowed by a number."""
        if self.rest in ("", loss.subject) or self.at_most is None:
            return self.names(loss)
        return self.names(loss) and loss.documents is not None and loss.documents <= self.at_most


def approvals(texts: Iterable[str], known: Collection[str] = KINDS) -> tuple[Approval, ...]:
    """The approvals of a command line. Raises UsageError for a code that is not known."""
    found = tuple(map(Approval.of, texts))
    if unknown := [approval.code for approval in found if approval.code not in known]:
        hint = "engine plan shows the codes" if known is KINDS else f"this command has {', '.join(known)}"
        hint += "; what a run may be allowed is for engine run" if unknown[0] in CODES else ""
        raise UsageError(finding("unknown_code", f"there is no code {unknown[0]} that --allow takes", hint=hint))
    return found


def narrowest(loss: Loss, *, counted: bool = False) -> str:
    """The option that allows this loss and no other one, for a shell; `counted`: and no more documents."""
    return f"--allow {shlex.quote(exactly(loss) if counted else f'{loss.code}:{loss.subject}')}"


def exactly(loss: Loss) -> str:
    """The approval of this loss, of no other one, and of no more documents."""
    return f"{loss.code}:{loss.subject}" + ("" if loss.documents is None else f":{loss.documents}")


def most_allowed(loss: Loss, allowed: Iterable[Approval]) -> int | None:
    """How many documents a loss may have that is allowed now: as many as it has, or as an approval says; None where nobody counted."""
    counts = [approval.at_most or 0 for approval in allowed if approval.covers(loss)]
    return None if loss.documents is None else max([loss.documents, *counts])


def forbidden(found: Iterable[Loss], allowed: Sequence[Approval], *, counted: bool = False) -> list[Finding]:
    """A finding for each loss that no approval covers, with the one that would."""
    return [
        finding("destructive", f"{loss}{_short(loss, allowed)}", hint=f"to do it, add {narrowest(loss, counted=counted)}")
        for loss in found
        if not any(approval.covers(loss) for approval in allowed)
    ]


def _short(loss: Loss, allowed: Iterable[Approval]) -> str:
    most = max((approval.at_most or 0 for approval in allowed if approval.names(loss)), default=None)
    if most is not None:
        return f" (at most {most:,} allowed)"
    others = [f"--allow {approval}" for approval in allowed if approval.code == loss.code]
    return f" ({', '.join(others)} is about something else)" if others else ""


def without_effect(allowed: Iterable[Approval], found: Sequence[Loss]) -> list[Approval]:
    """Approvals that name no loss. That is no error: a command repeated after its success has nothing to lose any more."""
    return [approval for approval in allowed if not any(approval.names(loss) for loss in found)]


def aside_limit(allowed: Iterable[Approval]) -> int | None:
    """How many documents may be set aside in all; None for any number.

    That is more than a plan counted: others may write such documents while apply works.
    """
    setting = [approval for approval in allowed if not (KINDS[approval.code].removes or KINDS[approval.code].of_index)]
    counts = [approval.at_most for approval in setting]
    return None if None in counts else sum(count or 0 for count in counts)
