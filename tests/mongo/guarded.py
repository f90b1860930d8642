"""A mongod that asks for a login, the accounts that the project ships, and accounts with just some privileges."""

import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faults.servers import Mongod, running
from pymongo import MongoClient

from engine.mongo.privileges import Privilege, by_resource

PASSWORD = "test-only"
SHIPPED = json.loads((Path(__file__).parents[2] / "deploy" / "roles.json").read_text(encoding="utf-8"))


class Guarded:
    """The server; `root` may do everything. Accounts are made in `admin`, each with roles of its own."""

    def __init__(self, server: Mongod) -> None:
        self._server = server
        server.client.admin.command("createUser", "root", pwd=PASSWORD, roles=["root"])
        self.root: MongoClient[dict[str, Any]] = MongoClient(self.uri("root"))

    def uri(self, account: str) -> str:
        return f"mongodb://{account}:{PASSWORD}@127.0.0.1:{self._server.port}/?directConnection=true&authSource=admin"

    def account(self, roles: list[dict[str, str]]) -> str:
        """A new account with these roles; returns its address."""
        name = f"account_{secrets.token_hex(4)}"
        self.root.admin.command("createUser", name, pwd=PASSWORD, roles=roles)
        return self.uri(name)

    def with_privileges(self, privileges: Iterable[Privilege]) -> str:
        """An account that may do this and nothing else; returns its address."""
        name = f"role_{secrets.token_hex(4)}"
        self.root.admin.command("createRole", name, privileges=granted(privileges), roles=[])
        return self.account([{"role": name, "db": "admin"}])

    def shipped(self, account: str, database: str, ledger: str = "") -> str:
        """An account with the roles of deploy/roles.json, as deploy/accounts.js makes it; returns its address."""
        self._roles(database)
        roles = [{"role": role, "db": database} for role in SHIPPED["accounts"][account]["data"]]
        if ledger:
            self._roles(ledger)
            roles += [{"role": role, "db": ledger} for role in SHIPPED["accounts"][account]["ledger"]]
        return self.account(roles)

    def _roles(self, database: str) -> None:
        for role, resources in SHIPPED["roles"].items():
            if not self.root[database].command("rolesInfo", role)["roles"]:
                privileges = [Privilege(database, name, action) for name, actions in resources.items() for action in actions]
                self.root[database].command("createRole", role, privileges=granted(privileges), roles=[])


def granted(privileges: Iterable[Privilege]) -> list[dict[str, Any]]:
    """As the server takes them, and as it lists them."""
    return [{"resource": {"db": db, "collection": one}, "actions": actions} for db, one, actions in by_resource(privileges)]


@contextmanager
def guarded(folder: Path) -> Iterator[Guarded]:
    """A server with authentication, gone with its data after the context."""
    key = folder / "keyfile"
    key.write_text(secrets.token_hex(32), encoding="utf-8")
    key.chmod(0o600)
    with running(folder, "--keyFile", str(key)) as server:
        found = Guarded(server)
        yield found
        found.root.close()
