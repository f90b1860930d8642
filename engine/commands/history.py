"""The verbs that look back: which runs there were, and whether the live collection is what the last one left."""

from __future__ import annotations

import json
from typing import TextIO

from engine.commands.common import Arguments, client_of, mapping_of
from engine.errors import DataError, Exit, problem


def runs(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    """The runs of the mapping's database, the newest first."""
    from engine.display import history  # noqa: PLC0415
    from engine.sinks.ledger import Ledger  # noqa: PLC0415

    mapping = mapping_of(arguments)
    with client_of() as client:
        found = Ledger(client, mapping.target, "").runs(arguments.rows)
    if arguments.json:
        print(json.dumps(found, indent=2, ensure_ascii=False, default=str), file=out)
    else:
        history(found, out)
    return Exit.DONE


def verify(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    """Compare the live collection with what its last published run left."""
    from engine.sinks.ledger import Ledger  # noqa: PLC0415
    from engine.sinks.mongo import translated  # noqa: PLC0415
    from engine.sinks.state import differences, read, state  # noqa: PLC0415

    mapping = mapping_of(arguments)
    name = f"{mapping.target.database}.{mapping.target.collection}"
    with client_of() as client:
        last = Ledger(client, mapping.target, "").last_published()
        if last is None:
            raise DataError(problem("never_published", f"the ledger has no published run of {name}", hint="engine run"))
        live = client[mapping.target.database][mapping.target.collection]
        with translated():
            found = state(live, read(live))
    run, recorded = last
    if wrong := differences(recorded, found):
        hint = "something else has changed the collection since; run again to bring it in line"
        raise DataError([problem("differs", f"{name}, run {run}: {line}", hint=hint) for line in wrong])
    print(
        f"{name} is as run {run} left it: {found.count:,} documents, checksum {found.checksum}, validator, {len(found.indexes)} indexes",
        file=out,
    )
    return Exit.DONE
