"""The verbs that look back: which runs there were, and whether the live collection is what the last one left."""

from __future__ import annotations

import json
from typing import Any, TextIO

from engine.cli.verbs.common import Arguments, client_of, mappings_of
from engine.errors import DataError, Exit, Finding, problem
from engine.mapping.model import Mapping


def runs(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    """The runs of the mapping's database, the newest first."""
    from engine.cli.display import history  # noqa: PLC0415
    from engine.mongo.ledger import Ledger  # noqa: PLC0415

    mapping, *_ = mappings_of(arguments)
    with client_of() as client:
        found = Ledger(client, mapping.target, "").runs(arguments.rows)
    if arguments.json:
        print(json.dumps(found, indent=2, ensure_ascii=False, default=str), file=out)
    else:
        history(found, out)
    return Exit.DONE


def verify(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    """Compare the live collections with what their last published runs left."""
    wrong: list[Finding] = []
    with client_of() as client:
        for mapping in mappings_of(arguments):
            wrong += _verify(mapping, client, out)
    if wrong:
        raise DataError(wrong)
    return Exit.DONE


def _verify(mapping: Mapping, client: Any, out: TextIO) -> list[Finding]:
    from engine.mongo.connection import translated  # noqa: PLC0415
    from engine.mongo.ledger import Ledger  # noqa: PLC0415
    from engine.mongo.state import differences, read, state  # noqa: PLC0415

    name = f"{mapping.target.database}.{mapping.target.collection}"
    ledger = Ledger(client, mapping.target, "")
    last = ledger.last_published()
    if last is None:
        return [problem("never_published", f"the ledger has no published run of {name}", hint="engine run")]
    live = client[mapping.target.database][mapping.target.collection]
    with translated():
        found = state(live, read(live))
    run, recorded = last
    if wrong := differences(recorded, found):
        hint = _why(ledger.unfinished_since(run))
        return [problem("differs", f"{name}, run {run}: {line}", hint=hint) for line in wrong]
    said = f"{found.count:,} documents, checksum {found.checksum}, validator, {len(found.indexes)} indexes"
    print(f"{name} is as run {run} left it: {said}", file=out)
    return []


def _why(unfinished: dict[str, Any]) -> str:
    """Who has changed the collection, and what to do."""
    if not unfinished:
        return "something else has changed the collection since; run again to bring it in line"
    if unfinished.get("kind") == "apply":
        return f"the apply {unfinished['_id']} was not finished; engine apply again"
    return f"run {unfinished['_id']} has written to it since and was not finished; run again to bring it to its end"
