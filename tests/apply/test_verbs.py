"""`engine plan`, `engine apply` and what a run says of a changed mapping, through the command line."""

import json
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from faults.servers import running
from jobs import Ended, command
from pymongo.database import Database
from pymongo.errors import PyMongoError, WriteError

from engine.apply.applying import Applying
from engine.apply.updating import Updating

MAPPING = """
mapping: people
source: {{path: in.csv}}
target: {{database: {database}, collection: people, mode: {mode}}}
fields:
{fields}
limits: {{rejects: 100%, shrink: 100%}}
indexes:
  by_city: {{keys: {{home.city: 1}}}}
{rest}
"""
FIELDS = """
  _id: {column: id, type: int}
  name: {column: name, private: true}
  home.city: city
  age: {column: age, type: int, minimum: 0}
"""
ROWS = [[number, f"Canary-{number}", ["Oslo", "Rome"][number % 2], 10 + number] for number in range(50)]


class People:
    """A mapping that is edited, and its collection."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.mode, self.rest, self.fields = "replace", "", FIELDS
        self.source = folder / "in.csv"
        self.source.write_text("id,name,city,age\n" + "".join(",".join(map(str, row)) + "\n" for row in ROWS), encoding="utf-8")

    @property
    def live(self) -> Any:
        return self.database["people"]

    @property
    def file(self) -> Path:
        file = self.folder / f"people{len(list(self.folder.iterdir()))}.yaml"
        text = MAPPING.format(database=self.database.name, mode=self.mode, fields=self.fields.strip("\n"), rest=self.rest)
        file.write_text(text, encoding="utf-8")
        return file

    def edit(self, old: str, new: str) -> None:
        assert old in self.fields
        self.fields = self.fields.replace(old, new)

    def run(self, *more: str) -> Ended:
        return command("run", "-m", self.file, "--source", self.source, *more)

    def plan(self, *more: str) -> tuple[int, dict[str, Any]]:
        ended = command("plan", "-m", self.file, "--json", *more)
        assert ended.out, ended.err
        return ended.code, ended.report

    def apply(self, *more: str) -> Ended:
        return command("apply", "-m", self.file, *more)

    def codes(self) -> list[str]:
        return [one["code"] for one in self.plan()[1]["changes"]]


@pytest.fixture
def people(database: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> People:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    found = People(database, tmp_path / "work")
    assert found.run("--quiet").code == 0
    return found


def test_nothing_to_do(people: People) -> None:
    assert people.plan()[0] == 0
    ended = people.apply()
    assert (ended.code, "nothing to do" in ended.out) == (0, True)
    assert "never_published" in command("plan", "-m", _elsewhere(people)).err


def _elsewhere(people: People) -> Path:
    file = people.folder / "elsewhere.yaml"
    file.write_text(people.file.read_text().replace("collection: people", "collection: nobody"))
    return file


def test_two_mappings_need_no_server(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    old = people.file
    people.edit("minimum: 0", "minimum: 18")
    people.edit("home.city: city", "home.town: {column: city, was: home.city}")
    people.rest = ""
    new = people.folder / "new.yaml"
    new.write_text(people.file.read_text().replace("keys: {home.city", "keys: {home.town"))
    monkeypatch.setenv("MONGODB_URI", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=1")
    ended = command("plan", old, new, "--data", people.source)
    assert ended.code == 10, ended.err
    assert "E103 home.town: field renamed: home.city → home.town" in ended.out
    assert "E111 age: constraint tightened, minimum: 0 → 18" in ended.out
    assert (
        "of 50 rows: 42 documents differ, 0 are the same; 8 rows would no longer be loaded, 0 would newly be loaded, 0 by neither mapping"
        in ended.out
    )
    assert "row 1: would no longer be loaded" in ended.out
    assert "Canary" not in ended.out
    assert command("plan", old).code == 2


def test_a_change_of_rules_alone(people: People) -> None:
    people.edit("minimum: 0", "minimum: 0, maximum: 130")
    code, plan = people.plan()
    assert (code, plan["needs"], plan["leaving"]) == (10, "rules", 0)
    assert people.apply("--quiet").code == 0
    assert people.plan()[0] == 0
    with pytest.raises(WriteError):
        people.live.insert_one({"_id": 1000, "age": 131})


def test_an_interrupted_apply_says_what_it_did(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    people.edit("type: int, minimum: 0", "type: long, minimum: 0")
    file = people.file
    with monkeypatch.context() as stopping:
        stopping.setattr(Applying, "_check", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        ended = command("apply", "-m", file)
    assert (ended.code, "at least 50 documents rewritten; run `engine apply` again" in ended.err) == (130, True), ended.err
    assert "finished steps: " in ended.err
    assert people.database["_engine_runs"].count_documents({"kind": "apply", "outcome": "interrupted"}) == 1
    assert command("apply", "-m", file).code == 0
    assert people.plan()[0] == 0


def test_what_is_removed_must_be_allowed(people: People) -> None:
    people.edit("  name: {column: name, private: true}\n", "")
    assert people.plan()[0] == 11
    ended = people.apply()
    assert (ended.code, "--allow E102" in ended.err) == (3, True)
    assert people.live.count_documents({"name": {"$exists": True}}) == 50
    ended = people.apply("--allow", "E102", "--json")
    assert (ended.code, ended.report["rewritten"], ended.report["documents"]) == (0, 50, 50), ended.err
    assert people.live.count_documents({"name": {"$exists": True}}) == 0
    assert people.apply("--allow", "E999").code == 2


def test_documents_that_the_new_mapping_refuses_are_set_aside(people: People) -> None:
    people.edit("minimum: 0", "minimum: 20")
    people.edit("age:", "years:")
    people.edit("{column: age", "{was: age, column: age")
    code, plan = people.plan()
    assert (code, plan["leaving"], [loss["code"] for loss in plan["losses"]]) == (11, 10, ["E111"])
    assert people.apply().code == 3
    ended = people.apply("--allow", "E111", "--json")
    assert (ended.code, ended.report["set_aside"], ended.report["documents"]) == (0, 10, 40), ended.err
    aside = [name for name in people.database.list_collection_names() if "__set_aside_" in name]
    assert [people.database[name].count_documents({"age": {"$lt": 20}}) for name in aside] == [10]
    before = [*people.live.find().sort("_id", 1)]
    assert people.run("--quiet").code == 0
    assert [*people.live.find().sort("_id", 1)] == before


def test_a_new_column_needs_the_source(people: People) -> None:
    people.edit("  name:", "  mail: mail\n  name:")
    _, plan = people.plan()
    assert plan["blocked"] == {"mail": "the cells of column 'mail' are not in the documents"}
    ended = people.apply()
    assert (ended.code, "needs_source mail: the cells of column 'mail' are not in the documents — load" in ended.err) == (3, True), (
        ended.err
    )


def test_a_rename_is_asked_for(people: People) -> None:
    people.edit("  name:", "  called:")
    ended = command("plan", "-m", people.file)
    assert "is called a new name for name? if so, write was: name at the field, and its values are kept" in ended.out


def test_drift_is_shown_and_mended(people: People) -> None:
    people.database.command("collMod", "people", validator={}, validationLevel="off")
    people.live.drop_index("by_city")
    code, plan = people.plan()
    assert (code, plan["drift"]) == (10, ["validator: differs from the recorded one", "index by_city: missing"])
    assert people.apply("--quiet").code == 0
    assert people.plan()[0] == 0
    assert "by_city" in people.live.index_information()


def test_what_came_in_while_the_validator_was_off(people: People) -> None:
    people.database.command("collMod", "people", validationLevel="off")
    people.live.insert_one({"_id": 99, "name": 5})
    code, plan = people.plan()
    assert (code, plan["leaving"]) == (11, 1)
    assert "destructive E701 documents: 1 document of neither shape" in people.apply().err
    assert people.live.options()["validationLevel"] == "off"
    assert people.apply("--allow", "E701", "--json").report["set_aside"] == 1
    assert people.plan()[0] == 0


def test_documents_of_no_known_shape_stop_it(people: People) -> None:
    people.database.command("collMod", "people", validationLevel="off")
    people.live.insert_one({"_id": "stranger", "secret": "Canary"})
    people.edit("type: int, minimum: 0", "type: long, minimum: 0")
    told = people.plan()[1]["strangers"]
    assert (told["documents"], told["ids"], told["command"].startswith("db.")) == (1, ['"stranger"'], True)
    ended = people.apply()
    assert (ended.code, "1 document of neither shape" in ended.err, "Canary" in ended.err) == (3, True, False)


def test_a_value_of_which_only_the_source_tells(people: People) -> None:
    people.edit("type: int, minimum: 0", "type: double, minimum: 0")
    assert people.plan()[1]["blocked"] == {}
    people.live.update_one({"_id": 3}, {"$set": {"age": 0}})
    assert people.plan()[1]["blocked"] == {"age": "the new value of 1 document can only come from the source"}


def test_a_dry_run_prints_commands_and_does_nothing(people: People) -> None:
    people.edit("type: int, minimum: 0", "type: long, minimum: 0")
    before = people.live.index_information(), people.live.options()
    ended = people.apply("--dry-run")
    assert ended.code == 0, ended.err
    commands = [json.loads(line) for line in ended.out.splitlines() if not line.startswith("//")]
    assert [next(iter(one)) for one in commands] == ["collMod", "update", "createIndexes", "collMod"]
    assert commands[1]["updates"][0]["u"][0]["$replaceWith"]["$mergeObjects"][0]["name"] == "$name"
    assert people.live.count_documents({"age": {"$type": "long"}}) == 0
    assert before == (people.live.index_information(), people.live.options())


def test_an_index_that_cannot_be_unique_is_found_before_anything_is_done(people: People) -> None:
    people.rest = "  only: {keys: {home.city: -1}, unique: true}"
    people.edit("type: int, minimum: 0", "type: long, minimum: 0")
    ended = people.apply()
    assert (ended.code, "index_not_unique" in ended.err) == (4, True), ended.err
    assert people.live.count_documents({"age": {"$type": "long"}}) == 0


def test_variables_are_those_of_the_run(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTRY", 'N"o\u2028\x7f: ${x}')
    people.edit("  name:", '  country: {value: "${COUNTRY}"}\n  name:')
    assert people.run("--quiet").code == 0
    assert people.plan()[0] == 0
    monkeypatch.setenv("COUNTRY", "Sweden")
    assert people.codes() == ["E105"]
    assert people.apply("--quiet").code == 0
    assert people.live.distinct("country") == ["Sweden"]


# what a run says


def test_a_run_that_replaces_all_says_what_changed(people: People) -> None:
    people.edit("type: int, minimum: 0", "type: long, minimum: 0")
    ended = people.run("--json")
    assert any("E104 age" in note and "this run replaces all documents" in note for note in ended.report["notes"])


def test_a_run_does_not_mix_shapes(people: People) -> None:
    people.mode = "upsert"
    people.edit("type: int, minimum: 0", "type: long, minimum: 0")
    ended = people.run()
    assert (ended.code, "mixed_shapes" in ended.err, "engine apply first" in ended.err) == (3, True, True), ended.err
    assert people.live.count_documents({"age": {"$type": "long"}}) == 0
    assert people.apply("--quiet").code == 0
    assert people.run("--quiet").code == 0


def test_mixing_can_be_allowed(people: People) -> None:
    people.mode = "append"
    people.edit("  name:", "  mail: {column: mail}\n  name:")
    people.source.write_text("id,name,city,age,mail\n99,Canary,Rome,9,a@b\n", encoding="utf-8")
    assert people.run().code == 3
    assert people.run("--allow", "mixed_shapes", "--quiet").code == 0
    assert people.live.count_documents({}) == 51


def test_rows_that_may_fit_now_are_counted(people: People) -> None:
    people.edit("minimum: 0", "minimum: 20")
    assert people.run("--quiet").code == 0
    people.edit("age: {column: age, type: int, minimum: 20}", "years: {column: age, type: int, minimum: 15, was: age}")
    assert people.plan()[1]["rejected_before"] == {"age": 10}
    ended = command("plan", "-m", people.file)
    assert "rejected for age: 10 rows that may be accepted now; load them afterwards with `engine rejects retry`" in ended.out


def test_what_only_eases_the_rules_is_no_mixture(people: People) -> None:
    people.mode = "upsert"
    people.edit("minimum: 0", "minimum: -1")
    assert people.run("--quiet").code == 0


def test_a_server_without_transactions_is_refused(people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path / "standalone", replica_set=False) as server:
        monkeypatch.setenv("MONGODB_URI", server.uri)
        assert people.run("--quiet").code == 0
        people.edit("minimum: 0", "minimum: 1")
        assert [refusal["code"] for refusal in people.plan()[1]["refusals"]] == ["no_transactions"]
        ended = people.apply()
    assert (ended.code, "no_transactions" in ended.err) == (4, True), ended.err


def test_arrays_stay_where_nothing_that_makes_them_changes(people: People) -> None:
    more = """
  tags[]: {column: tags, split: "|"}
  seats[].row: {column: "r{n}", type: int}
  seats[].free: {column: "f{n}", type: bool}
