"""The verb `infer`: a mapping from files."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from engine.cli.verbs.common import Arguments
from engine.errors import Exit, UsageError, problem


def infer(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """Write a commented mapping of the first file, to standard output or to a file that must not be there yet."""
    from engine import infer as inferring  # noqa: PLC0415

    path = Path(arguments.output) if arguments.output and arguments.output != "-" else None
    if path and path.exists():
        hint = "name another file, or remove this one: it may hold your own changes"
        raise UsageError(problem("exists", "the file is there already", hint=hint, file=str(path)))
    text = inferring.infer(arguments.files)
    if path is None:
        out.write(text)
        return Exit.DONE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(problem("unwritable", f"cannot write {path}: {error.strerror}")) from None
    print(f"wrote {path}; look at it, then: engine run --mapping {path} --dry-run", file=err)
    return Exit.DONE
