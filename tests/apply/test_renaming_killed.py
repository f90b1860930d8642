"""kill -9 of an apply that renames a collection, at each command of the renaming: the ways on from there, and what is said of it."""

from pathlib import Path
from typing import Any

import pytest
from faults.killing import expire_locks, kill_at
from faults.proxy import Proxy
from jobs import Jobs, command

ROWS = [[number, f"n{number}", "Rome", 40] for number in range(20)]
AT = [
    ("hold", "renameCollection", "people"), ("hold_reply", "renameCollection", "people"), ("hold", "commitTransaction", ""),
    ("hold_reply", "commitTransaction", ""), ("hold", "collMod", "persons"), ("hold_reply", "update", "persons"),
]  # fmt: skip


class Renaming(Jobs):
    """A loaded collection, and mappings that give it another name, and its field too."""

    def edited(self, name: str, *pairs: tuple[str, str]) -> Path:
        text = self.mapping.read_text()
        for old, new in pairs:
            text = text.replace(old, new)
        file = self.folder / f"{name}.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    @property
    def new(self) -> Path:
        return self.edited("new", ("collection: people", "collection: persons, was: people"), ("  name: {", "  called: {was: name, "))

    @property
    def back(self) -> Path:
        return self.edited("back", ("collection: people", "collection: people, was: persons"))

    @property
    def third(self) -> Path:
        return self.edited("third", ("collection: people", "collection: persons"), ("  name: {", "  title: {was: name, "))

    @property
    def names(self) -> set[str]:
        return {name for name in self.database.list_collection_names() if not name.startswith("_engine")}

    @property
    def ledger(self) -> list[dict[str, Any]]:
        return list(self.database["_engine_runs"].find().sort("_id", 1))

    def kill(self, proxy: Proxy, uri: str, how: str, verb: str, target: str, *more: str) -> None:
        harm = proxy.harm(how, verb, target=target)
        kill_at(harm, proxy, uri, "apply", "-m", self.new, "--quiet", *more)
        expire_locks(self.database)


@pytest.fixture
def renaming(jobs: Jobs) -> Renaming:
    found = Renaming(jobs.database, jobs.folder)
    assert found.run(ROWS).code == 0
    return found


@pytest.fixture(params=AT, ids=lambda at: "-".join(at[:2]))
def killed(request: pytest.FixtureRequest, renaming: Renaming, proxy: Proxy, mongo_uri: str) -> Renaming:
    renaming.kill(proxy, mongo_uri, *request.param)
    return renaming


@pytest.mark.faults
def test_plan_tells_it_and_writes_nothing_and_the_same_command_finishes_it(killed: Renaming) -> None:
    ledger = killed.ledger
    for file in (killed.new, killed.mapping, killed.back):
        planned = command("plan", "-m", file)
        assert (planned.code in (10, 11), "was not finished" in planned.out) == (True, True), planned.err
    assert killed.ledger == ledger
    ended = command("apply", "-m", killed.new)
    assert (ended.code, killed.names) == (0, {"persons"}), ended.err
    assert killed.database["persons"].count_documents({"called": {"$exists": True}}) == 20
    assert (command("plan", "-m", killed.new).code, command("verify", "-m", killed.new).code) == (0, 0)


@pytest.mark.faults
@pytest.mark.parametrize("way", ["undo", "old", "back"])
def test_it_goes_back_with_its_name(killed: Renaming, way: str) -> None:
    words = {"undo": ("-m", killed.new, "--undo"), "old": ("-m", killed.mapping), "back": ("-m", killed.back)}[way]
    ended = command("apply", *words)
    assert (ended.code, killed.names) == (0, {"people"}), ended.err
    assert killed.documents() == [{"_id": n, "name": name, "home": {"city": city}, "age": age} for n, name, city, age in ROWS]
    assert (command("plan", "-m", killed.mapping).code, command("verify", "-m", killed.mapping).code) == (0, 0)
    assert command("plan", "-m", killed.new).code == 10
    again = command("apply", "-m", killed.new)
    assert (again.code, killed.names) == (0, {"persons"}), again.err


@pytest.mark.faults
def test_a_run_of_the_old_mapping_loads_no_second_collection(killed: Renaming) -> None:
    there = killed.names
    ended = command("run", "-m", killed.mapping, "--source", killed.write(ROWS))
    assert (ended.code, "unfinished_apply" in ended.err, killed.names) == (3, True, there), ended.err
    assert command("apply", "-m", killed.new, "--undo").code == 0
    again = command("run", "-m", killed.mapping, "--source", killed.write(ROWS))
    assert (again.code, killed.names) == (0, {"people"}), again.err


@pytest.mark.faults
def test_another_mapping_takes_over(killed: Renaming) -> None:
    renamed, third = "persons" in killed.names, killed.third
    file = third if renamed else killed.edited("third", ("  name: {", "  title: {was: name, "))
    ended = command("apply", "-m", file)
    assert (ended.code, killed.names) == (0, {"persons"} if renamed else {"people"}), ended.err
    assert command("plan", "-m", file).code == 0
    assert killed.database[killed.names.pop()].count_documents({"title": {"$exists": True}}) == 20


@pytest.mark.faults
@pytest.mark.parametrize("how", ["hold", "hold_reply"])
def test_an_undo_that_is_killed_is_finished_by_the_next(renaming: Renaming, proxy: Proxy, mongo_uri: str, how: str) -> None:
    renaming.kill(proxy, mongo_uri, *AT[4])
    renaming.kill(proxy, mongo_uri, how, "renameCollection", "persons", "--undo")
    for file in (renaming.new, renaming.mapping, renaming.third):
        planned = command("plan", "-m", file)
        assert (planned.code in (10, 11), "was not finished" in planned.out) == (True, True), planned.err
    ended = command("apply", "-m", renaming.new, "--undo")
    assert (ended.code, renaming.names, command("plan", "-m", renaming.mapping).code) == (0, {"people"}, 0), ended.err
