"""Prints what is made from the table of privileges: `deploy/roles.json` and `docs/privileges.md`.

Run `python -m engine.mongo.grants`, or `make docs`.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

from engine.mongo.privileges import ACCOUNTS, TASKS, Place, Task, roles

ROLES_FILE, PAGE_FILE = Path("deploy/roles.json"), Path("docs/privileges.md")

PAGE = """\
# Privileges

This page is printed from the table in `engine/mongo/privileges.py` by `make docs`. The names are those of MongoDB's manual, "Privilege
Actions".

Before a command changes anything, it asks the server what its account may do. If an action is missing, it ends with `not_authorized`; the
message names the command, the actions and the collection. Nothing is asked on a server without accounts, nor on Amazon DocumentDB: there
the server itself refuses. `preview --row` goes on without the server's verdict. `apply --dry-run` needs what `plan` needs. `run --dry-run`
and the commands that are not listed here need no account.

The ledger is in the database of the target, or in the one that `ENGINE_LEDGER_DB` names ([ledger.md](ledger.md)).
"""

ROLES = """\
## The roles that are shipped

`deploy/accounts.js` makes these roles from `deploy/roles.json`, which is printed from the same table. Elsewhere, paste this into mongosh as
an administrator, with your own names of the database and the account:
"""

OTHER_LEDGER = """\
If the ledger has a database of its own, add this role there. An account that only reads the data, and is to use `plan`, `verify` or `runs`,
needs `read` there, too.
"""

MISSING = """\
MongoDB's own role `read` is enough for `plan`, `verify`, `runs`, `rejects list` and `preview`. To add what a newer engine needs:

    db.grantPrivilegesToRole("engine_loader", [{resource: {db: "shop", collection: ""}, actions: ["collStats", "dropIndex"]}])
"""


def roles_text() -> str:
    """The roles and the accounts, as deploy/accounts.js loads them."""
    return json.dumps({"roles": roles(), "accounts": ACCOUNTS}, indent=2) + "\n"


def page_text() -> str:
    """The page as committed."""
    loader, ledger = (_command(name, database) for name, database in (("engine_loader", "shop"), ("engine_ledger", "ops")))
    return "\n".join([PAGE, *_table(), "", ROLES, *loader, "", OTHER_LEDGER, *ledger, "", MISSING]).rstrip() + "\n"


def _table() -> Iterator[str]:
    heads = ["command", *(place.value for place in Place)]
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in TASKS:
        yield f"| {_name(row)} | {' | '.join(_actions(row, place) for place in Place)} |"


def _name(row: Task) -> str:
    return f"`{row.command}`" + (f", mode `{row.mode}`" if row.mode else "")


def _actions(row: Task, place: Place) -> str:
    return ", ".join(f"`{action}`" for action in row.needs.get(place, "").split())


def _command(name: str, database: str) -> Iterator[str]:
    """What makes a role and gives it to the account, as it is typed."""
    yield f"    use {database}"
    yield f'    db.createRole({{role: "{name}", roles: [], privileges: ['
    for collection, actions in roles()[name].items():
        yield f'      {{resource: {{db: "{database}", collection: "{collection}"}},'
        yield from (f"       {line}" for line in textwrap.wrap(f"actions: {json.dumps(actions)}}},", 120))
    yield "    ]})"
    yield f'    db.getSiblingDB("admin").grantRolesToUser("loader", [{{role: "{name}", db: "{database}"}}])'


def main() -> None:
    """Write the files."""
    ROLES_FILE.write_text(roles_text(), encoding="utf-8")
    PAGE_FILE.write_text(page_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
