"""The verb `rejects`: list the files, explain one, load its rows again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from engine.cli.verbs.common import Arguments, client_of, mapping_of
from engine.cli.verbs.loading import Task, carry_out
from engine.errors import DataError, Exit, UsageError, problem
from engine.mapping.columns import private_columns
from engine.mapping.model import Array, Child, Limit, Mapping


def rejects(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """One of list, show, retry."""
    return {"list": _list, "show": _show, "retry": _retry}[arguments.action](arguments, out, err)


def _list(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    from engine.cli.display import findings, rejects_files  # noqa: PLC0415
    from engine.mongo.ledger import Ledger  # noqa: PLC0415
    from engine.mongo.server import home  # noqa: PLC0415
    from engine.run.corrections import summaries  # noqa: PLC0415

    found, wrong = summaries(home() / "rejects")
    settled: dict[str, Any] | None = None
    if arguments.mapping:
        mapping = mapping_of(arguments)
        with client_of() as client:
            settled = Ledger(client, mapping.target, "").retried()
    if found:
        rejects_files(found, settled, out)
    else:
        print(f"no rejected rows are kept in {home() / 'rejects'}", file=out)
    findings(wrong, err)
    return Exit.DONE


def _show(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    from engine.run.corrections import Corrected, explain  # noqa: PLC0415

    mapping = mapping_of(arguments)
    source = Corrected(arguments.file)
    private = private_columns(mapping, source.columns)
    for one in source.rejects():
        print(explain(one, private), file=out)
    return Exit.DONE


def _retry(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """As a run in mode upsert of just these rows; those that are wrong again go to a new file."""
    from engine.run.corrections import Corrected, ranges  # noqa: PLC0415

    mapping = mapping_of(arguments)
    if mapping.identity and not mapping.identity.hash:
        raise UsageError(
            problem("random_id", "with random ObjectIds a row that is retried twice would be there twice", file=arguments.mapping)
        )
    source, origin = Corrected(arguments.file, mapping), ""
    target = replace(mapping.target, mode="upsert")
    arrays = tuple(map(_without_orphans, mapping.arrays))
    paths = replace(mapping.source, paths=(str(arguments.file),))
    upsert = replace(mapping, target=target, limit=Limit(), duplicates=Limit(), source=paths, arrays=arrays)

    def opened(ledger: Any) -> Corrected:
        nonlocal origin
        origin = _origin(ledger, source, mapping) if ledger else ""
        return source

    def settled(report: Any) -> dict[str, Any]:
        left = {one.row for one in Corrected(Path(report.rejects_file)).rejects()} if report.rejects_file else set()
        return {"retry_of": origin, "settled": ranges(set(source.rows) - left)}

    return carry_out([Task(upsert, opened, settled, resumes=False)], arguments, out, err)


def _without_orphans(array: Array) -> Array:
    """An array, most of whose rows belong to documents that were loaded before, if they are another source's."""
    return replace(array, origin=replace(array.origin, orphans="ignore")) if isinstance(array.origin, Child) else array


def _origin(ledger: Any, source: Any, mapping: Mapping) -> str:
    """The run that rejected the rows first. Raises DataError where its documents are not live, so that these rows do not belong there."""
    found = ledger.find(source.run)
    origin = found.get("retry_of", source.run)
    if ledger.find(origin).get("outcome") != "published":
        message = f"run {origin} is not in the ledger of {mapping.target.database}, or was not published"
        raise DataError(problem("not_published", message, hint="correct the source and run again"))
    newer = ledger.newest_load()
    if mapping.target.mode in ("replace", "sync") and newer != origin:
        message = f"run {newer} has replaced the documents of run {origin} since"
        raise DataError(problem("superseded", message, hint="retry the rows that the newer run rejected"))
    return str(origin)
