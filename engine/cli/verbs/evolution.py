"""The verbs of schema evolution: `plan` says what a changed mapping means, `apply` does it on the live collection."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any, TextIO

from engine.cli.verbs.common import Arguments, mappings_of
from engine.errors import Exit, UsageError, problem
from engine.mapping.model import Mapping


def plan(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    """What the mapping would change, on the server or, of two mappings, in itself; of several collections, the greatest exit code."""
    from engine.cli.display_evolution import show_plan  # noqa: PLC0415

    planned = _planned(arguments)
    code: int = max(found.exit_code for _, _, found in planned)
    if arguments.data and len(planned) > 1:
        raise UsageError(problem("several_collections", "--data is for one collection", hint="name it with --collection"))
    data = [_differing(old, new, arguments.data) if arguments.data else None for old, new, _ in planned]
    if arguments.json:
        _print([found.as_json() | ({"data": asdict(one)} if one else {}) for (_, _, found), one in zip(planned, data, strict=True)], out)
        return code
    for number, ((_, new, found), one) in enumerate(zip(planned, data, strict=True)):
        print(end="\n" if number else "", file=out)
        show_plan(found, _title(arguments, new, several=len(planned) > 1), one.lines if one else (), out)
    return code


def _print(plain: list[dict[str, Any]], out: TextIO) -> None:
    """As JSON; of several collections the list of theirs, under `collections`."""
    print(json.dumps(plain[0] if len(plain) == 1 else {"collections": plain}, indent=2, ensure_ascii=False), file=out)


def _title(arguments: Arguments, new: Mapping, *, several: bool) -> str:
    files = " → ".join(arguments.files) + (f", collection {new.target.collection}" if several else "")
    return files if arguments.files else f"{arguments.mapping} → {new.target.database}.{new.target.collection}"


def _planned(arguments: Arguments) -> list[tuple[Mapping, Mapping, Any]]:
    """The old mapping, the new one and the plan of each collection."""
    if bool(arguments.files) == bool(arguments.mapping) or len(arguments.files) not in (0, 2):
        hint = "engine plan --mapping FILE, or engine plan OLD NEW without a server"
        raise UsageError(problem("usage", "plan compares a mapping with the live collection, or two mappings", hint=hint))
    if arguments.files:
        from engine.evolution.planning import compared  # noqa: PLC0415

        return [(old, new, compared(old, new)) for old, new in _both(arguments)]
    from engine.apply.inspect import look  # noqa: PLC0415

    with ExitStack() as stack:
        mappings = mappings_of(arguments)
        client, named = _client(stack)
        found = [(new, *look(client, new, named(new))) for new in mappings]
    return [(live.old, new, one) for new, live, one in found]


def _both(arguments: Arguments) -> list[tuple[Mapping, Mapping]]:
    """The two mappings of each collection. Two files of one collection each are about the same one, whatever they call it."""
    old, new = (mappings_of(Arguments(mapping=file, collection=arguments.collection)) for file in arguments.files)
    if len(old) == len(new) == 1:
        return [(old[0], new[0])]
    before = {one.target.collection: one for one in old}
    after = {one.target.collection: one for one in new}
    if apart := before.keys() ^ after.keys():
        message = f"only one of the two mappings has the collection {min(apart)}"
        raise UsageError(problem("unknown_collection", message, hint="name one that both have with --collection"))
    return [(before[name], one) for name, one in after.items()]


def _differing(old: Mapping, new: Mapping, path: str) -> Any:
    from engine.apply.data import differing  # noqa: PLC0415

    return differing(old, new, path)


def _client(stack: ExitStack) -> tuple[Any, Any]:
    """A client, and what gives the profile of a mapping's target."""
    from engine.mapping.profiles import PROFILES  # noqa: PLC0415
    from engine.mongo.connection import connect  # noqa: PLC0415
    from engine.mongo.probe import server_profile  # noqa: PLC0415
    from engine.mongo.server import server  # noqa: PLC0415

    address = stack.enter_context(server())
    client = stack.enter_context(connect(address.uri, address.password))
    return client, lambda mapping: PROFILES.get(mapping.target.profile or "") or server_profile(client)


def apply(arguments: Arguments, out: TextIO, err: TextIO) -> int:
    """Bring the live collections in line with the mapping, one after the other."""
    from engine.apply.task import Task, suitable  # noqa: PLC0415
    from engine.cli.display_evolution import progress  # noqa: PLC0415
    from engine.run.running import new_run_id  # noqa: PLC0415

    mappings = mappings_of(arguments)
    _check_codes(arguments.allow)
    with ExitStack() as stack:
        client, named = _client(stack)
        tasks = [Task(client, named(one), one, frozenset(arguments.allow), new_run_id()) for one in mappings]
        for task in tasks:
            suitable(client, task.profile)
        ways = [task.way() for task in tasks] if arguments.dry_run or len(tasks) > 1 else []  # none begins where one may not
        if arguments.dry_run:
            _show_ways(ways, mappings, out)
            return Exit.DONE
        show = stack.enter_context(progress(err, quiet=arguments.quiet))
        done = [task.carry_out(show) for task in tasks]
    _show_done(arguments, mappings, done, out)
    return Exit.DONE


def _show_ways(ways: list[Any], mappings: Sequence[Mapping], out: TextIO) -> None:
    from engine.cli.display_evolution import show_steps  # noqa: PLC0415
    from engine.evolution.steps import printed  # noqa: PLC0415

    for mapping, way in zip(mappings, ways, strict=True):
        if len(ways) > 1:
            print(f"// collection {mapping.target.collection}", file=out)
        show_steps(printed(way) if way else (), out)


def _show_done(arguments: Arguments, mappings: Sequence[Mapping], done: list[Any], out: TextIO) -> None:
    from engine.cli.display_evolution import show_applied  # noqa: PLC0415

    if arguments.json:
        _print([asdict(one) for one in done], out)
    for mapping, one in zip(mappings, done, strict=True) if not (arguments.json or arguments.quiet) else ():
        if len(done) > 1:
            print(f"collection {mapping.target.collection}", file=out)
        show_applied(one, out)


def _check_codes(allowed: list[str]) -> None:
    from engine.evolution import KINDS  # noqa: PLC0415

    if unknown := [code for code in allowed if code not in KINDS]:
        raise UsageError(problem("unknown_code", f"there is no change {unknown[0]}", hint="engine plan names the codes"))
