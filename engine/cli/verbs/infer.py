"""The verb `infer`: a mapping from files."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from engine.cli.verbs.common import Arguments, write_file
from engine.errors import Exit, UsageError, finding
from engine.infer import infer as infer_mapping


def infer(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """Write a commented mapping of the first file, to standard output or to a new file. Raises UsageError where that file exists."""
    path = Path(arguments.output) if arguments.output and arguments.output != "-" else None
    if path and path.exists():
        hint = "name another file, or delete this one (it may hold your own changes)"
        raise UsageError(finding("exists", "the file exists already", hint=hint, file=str(path)))
    text = infer_mapping(arguments.files)
    if path is None:
        out.write(text)
        return Exit.DONE
    write_file(path, text)
    print(f"wrote {path}; review it, then run: engine run --mapping {path} --dry-run", file=err)
    return Exit.DONE
