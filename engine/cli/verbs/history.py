"""The verbs about past runs: list them, and compare the live collection with what the last one recorded."""

from __future__ import annotations

import json
from typing import TextIO

from engine.apply.asides import read_asides
from engine.apply.recorded import restored
from engine.cli.display import history
from engine.cli.verbs.common import Arguments, client_of, mappings_of
from engine.errors import DataError, Exit, Finding, counted, finding
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
        print(json.dumps([record.as_document() for record in found], indent=2, ensure_ascii=False, default=str), file=out)
    else:
        history(found, out)
    return Exit.DONE


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
