"""What each verb does: puts the rooms together and says how it went.

Functions take parsed arguments and streams, and return the exit code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from engine.commands.common import Arguments
from engine.commands.evolution import apply, plan
from engine.commands.history import runs, verify
from engine.commands.infer import infer
from engine.commands.loading import run
from engine.commands.mappings import check, preview, schema
from engine.commands.rejects import rejects
from engine.commands.servers import database

VERBS: dict[str, Callable[[Arguments, TextIO, TextIO], int]] = {
    "run": run,
    "check": check,
    "preview": preview,
    "schema": schema,
    "infer": infer,
    "plan": plan,
    "apply": apply,
    "runs": runs,
    "verify": verify,
    "rejects": rejects,
    "db": database,
}