"""
    arrays = "arrays:\n  seats: {numbered: 1..2}\n"
    people.fields, people.rest = FIELDS.rstrip() + more, arrays
    header = "id,name,city,age,tags,r1,f1,r2,f2\n"
    people.source.write_text(header + "1,n,Oslo,3,a|b,1,true,2,false\n2,m,Rome,4,,,,,\n3,o,Rome,5,c,7,true,,\n", encoding="utf-8")
    ended = people.run("--quiet")
    assert ended.code == 0, ended.err
    people.edit("type: int, minimum: 0", "type: long, minimum: 0")
    people.edit("  name: {column: name, private: true}\n", "")
    people.edit("  tags[]:", "  twice: {compute: age + age}\n  tags[]:")
    people.edit("  seats[].row", "  called: {column: name, private: true, was: name}\n  seats[].row")
    ended = people.apply("--quiet")
    assert ended.code == 0, ended.err
    found = [*people.live.find().sort("_id", 1)]
    assert list(found[0]) == ["_id", "home", "age", "twice", "tags", "called", "seats"]
    assert people.plan()[0] == 0
    assert people.run("--quiet").code == 0
    assert [list(one.items()) for one in people.live.find().sort("_id", 1)] == [list(one.items()) for one in found]
    people.edit('{column: "r{n}", type: int}', '{column: "r{n}", type: long}')
    assert people.plan()[1]["needs"] == "rewrite"


# others at work


def test_only_one_at_a_time(people: People) -> None:
    people.edit("minimum: 0", "minimum: 1")
    lock = {"run": "other", "host": "h", "pid": 1, "since": datetime(2024, 1, 1), "expires": datetime(2999, 1, 1)}  # noqa: DTZ001
    people.database["_engine_locks"].update_one({"_id": f"{people.database.name}.people"}, {"$set": lock}, upsert=True)
    assert people.apply().code == 5


def test_a_batch_of_an_apply_that_lost_its_lock_is_not_written(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it was suspended between its last look at the lock and the batch, until the lease was over: the server refuses it."""
    staging = people.database["people__staging_20260101T000000Z-aaaaaa"]
    staging.insert_one({"_id": 1})
    people.edit("type: int, minimum: 0", "type: long, minimum: 0")
    update = Updating.update

    def late(self: Updating, *more: Any) -> None:
        people.database["_engine_locks"].update_one({}, {"$inc": {"fence": 1}, "$set": {"run": "other"}})
        self.fence.lock.expires = datetime(2020, 1, 1)  # noqa: DTZ001
        update(self, *more)

    monkeypatch.setattr(Updating, "update", late)
    ended = people.apply()
    assert (ended.code, "lock_lost" in ended.err) == (5, True), ended.err
    assert people.live.count_documents({"age": {"$type": "long"}}) == 0
    assert people.database["_engine_runs"].find_one({"kind": "apply"}).get("position") is None
    assert staging.name not in people.database.list_collection_names()


