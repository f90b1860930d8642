"""Every command and mode with the accounts that are shipped, and with exactly the privileges of its row; refusals before any change."""

import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from guarded import Guarded, granted, guarded
from jobs import Ended, command

from engine.mapping.model.targets import Mode
from engine.mongo.accounts import Account
from engine.mongo.grants import page_text, roles_text
from engine.mongo.privileges import EVERY, TASKS, Privilege, Task, privileges, task_of

ROOT = Path(__file__).parents[2]
MAPPING = """
mapping: stays
source: {{path: {folder}/in.csv}}
target: {{database: {database}, collection: stays, mode: {mode}}}
limits: {{rejects: 100%{deletions}}}
fields:
  _id: {{column: id, type: int}}
  {city}: {{column: city{was}}}
  nights: {{column: nights, type: int, minimum: 0{more}}}
indexes:
  {index}: {{keys: {{{city}: 1}}}}
"""
ROWS = "id,city,nights\n1,Bergen,2\n2,Oslo,x\n3,Tromso,9\n5,Bodo,99\n"
OTHERS = "id,city,nights\n1,Bergen,3\n4,Hamar,1\n"  # one changed, one new, one gone
LIFTED = {"sync": ", deletions: 100%", "update": ", unmatched: 100%", "delete": ", deletions: 100%"}
OLD = {"city": "city", "was": "", "more": ", maximum: 50", "index": "by_city"}
NEW = {"city": "town", "was": ", was: city", "more": ", maximum: 5", "index": "by_town"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(tmp_path_factory.mktemp("guarded")) as found:
        yield found


class Stays:
    """A collection that root has loaded, with a rejected row and a document set aside that fits, and the commands as another account."""

    def __init__(self, server: Guarded, folder: Path, use: Callable[[str], None]) -> None:
        self.server, self.folder, self.use = server, folder, use
        self.database, self.aside = f"test_{secrets.token_hex(6)}", ""
        (folder / "in.csv").write_text(ROWS, encoding="utf-8")

    def mapping(self, mode: str = "replace", **form: str) -> Path:
        file = self.folder / "stays.yaml"
        deletions = LIFTED.get(mode, "")
        text = MAPPING.format(folder=self.folder, database=self.database, mode=mode, deletions=deletions, **OLD | form)
        file.write_text(text, encoding="utf-8")
        return file

    def loaded(self) -> "Stays":
        self.use(self.server.uri("root"))
        assert command("run", "-m", self.mapping(more="")).code == 0
        assert command("apply", "-m", self.mapping(), "--allow", "E111").code == 0
        self.aside = self.server.root[self.database]["_engine_runs"].find_one({"kind": "apply"})["_id"]
        self.server.root[self.database][f"stays__set_aside_{self.aside}"].update_one({}, {"$set": {"nights": 3}})
        return self

    def everything(self) -> dict[str, Any]:
        """What is in the database: documents, indexes and options of every collection."""
        database = self.server.root[self.database]
        found = {one["name"]: one["options"] for one in database.list_collections()}
        return {name: (options, list(database[name].find()), database[name].index_information()) for name, options in found.items()}

    def carry_out(self, row: Task, uri: str) -> Ended:
        """The command of a row as this account."""
        self.use(uri)
        match row.command:
            case "run":
                (self.folder / "in.csv").write_text(OTHERS, encoding="utf-8")
                return command("run", "-m", self.mapping(row.mode), "--quiet")
            case "rejects retry":
                (file,) = (self.folder / "home" / "rejects").glob("*.csv")
                file.write_text(file.read_text(encoding="utf-8").replace(",x", ",3"), encoding="utf-8")
                return command("rejects", "retry", "-m", self.mapping(), file, "--quiet")
            case "rejects list":
                return command("rejects", "list", "-m", self.mapping())
            case "apply":
                return command("apply", "-m", self.mapping(**NEW), "--allow", "E111", "--quiet")
            case "set-aside list":
                return command("set-aside", "list", "-m", self.mapping())
            case "set-aside drop":
                return command("set-aside", "drop", "-m", self.mapping(), self.aside, "--allow", "set_aside")
            case "set-aside show" | "set-aside restore" as name:
                return command(*name.split(), "-m", self.mapping(), self.aside)
            case "preview":
                return command("preview", "-m", self.mapping(), "--row", "1")
            case name:
                return command(name, "-m", self.mapping())


@pytest.fixture
def stays(server: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stays]:
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    found = Stays(server, tmp_path, lambda uri: monkeypatch.setenv("MONGODB_URI", uri)).loaded()
    yield found
    server.root.drop_database(found.database)


def refused(ended: Ended) -> bool:
    """Whether the privileges were asked for before the command began; for `preview`, whether it went on without the server."""
    return "which the account" in ended.err + ended.out


@pytest.mark.parametrize("row", TASKS, ids=str)
def test_the_shipped_loader_may_run_every_command(stays, row):
    ended = stays.carry_out(row, stays.server.shipped("loader", stays.database))
    assert (ended.code, ended.err) == (0, "")
    assert not refused(ended)


@pytest.mark.parametrize("row", TASKS, ids=str)
def test_the_privileges_of_its_row_are_enough_for_a_command(stays, row):
    needed = privileges(row, stays.database, "stays", stays.database)
    ended = stays.carry_out(row, stays.server.with_privileges(needed))
    assert (ended.code, ended.err) == (0, "")
    assert not refused(ended)


@pytest.mark.parametrize("row", TASKS, ids=str)
def test_the_shipped_reader_may_look_and_is_refused_before_any_change(stays, row):
    before = stays.everything()
    ended = stays.carry_out(row, stays.server.shipped("reader", stays.database))
    if any("insert" in actions for actions in row.needs.values()):
        assert ended.code == 4
        assert f"not_authorized {row} needs " in ended.err
        assert "nothing was done" in ended.err
    else:
        assert (ended.code, ended.err) == (0, "")
        assert not refused(ended)
    assert stays.everything() == before


@pytest.mark.parametrize("row", [task_of("run", "replace"), task_of("verify")], ids=str)
def test_each_missing_action_is_named_with_its_collection(stays, row):
    needed, before = privileges(row, stays.database, "stays", stays.database), stays.everything()
    for lacking in sorted(needed):
        ended = stays.carry_out(row, stays.server.with_privileges(without(needed, lacking)))
        where = f"{stays.database}.{lacking.collection}" if lacking.collection else f"all collections of {stays.database}"
        assert ended.code == 4
        assert ended.err.startswith(f"not_authorized {row} needs ")
        assert re.search(rf"{lacking.action}\b.* on {re.escape(where)}, which the account account_", ended.err)
        assert f'collection: "{lacking.collection}"' in ended.err
    assert stays.everything() == before


@pytest.mark.parametrize("row", TASKS, ids=str)
def test_the_account_must_have_every_action_of_the_row(row):
    needed = privileges(row, "shop", "stays", "ops")
    for lacking in needed:
        who = Account("loader@admin", tuple(granted(without(needed, lacking))))
        assert lacking in {one for one in needed if not who.may(one)}
    assert all(Account("loader@admin", tuple(granted(needed))).may(one) for one in needed)


def without(needed: frozenset[Privilege], lacking: Privilege) -> frozenset[Privilege]:
    """What is left when an action is taken away; one on all collections is one on each."""
    others = [one for one in needed if one.action != lacking.action or one.database != lacking.database or one.collection != EVERY]
    return frozenset(others) - {lacking}


@pytest.mark.parametrize(
    ("resource", "covered"),
    [
        ({"db": "shop", "collection": "stays"}, True),
        ({"db": "shop", "collection": ""}, True),
        ({"db": "", "collection": "stays"}, True),
        ({"db": "", "collection": ""}, True),
        ({"anyResource": True}, True),
        ({"cluster": True}, False),
        ({"db": "shop", "collection": "others"}, False),
        ({"db": "other", "collection": ""}, False),
        ({"system_buckets": "stays"}, False),
    ],
)
def test_resources_are_understood_as_the_server_does(resource, covered):
    who = Account("someone@admin", ({"resource": resource, "actions": ["find"]},))
    assert who.may(Privilege("shop", "stays", "find")) is covered
    assert not who.may(Privilege("shop", "stays", "insert"))


def test_an_account_without_any_privilege_traces_a_row_without_the_server(stays):
    ended = stays.carry_out(task_of("preview"), stays.server.account([]))
    assert ended.code == 0
    assert "note: no server was asked: engine preview needs find" in ended.out
    assert "server  was not asked" in ended.out


def test_every_mode_has_its_row():
    assert {row.mode for row in TASKS if row.command == "run"} == {*get_args(Mode)}


def test_the_roles_and_the_page_are_current():
    assert (ROOT / "deploy" / "roles.json").read_text(encoding="utf-8") == roles_text()
    assert (ROOT / "docs" / "privileges.md").read_text(encoding="utf-8") == page_text()
