"""The verbs that write nothing to a server: check, preview, schema."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TextIO

from engine.cli.display import findings
from engine.cli.verbs.common import Arguments, mapping_of, mappings_of, write_file
from engine.documents.validators import as_lines, enforcement, profile_of, to_json
from engine.errors import Exit, TargetError, counted
from engine.mapping.model import Mapping
from engine.mapping.profiles import PROFILES, ServerProfile
from engine.mongo.accounts import require_privileges
from engine.mongo.connection import connect
from engine.mongo.privileges import task_of
from engine.mongo.probe import matches, server_profile
from engine.mongo.server import server
from engine.plan import compile_plan
from engine.preview.documents import preview as lines
from engine.preview.examples import failures, untested_checks
from engine.preview.tracing import Ask, trace
from engine.sources import RowReader, open_source
from engine.sources.secondary import SecondarySource, read_secondary_sources


def check(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """Show every problem in the mapping, the result of its tests and, with `--source`, what does not match that file's header."""
    return max(_check(mapping, arguments, out, err) for mapping in mappings_of(arguments))


def _check(mapping: Mapping, arguments: Arguments, out: TextIO, err: TextIO) -> int:
    found = failures(mapping)
    notes: tuple[str, ...] = ()
    if arguments.source:
        tables, source = _opened(mapping)
        notes = compile_plan(mapping, source.columns, now=datetime.now(UTC).replace(tzinfo=None), tables=tables).warnings
    for note in notes:
        print(f"note: {note}", file=out)
    if found:
        findings(found, err)
        return Exit.USAGE
    counts = {"field": mapping.fields, "array": mapping.arrays, "lookup": mapping.lookups, "rule": mapping.rules}
    said = ", ".join(counted(len(some), name) for name, some in counts.items() if some or name in ("field", "rule"))
    print(f"{arguments.mapping}{_of(mapping)}: {said}, {counted(len(mapping.tests), 'test')} passed", file=out)
    for advice in untested_checks(mapping):
        print(f"advice: {advice}", file=out)
    return Exit.DONE


def _of(mapping: Mapping) -> str:
    """The name of the collection, where the file has several: their mappings are named after them."""
    return f" {mapping.target.collection}" if "." in mapping.name else ""


def _opened(mapping: Mapping) -> tuple[dict[str, SecondarySource], RowReader]:
    """The tables that its arrays and lookups read, and its own source."""
    return read_secondary_sources(mapping, open_source(mapping.source))


def preview(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    """Show the first documents and rejects; values of private fields are masked."""
    if arguments.row:
        mapping = mapping_of(arguments)
        tables, source = _opened(mapping)
        return _trace(mapping, source, tables, arguments.row, out)
    for mapping in mappings_of(arguments):
        if name := _of(mapping):
            print(f"collection{name}", file=out)
        tables, source = _opened(mapping)
        for line in lines(mapping, source, arguments.rows, tables):
            print(line, file=out)
    return Exit.DONE


def _trace(mapping: Mapping, source: RowReader, tables: dict[str, SecondarySource], row: int, out: TextIO) -> int:
    """Trace one row, with the verdicts of the server that a run would use; where none answers, the output says so."""
    with ExitStack() as stack:
        profile: ServerProfile = profile_of(mapping)
        ask: Ask | None = None
        try:
            address = stack.enter_context(server())
            client = stack.enter_context(connect(address))
            found = server_profile(client)
            profile = profile if mapping.target.profile else found
            require_privileges(client, [(task_of("preview"), mapping)])
            ask = partial(matches, client, mapping.target.database) if found.matches_unstored else None
        except TargetError as error:
            print(f"note: no server was asked: {error.findings[0].message}", file=out)
        for line in trace(mapping, source, row, profile, ask, tables=tables):
            print(line, file=out)
    return Exit.DONE


def schema(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """Write the collection's validator to its file; show on the terminal who enforces each rule."""
    for mapping in mappings_of(arguments) if not arguments.output else [mapping_of(arguments)]:
        _schema(mapping, arguments, out, err)
    return Exit.DONE


def _schema(mapping: Mapping, arguments: Arguments, out: TextIO, err: TextIO) -> None:
    profile = PROFILES[arguments.profile] if arguments.profile else profile_of(mapping)
    text = to_json(mapping, profile)
    path = Path(arguments.output or f"schemas/{mapping.name}.validator.json")
    if str(path) == "-":
        out.write(text)
    else:
        write_file(path, text)
        print(f"wrote {path}", file=err)
    print(f"enforced on {profile.name}:", file=err)
    for line in as_lines(enforcement(mapping, profile)):
        print(f"  {line}", file=err)
    for index in mapping.indexes:
        if wrong := profile.index_problem(index.keys, index.options):
            print(f"  index {index.name}: not possible, {profile.name} {wrong}", file=err)
