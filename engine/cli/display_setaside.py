"""What `engine set-aside` shows: what applies have set aside, why a mapping does not take it, and what came back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from rich.table import Table

from engine.apply.asidetasks import Restored
from engine.apply.explained import Explained
from engine.cli.console import console_on, print_lines, print_table
from engine.errors import counted
from engine.evolution.asides import KeptAside


def set_asides(found: Sequence[KeptAside], stream: TextIO) -> None:
    """One line per run that has documents set aside, then what else is to be said of some."""
    table = Table(box=None, pad_edge=False)
    for name in ("run", "when", "documents", "fit", "because", "collection"):
        right = name in ("documents", "fit")
        table.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=name in ("run", "when"))
    for kept in found:
        when = f"{kept.at:%Y-%m-%d %H:%M:%S}" if kept.at else ""
        table.add_row(
            kept.run, when, f"{kept.documents:,}", "?" if kept.problem else f"{kept.fitting - kept.live_again:,}", kept.why, kept.collection
        )
    print_table(console_on(stream), table, stream)
    for kept in found:
        told = (kept.gone, kept.older, f"cannot be brought back: {kept.problem}" if kept.problem else "")
        print_lines((f"{kept.run}: {line}" for line in told if line), stream)


def explained_lines(found: Explained, rows: int) -> Iterator[str]:
    """Of one run; `rows` is how many `_id`s were asked for."""
    kept = found.kept
    yield kept.told
    if kept.problem:
        yield f"what the mapping takes of them is not known: {kept.problem}"
    else:
        yield f"{kept.fitting:,} of them fit the mapping" + (f", {kept.live_again:,} of these are live again" if kept.live_again else "")
    for violation, documents in found.violations.most_common():
        yield f"  refused for {violation.subject}, {violation.keyword}: {counted(documents, 'document')}"
    if found.private:
        yield f"their _ids are private; on the server: db.getCollection({json.dumps(kept.collection)}).find({{}}, {{_id: 1}})"
    elif found.ids:
        more = f" (the first {rows:,}; --rows N shows more)" if kept.documents > rows else ""
        yield f"_ids{more}: {', '.join(found.shown_ids)}"


def restored_lines(done: Restored) -> Iterator[str]:
    """What a restore did."""
    if not done.run_id:
        yield "nothing was brought back: the mapping that is applied takes none of the documents (engine set-aside list)"
        yield "engine apply of a mapping that takes them brings them back"
        return
    yield f"RESTORED  {counted(done.back, 'document')}"
    yield from not_restored(done.stayed)
    yield f"live: {counted(done.documents, 'document')}, checksum {done.checksum}"
    yield f"run {done.run_id}"


def not_restored(stayed: Mapping[str, int]) -> Iterator[str]:
    """What fits and is set aside all the same, by the reason."""
    for why, documents in stayed.items():
        yield f"still set aside, though the mapping takes them: {counted(documents, 'document')}, as {why}"
