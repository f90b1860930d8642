"""The verbs that write nothing to a server: check, preview, schema."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TextIO, cast

from engine.cli.verbs.common import Arguments, mapping_of, mappings_of
from engine.errors import Exit, TargetError, UsageError, problem
from engine.mapping.model import Mapping
from engine.mapping.profiles import PROFILES


def check(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """Every problem of the mapping, its tests, and what a source's header says against it."""
    return max(_check(mapping, arguments, out, err) for mapping in mappings_of(arguments))


def _check(mapping: Mapping, arguments: Arguments, out: TextIO, err: TextIO) -> int:
    from engine.preview.examples import failures, unmissed  # noqa: PLC0415

    found = failures(mapping)
    notes: tuple[str, ...] = ()
    if arguments.source:
        from engine.plan import compile_plan  # noqa: PLC0415

        tables, source = _opened(mapping)
        notes = compile_plan(mapping, source.columns, now=datetime.now(UTC).replace(tzinfo=None), tables=tables).warnings
    for note in notes:
        print(f"note: {note}", file=out)
    if found:
        from engine.cli.display import findings  # noqa: PLC0415 -- the terminal library costs a tenth of a second

        findings(found, err)
        return Exit.USAGE
    counts = {"fields": mapping.fields, "arrays": mapping.arrays, "lookups": mapping.lookups, "rules": mapping.rules}
    said = ", ".join(f"{len(some)} {name}" for name, some in counts.items() if some or name in ("fields", "rules"))
    print(f"{arguments.mapping}{_of(mapping)}: {said}, {len(mapping.tests)} tests passed", file=out)
    for advice in unmissed(mapping):
        print(f"advice: {advice}", file=out)
    return Exit.DONE


def _of(mapping: Mapping) -> str:
    """Which collection it is about, where the file has several: their mappings are named after them."""
    return f" {mapping.target.collection}" if "." in mapping.name else ""


def _opened(mapping: Mapping) -> tuple[dict[str, Any], Any]:
    """The tables that its arrays and lookups read, and its own source."""
    from engine.sources import open_source  # noqa: PLC0415
    from engine.sources.secondary import read_others  # noqa: PLC0415

    return read_others(mapping, open_source(mapping.source))


def preview(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    """The first documents and rejects; values of private fields are masked."""
    from engine.preview.documents import preview as lines  # noqa: PLC0415

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


def _trace(mapping: Mapping, source: Any, tables: dict[str, Any], row: int, out: TextIO) -> int:
    """One row's way, with the verdicts of the server that a run would use; where none answers, the lines say so."""
    from engine.documents.validators import profile_of  # noqa: PLC0415
    from engine.mongo.connection import connect  # noqa: PLC0415
    from engine.mongo.probe import matches, server_profile  # noqa: PLC0415
    from engine.mongo.server import server  # noqa: PLC0415
    from engine.preview.tracing import Ask, trace  # noqa: PLC0415

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
        for line in trace(mapping, source, row, profile, ask, tables=tables):
            print(line, file=out)
    return Exit.DONE


def schema(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """The collection's validator, to its file; who enforces which rule, to the terminal."""
    for mapping in mappings_of(arguments) if not arguments.output else [mapping_of(arguments)]:
        _schema(mapping, arguments, out, err)
    return Exit.DONE


def _schema(mapping: Mapping, arguments: Arguments, out: TextIO, err: TextIO) -> None:
    from engine.documents.validators import enforcement, profile_of, to_json, told  # noqa: PLC0415

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