def test_what_others_write_in_the_new_shape_already_stays_as_it_is(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    people.edit("home.city: city", "home.town: {column: city, was: home.city}")
    people.rest = "rules: {named: {check: home.town is not null, on_fail: reject}}"
    rewrite = Applying._rewrite

    def beginning(self: Applying, step: Any, **more: Any) -> None:
        people.live.insert_one({"_id": 1000, "name": "New", "home": {"town": "Bonn"}, "age": 5})
        rewrite(self, step, **more)

    monkeypatch.setattr(Applying, "_rewrite", beginning)
    ended = _applied_with_its_index(people)
    assert ended.code == 0, ended.err
    assert people.live.find_one({"_id": 1000}) == {"_id": 1000, "name": "New", "home": {"town": "Bonn"}, "age": 5}
    assert people.live.count_documents({"home.town": {"$exists": True}}) == 51


def _applied_with_its_index(people: People) -> Ended:
    file = people.file
    file.write_text(file.read_text().replace("keys: {home.city", "keys: {home.town"))
    return command("apply", "-m", file)


def test_readers_and_writers_go_on(people: People) -> None:
    """Every document that is read is of one shape or the other, and what is written in the old one meanwhile is rewritten too."""
    people.live.insert_many([{"_id": number, "name": "n", "home": {"city": "Rome"}, "age": 5} for number in range(1000, 9000)])
    people.edit("age: {column: age, type: int", "years: {was: age, column: age, type: long")
    stop, wrong, written = Event(), [], []

    def write() -> None:
        for number in range(10_000, 50_000):
            if stop.is_set():
                return
            try:
                people.live.insert_one({"_id": number, "name": "n", "home": {"city": "Rome"}, "age": 5})
                written.append(number)
            except WriteError:
                return  # the validator takes the new shape only, now
            except PyMongoError as error:
                wrong.append(repr(error))

    def look() -> None:
        while not stop.is_set():
            wrong.extend(sorted(one) for one in people.live.find({"_id": {"$lt": 1200}}) if ("age" in one) == ("years" in one))

    threads = [Thread(target=write), Thread(target=look)]
    for thread in threads:
        thread.start()
    ended = people.apply("--json")
    stop.set()
    for thread in threads:
        thread.join()
    assert (ended.code, wrong) == (0, []), ended.err
    assert people.live.count_documents({"age": {"$exists": True}}) == 0
    assert people.live.count_documents({"_id": {"$in": written}, "years": {"$type": "long"}}) == len(written) > 0
