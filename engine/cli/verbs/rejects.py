"""The verb `rejects`: list the files, explain one, load its rows again."""

from __future__ import annotations

from typing import TextIO

from engine.cli.display import findings, rejects_files
from engine.cli.verbs.common import Arguments, client_of, mapping_of
from engine.cli.verbs.loading import carry_out
from engine.errors import Exit
from engine.mapping.columns import private_columns
from engine.mongo.ledger import Ledger
from engine.mongo.server import home
from engine.run.corrections import RejectsSource, explain, summaries
from engine.run.retrying import retry_task


def rejects(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """One of list, show, retry."""
    return {"list": _list, "show": _show, "retry": _retry}[arguments.action](arguments, out, err)


def _list(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    found, wrong = summaries(home() / "rejects")
    settled: dict[str, list[list[int]]] | None = None
    if arguments.mapping:
        mapping = mapping_of(arguments)
        with client_of("rejects list", [mapping], arguments.wait) as client:
            settled = Ledger(client, mapping.target).retried()
    if found:
        rejects_files(found, settled, out)
    else:
        print(f"there are no rejects files in {home() / 'rejects'}", file=out)
    findings(wrong, err)
    return Exit.DONE


def _show(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    mapping = mapping_of(arguments)
    source = RejectsSource(arguments.file)
    private = private_columns(mapping, source.columns)
    for reject in source.rejects():
        print(explain(reject, private), file=out)
    return Exit.DONE


def _retry(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """Run these rows only, in mode upsert; rows that are rejected again go to a new rejects file."""
    return carry_out([retry_task(mapping_of(arguments), arguments.file)], arguments, out, err)
