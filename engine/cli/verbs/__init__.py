"""What each verb does: puts the rooms together and says how it went.

Functions take parsed arguments and streams, and return the exit code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from engine.cli.verbs.common import Arguments
from engine.cli.verbs.evolution import apply, plan
from engine.cli.verbs.history import runs, verify
from engine.cli.verbs.infer import infer
from engine.cli.verbs.loading import run
from engine.cli.verbs.mappings import check, preview, schema
from engine.cli.verbs.rejects import rejects
from engine.cli.verbs.servers import database

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
