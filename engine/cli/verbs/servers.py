"""The verb about the embedded server."""

from __future__ import annotations

from typing import TextIO

from engine.cli.verbs.common import Arguments
from engine.errors import Exit
from engine.mongo import embedded
from engine.mongo.server import home


def database(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    """Start or stop the embedded MongoDB, or show whether it runs."""
    if arguments.action == "down":
        print("stopped" if embedded.down(home()) else "it was not running", file=out)
        return Exit.DONE
    running = embedded.up(home()) if arguments.action == "up" else embedded.status(home())
    print(running.uri if running else "not running", file=out)
    return Exit.DONE
