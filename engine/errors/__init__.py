"""What can go wrong, as data.

In: nothing. Out: `Finding` (one problem: code, message, place, hint), `EngineError` with the findings that end a command, and `CODES`, the
table of all codes with cause and remedy.

A new code is a row of `codes` and is reported somewhere (a test compares the two); an error with its own exit code is a class here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path


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


def finding(code: str, message: str, *, hint: str = "", file: str = "", line: int = 0, column: int = 0, path: str = "") -> Finding:
    """A finding that is not (or not only) about a place in a file."""
    return Finding(line, column, code, message, path, hint, file)


def counted(times: int, what: str) -> str:
    """`1 value`, `1,200 values`: a number with the noun, given in the singular."""
    return f"{times:,} {what}" + ("" if times == 1 else "s")


PART = 4  # least length of a name that is suggested as a part of another


def suggest(name: str, known: Iterable[str]) -> str:
    """`did you mean …?` with the most similar name, one that differs in case only, or one that contains the other; else empty."""
    names, sought = list(known), name.lower()
    near = difflib.get_close_matches(name, names, n=1) or [known for known in names if known.lower() == sought]
    near = near or [known for known in names if min(len(known), len(name)) >= PART and (known.lower() in sought or sought in known.lower())]
    return f"did you mean {near[0]}?" if near else ""


def near_file(path: Path | str) -> str:
    """`did you mean …?` with the file of the same folder whose name is most similar; empty where there is none."""
    file = Path(path)
    near = difflib.get_close_matches(file.name, [entry.name for entry in file.parent.iterdir()], n=1) if file.parent.is_dir() else []
    return f"did you mean {file.parent / near[0]}?" if near else ""
