"""The terminal: a console for a stream, lines that are folded between words, and tables that look right in a pipe."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPED_WIDTH = 200  # piped lines are searched rather than read
LABEL = re.compile(r" *(?:\S+ {2,})?")  # what a folded line is set in by: its blanks, and a name in a column of names
STEP = 2  # where that is nothing


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


def print_lines(lines: Iterable[str | Text], stream: TextIO) -> None:
    """Print lines, on a terminal folded between words; what is folded is set in, so that each line is seen to be one."""
    console = console_on(stream)
    for line in lines:
        text = Text(line) if isinstance(line, str) else line
        for part in _folded(text, console) if stream.isatty() else (text,):
            part.rstrip()
            console.print(part, soft_wrap=True)


def _folded(text: Text, console: Console) -> Iterator[Text]:
    label = LABEL.match(text.plain)
    margin = label.end() if label else 0
    if len(text.plain) <= console.width or margin * 2 > console.width:
        yield from text.wrap(console, console.width)
        return
    head, body = text[:margin], text[margin:]
    first, *rest = body.wrap(console, console.width - (margin or STEP))
    yield Text.assemble(head, first)
    yield from (Text.assemble(" " * (margin or STEP), part) for part in rest)
