"""The verbs about past runs: list them, and compare the live collection with what the last one recorded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TextIO

from engine.apply.asides import read_asides
from engine.apply.recorded import restored
from engine.cli.console import print_lines
from engine.cli.display import history as show_runs
from engine.cli.display_evolution import show_plan
from engine.cli.display_history import show_history, shown
from engine.cli.verbs.common import Arguments, client_of, mappings_of
from engine.errors import DataError, Exit, Finding, UsageError, counted, finding
from engine.evolution.planning import compared
from engine.mapping.model import Mapping
from engine.mongo.connection import Client, server_time, translated
from engine.mongo.expiry import Schedule
from engine.mongo.ledger import Ledger
from engine.mongo.records import Kind, RunRecord
from engine.mongo.state import content_of, differences, state_of, without_due


def runs(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    """The runs of the mapping's database, the newest first."""
    mapping, *_ = mappings_of(arguments)
    with client_of("runs", [mapping], arguments.wait) as client:
        found = Ledger(client, mapping.target).runs(arguments.rows)
    if arguments.json:
        _print([record.as_document() for record in found], out)
    else:
        show_runs(found, out)
    return Exit.DONE


def history(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    """One of list, show, diff, mapping: what the mapping's collections went through."""
    wanted = {"list": 0, "show": 1, "diff": 2, "mapping": 1}[arguments.action]
    if len(arguments.runs) != wanted:
        message = f"engine history {arguments.action} takes {counted(wanted, 'run')}"
        raise UsageError(finding("usage", message, hint="engine history lists the runs"))
    mappings = mappings_of(arguments)
    with client_of("history", mappings, arguments.wait) as client:
        if arguments.action == "list":
            found = Ledger(client, mappings[0].target).runs(arguments.rows, [mapping.target.collection for mapping in mappings])
        else:
            found = [_found(client, mappings, run) for run in arguments.runs]
    {"list": _list, "show": _show, "diff": _diff, "mapping": _mapping}[arguments.action](found, out, plain=arguments.json)
    return Exit.DONE


def _found(client: Client, mappings: Sequence[Mapping], run: str) -> RunRecord:
    for mapping in mappings:
        if record := Ledger(client, mapping.target).find(run):
            return record
    names = ", ".join(mapping.target.collection for mapping in mappings)
    raise DataError(finding("unknown_run", f"the ledger has no run {run} of {names}", hint="engine history lists the runs"))


def _list(found: Sequence[RunRecord], out: TextIO, *, plain: bool) -> None:
    if plain:
        _print([record.as_document() for record in found], out)
    else:
        show_history(found, out)


def _show(found: Sequence[RunRecord], out: TextIO, *, plain: bool) -> None:
    if plain:
        _print(found[0].as_document(), out)
    print_lines(shown(found[0]) if not plain else (), out)


def _diff(found: Sequence[RunRecord], out: TextIO, *, plain: bool) -> None:
    old, new = found
    if old.collection != new.collection:
        message = f"run {old.run_id} is of {old.collection}, run {new.run_id} of {new.collection}"
        raise UsageError(finding("usage", message, hint="name two runs of one collection"))
    changes = compared(restored(old), restored(new))
    if plain:
        _print(changes.as_json(), out)
    else:
        show_plan(changes, f"run {old.run_id} → run {new.run_id}", (), out)


def _mapping(found: Sequence[RunRecord], out: TextIO, *, plain: bool) -> None:
    """The text that the user wrote; not JSON in any case."""
    text = found[0].details.get("mapping_text")
    if plain or not text:
        message = f"run {found[0].run_id} has no recorded mapping text" if not text else "engine history mapping prints YAML, and no JSON"
        raise UsageError(finding("usage", message, hint="engine history show has what is recorded"))
    print(text, end="", file=out)


def _print(plain: Any, out: TextIO) -> None:
    print(json.dumps(plain, indent=2, ensure_ascii=False, default=str), file=out)


def verify(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    """Compare the live collections with what their last published runs recorded. Raises DataError where they differ."""
    wrong: list[Finding] = []
    mappings = mappings_of(arguments)
    with client_of("verify", mappings, arguments.wait) as client:
        for mapping in mappings:
            wrong += _verify(mapping, client, out)
    if wrong:
        raise DataError(wrong)
    return Exit.DONE


def _verify(mapping: Mapping, client: Client, out: TextIO) -> list[Finding]:
    name = f"{mapping.target.database}.{mapping.target.collection}"
    ledger = Ledger(client, mapping.target)
    last = ledger.last_published()
    if last is None:
        return [finding("never_published", f"the ledger has no published run of {name}", hint="load it with engine run")]
    live = client[mapping.target.database][mapping.target.collection]
    run, recorded = last
    schedule = Schedule(recorded.schedule.rules, recorded.schedule.width) if recorded.schedule else Schedule(())
    with translated():
        found = state_of(live, content_of(live, schedule=schedule))
        recorded, found, expired = without_due(recorded, found, schedule, server_time(client))
        asides = read_asides(client, mapping.target)
    since = differences(recorded, found, _applied(ledger, mapping))
    for line in since.others:
        print(f"{name}, not the mapping's: {line}", file=out)
    for kept in asides:
        print(f"{name}, not in the collection: {kept.told}", file=out)
    if since.wrong:
        hint = _why(ledger.unfinished_since(run))
        return [finding("differs", f"{name}, run {run}: {line}", hint=hint) for line in since.wrong]
    if recorded.schedule:
        print(f"{name}: documents that a TTL index deletes by now are not compared; {max(0, expired):,} of them are gone", file=out)
    summary = f"{counted(found.count, 'document')}, checksum {found.checksum}, validator, {len(found.indexes)} indexes"
    print(f"{name} is as run {run} left it: {summary}", file=out)
    return []


def _applied(ledger: Ledger, mapping: Mapping) -> Mapping:
    """The mapping that made the collection; this one where that cannot be read any more."""
    try:
        record = ledger.applied()
        return restored(record) if record else mapping
    except DataError:
        return mapping


def _why(unfinished: RunRecord | None) -> str:
    """What has changed the collection, and what to do about it."""
    if unfinished is None:
        return "something else has changed the collection since that run; run again to bring it in line"
    if unfinished.kind is Kind.APPLY:
        return f"apply {unfinished.run_id} was not finished; run engine apply again"
    return f"run {unfinished.run_id} has written to the collection since and was not finished; run again to complete it"
