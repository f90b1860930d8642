"""The terminal: a console for a stream, and tables that look right in a pipe."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.table import Table

PIPED_WIDTH = 200  # piped lines are searched rather than read


def console_on(stream: TextIO) -> Console:
    """Colours and the terminal's width where there is one."""
    return Console(file=stream, highlight=False, markup=False, width=None if stream.isatty() else PIPED_WIDTH)


def print_table(console: Console, table: Table, stream: TextIO) -> None:
    """Print a table; in a pipe without the spaces that fill its lines."""
    if stream.isatty():
        console.print(table)
        return
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().splitlines():
        print(line.rstrip(), file=stream)
