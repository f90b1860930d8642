"""The account that the engine uses: who it is, what it may do, and whether that is enough for a command, asked before its first change."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pymongo import MongoClient

from engine.errors import Finding, TargetError, finding
from engine.mapping.model import Mapping
from engine.mongo.connection import translated
from engine.mongo.ledgerplace import ledger_database
from engine.mongo.privileges import EVERY, Privilege, Task, by_resource, privileges
from engine.mongo.probe import server_profile


@dataclass(frozen=True)
class Account:
    """`name` is `user@database`, empty where nobody logged in; `granted` are privileges as `connectionStatus` lists them."""

    name: str
    granted: tuple[dict[str, Any], ...] = ()

    def may(self, wanted: Privilege) -> bool:
        """Whether one of the privileges allows this."""
        return any(wanted.action in one["actions"] and _covers(one["resource"], wanted) for one in self.granted)


def _covers(resource: dict[str, Any], wanted: Privilege) -> bool:
    """Whether a resource holds this collection; an empty name stands for all (MongoDB manual, "Resource Document")."""
    if resource.get("anyResource"):
        return True
    return resource.get("db") in ("", wanted.database) and resource.get("collection") in (EVERY, wanted.collection)


def account(client: MongoClient[Any]) -> Account:
    """Who is logged in, and what they may do. Raises TargetError."""
    with translated():
        found = client.admin.command("connectionStatus", showPrivileges=True)["authInfo"]
    names = [f"{user['user']}@{user['db']}" for user in found["authenticatedUsers"]]
    return Account(", ".join(names), tuple(found.get("authenticatedUserPrivileges", ())))


def require_privileges(client: MongoClient[Any], wanted: Iterable[tuple[Task, Mapping]]) -> None:
    """Raises TargetError where the account lacks an action that one of the commands needs at its mapping's target.

    Nothing is asked where nobody has logged in: such a server has no accounts, or refuses the next command.
    """
    if not server_profile(client).lists_privileges:
        return
    who = account(client)
    lacking: dict[str, set[Privilege]] = {}
    for row, mapping in wanted if who.name else ():
        target = mapping.target
        needed = privileges(row, target.database, target.collection, ledger_database(target.database))
        lacking.setdefault(str(row), set()).update(one for one in needed if not who.may(one))
    found = [_lacks(command, who.name, *resource) for command, missing in lacking.items() for resource in by_resource(missing)]
    if found:
        raise TargetError(found)


def _lacks(command: str, who: str, database: str, collection: str, actions: list[str]) -> Finding:
    where = f"{database}.{collection}" if collection else f"all collections of {database}"
    message = f"{command} needs {', '.join(actions)} on {where}, which the account {who} may not do; nothing was done"
    resource = f"{{resource: {{db: {json.dumps(database)}, collection: {json.dumps(collection)}}}, actions: {json.dumps(actions)}}}"
    hint = f"in mongosh, on a role of the account: db.grantPrivilegesToRole(ROLE, [{resource}]); see docs/privileges.md"
    return finding("not_authorized", message, hint=hint)
