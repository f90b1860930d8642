"""What can go wrong, as data: one `Finding` per problem, one `EngineError` to carry them out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command; each error names the one it ends with."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    DATA = 3
    TARGET = 4
    LOCKED = 5
    INTERRUPTED = 130


@dataclass(frozen=True, order=True)
class Finding:
    """One problem: what was found and what was expected, where, and what to do.

    `path` is a place inside the file's structure (`fields.patient.age.type`); `line` and `column` count from 1, 0 is unknown.
    A message never holds a cell's value.
    """

    line: int
    column: int
    code: str
    message: str
    path: str = ""
    hint: str = ""
    file: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line or "", self.column or "") if part != "")
        hint = f" — {self.hint}" if self.hint else ""
        return f"{place} {self.code} {self.message}{hint}".strip()


class EngineError(Exception):
    """An error that a user can act on. Prints as its findings; `exit_code` is what the command ends with."""

    exit_code = Exit.UNEXPECTED

    def __init__(self, findings: Finding | Sequence[Finding]) -> None:
        self.findings = (findings,) if isinstance(findings, Finding) else tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


class UsageError(EngineError):
    """The command line or the mapping is wrong."""

    exit_code = Exit.USAGE


class DataError(EngineError):
    """The source cannot be loaded as declared; nothing was published."""

    exit_code = Exit.DATA


class TargetError(EngineError):
    """The server cannot be reached, refused, or does not hold what was sent."""

    exit_code = Exit.TARGET


class LockedError(EngineError):
    """Another run holds the target."""

    exit_code = Exit.LOCKED


def problem(code: str, message: str, *, hint: str = "", file: str = "", line: int = 0, column: int = 0, path: str = "") -> Finding:
    """A finding that is not (or not only) about a place in a file."""
    return Finding(line, column, code, message, path, hint, file)


PART = 4  # letters that a name must have to be taken for a part of another


def suggest(name: str, known: Iterable[str]) -> str:
    """`did you mean …?`, or the empty text: the name most alike, one that differs in case alone, or one that is a part of the other."""
    names, sought = list(known), name.lower()
    near = difflib.get_close_matches(name, names, n=1) or [one for one in names if one.lower() == sought]
    near = near or [one for one in names if min(len(one), len(name)) >= PART and (one.lower() in sought or sought in one.lower())]
    return f"did you mean {near[0]}?" if near else ""
