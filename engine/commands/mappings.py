"""The verbs that write nothing to a server: check, preview, schema."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TextIO, cast

from engine.commands.common import Arguments, mapping_of
from engine.errors import Exit, TargetError, UsageError, problem
from engine.model import Mapping
from engine.profiles import PROFILES


def check(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """Every problem of the mapping, its tests, and what a source's header says against it."""
    from engine.display import findings  # noqa: PLC0415
    from engine.examples import failures, unmissed  # noqa: PLC0415

    mapping = mapping_of(arguments)
    found = failures(mapping)
    notes: tuple[str, ...] = ()
    if arguments.source:
        from engine.plan import compile_plan  # noqa: PLC0415
        from engine.sources import open_source  # noqa: PLC0415

        notes = compile_plan(mapping, open_source(mapping.source).columns, now=datetime.now(UTC).replace(tzinfo=None)).warnings
    findings(found, err)
    for note in notes:
        print(f"note: {note}", file=out)
    if found:
        return Exit.USAGE
    print(f"{arguments.mapping}: {len(mapping.fields)} fields, {len(mapping.rules)} rules, {len(mapping.tests)} tests passed", file=out)
    for advice in unmissed(mapping):
        print(f"advice: {advice}", file=out)
    return Exit.DONE


def preview(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    """The first documents and rejects; values of private fields are masked."""
    from engine.preview import preview as lines  # noqa: PLC0415
    from engine.sources import open_source  # noqa: PLC0415

    mapping = mapping_of(arguments)
    source = open_source(mapping.source)
    if arguments.row:
        return _trace(mapping, source, arguments.row, out)
    for line in lines(mapping, source, arguments.rows):
        print(line, file=out)
    return Exit.DONE


def _trace(mapping: Mapping, source: Any, row: int, out: TextIO) -> int:
    """One row's way, with the verdicts of the server that a run would use; where none answers, the lines say so."""
    from engine.server import server  # noqa: PLC0415
    from engine.sinks.mongo import connect  # noqa: PLC0415
    from engine.sinks.probe import matches, server_profile  # noqa: PLC0415
    from engine.tracing import Ask, trace  # noqa: PLC0415
    from engine.validators import profile_of  # noqa: PLC0415

    with ExitStack() as stack:
        profile, ask = profile_of(mapping), cast("Ask | None", None)
        try:
            address = stack.enter_context(server())
            client = stack.enter_context(connect(address.uri, address.password))
            found = server_profile(client)
            ask = partial(matches, client) if found.judges else None
            profile = profile if mapping.target.profile else found
        except TargetError as error:
            print(f"note: no server was asked: {error.findings[0].message}", file=out)
        for line in trace(mapping, source, row, profile, ask):
            print(line, file=out)
    return Exit.DONE


def schema(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """The collection's validator, to its file; who enforces which rule, to the terminal."""
    from engine.validators import enforcement, profile_of, to_json, told  # noqa: PLC0415

    mapping = mapping_of(arguments)
    profile = PROFILES[arguments.profile] if arguments.profile else profile_of(mapping)
    text = to_json(mapping, profile)
    path = Path(arguments.output or f"schemas/{mapping.name}.validator.json")
    if str(path) == "-":
        out.write(text)
    else:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(problem("unwritable", f"cannot write {path}: {error.strerror}")) from None
        print(f"wrote {path}", file=err)
    print(f"enforced on {profile.name}:", file=err)
    for line in told(enforcement(mapping, profile)):
        print(f"  {line}", file=err)
    for index in mapping.indexes:
        if wrong := profile.index_problem(index.keys, index.options):
            print(f"  index {index.name}: not possible, {profile.name} {wrong}", file=err)
    return Exit.DONE
