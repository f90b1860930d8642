"""The verb `set-aside`: list what applies have set aside, explain it, bring it back, or drop it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TextIO

from engine.apply.asidetasks import CODE, AsideTask
from engine.apply.explained import explained, listed
from engine.cli.console import print_lines
from engine.cli.display_setaside import explained_lines, restored_lines, set_asides
from engine.cli.verbs.common import Arguments, client_of, mapping_of, mappings_of, profile_of
from engine.errors import DataError, Exit, UsageError, counted, finding
from engine.evolution.approvals import approvals, forbidden
from engine.mongo.connection import Client
from engine.mongo.runids import new_run_id


def set_aside(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    """One of list, show, restore, drop."""
    return {"list": _list, "show": _show, "restore": _restore, "drop": _drop}[arguments.action](arguments, out)


def _print(plain: Any, out: TextIO) -> None:
    print(json.dumps(plain, indent=2, ensure_ascii=False), file=out)


def _list(arguments: Arguments, out: TextIO) -> int:
    mappings = mappings_of(arguments)
    with client_of("set-aside list", mappings, arguments.wait) as client:
        found = {mapping.target.collection: listed(client, mapping, profile_of(client, mapping)) for mapping in mappings}
    if arguments.json:
        _print([kept.as_json() for each in found.values() for kept in each], out)
    elif any(found.values()):
        set_asides([kept for each in found.values() for kept in each], out)
    else:
        print(f"nothing of {', '.join(found)} is set aside", file=out)
    return Exit.DONE


def _show(arguments: Arguments, out: TextIO) -> int:
    mapping = mapping_of(arguments)
    with client_of("set-aside show", [mapping], arguments.wait) as client:
        profile = profile_of(client, mapping)
        (kept,) = listed(client, mapping, profile, (arguments.run,))
        found = explained(client, mapping, profile, kept, arguments.rows)
    if arguments.json:
        _print(found.as_json(), out)
    print_lines(explained_lines(found, arguments.rows) if not arguments.json else (), out)
    return Exit.DONE


def _task(client: Client, arguments: Arguments, runs: Sequence[str]) -> AsideTask:
    mapping = mapping_of(arguments)
    return AsideTask(client, profile_of(client, mapping), mapping, tuple(runs), new_run_id(), arguments.reason, arguments.wait)


def _restore(arguments: Arguments, out: TextIO) -> int:
    if bool(arguments.runs) == arguments.all:
        raise UsageError(finding("usage", "engine set-aside restore takes runs, or --all", hint="engine set-aside list shows the runs"))
    with client_of("set-aside restore", [mapping_of(arguments)], arguments.wait) as client:
        done = _task(client, arguments, arguments.runs).restore(arguments.limit)
    if arguments.json:
        _print(asdict(done), out)
    print_lines(restored_lines(done) if not arguments.json else (), out)
    return Exit.DONE


def _drop(arguments: Arguments, out: TextIO) -> int:
    allowed = approvals(arguments.allow, (CODE,))
    with client_of("set-aside drop", [mapping_of(arguments)], arguments.wait) as client:
        task = _task(client, arguments, arguments.runs)
        losses = task.losses()
        if refused := forbidden(losses, allowed, counted=True):
            raise DataError(refused)
        gone = task.drop(losses)
    print_lines([f"DROPPED  {counted(gone, 'document')} that had been set aside; run {task.run_id}"], out)
    return Exit.DONE
