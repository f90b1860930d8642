"""`steps:`: updates of the user's own, once for each document, between two versions of a collection."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from bson import Timestamp, decode, encode
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from evolution.stopping import stopping
from jobs import Ended, command
from pymongo.database import Database

from engine.apply import declared, stepped
from engine.apply.applying import Applying
from engine.apply.stepped import Stepped
from engine.apply.undoing import Undoing
from engine.mongo.trees import EXACT

OLD = """
mapping: people
source: {{path: in.csv}}
target: {{database: {database}, collection: people, mode: {mode}}}
fields:
  _id: {{column: id, type: int}}
  name: {{column: name, required: true}}
  price: {{column: price, type: int}}
"""
NEW = """
mapping: people
source: {{path: in.csv}}
target: {{database: {database}, collection: people, mode: {mode}}}
fields:
  _id: {{column: id, type: int}}
  first: {{column: first, required: true}}
  last: last
  price: {{column: price, type: int}}
steps:
  split_names:
    where: {{name: {{$exists: true}}}}
    pipeline: [{{$set: {{first: {{$first: {{$split: ["$name", " "]}}}}, last: {{$last: {{$split: ["$name", " "]}}}}}}}}]
    makes: [first, last]
  cents: {{pipeline: [{{$set: {{price: {{$multiply: ["$price", 100]}}}}}}]}}
"""
ALLOWED = ("--allow", "E102", "--allow", "E606")


class People:
    def __init__(self, database: Database, folder: Path, mode: str = "replace") -> None:
        self.database, self.folder, self.mode = database, folder, mode

    def call(self, verb: str, mapping: str, *arguments: str) -> Ended:
        file = self.folder / "people.yaml"
        file.write_text(mapping.format(database=self.database.name, mode=self.mode), encoding="utf-8")
        return command(verb, "-m", file, *arguments)

    def load(self, rows: int = 5) -> None:
        lines = [f"{number},Ann{number} Berg{number},{number}" for number in range(rows)]
        (self.folder / "in.csv").write_text("\n".join(["id,name,price", *lines, ""]), encoding="utf-8")
        assert self.call("run", OLD, "--source", str(self.folder / "in.csv")).code == 0

    def documents(self) -> list[dict[str, Any]]:
        return list(self.database["people"].find().sort("_id", 1))


@pytest.fixture
def people(database: Database, mongo_uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> People:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    return People(database, tmp_path)


def split(number: int) -> dict[str, Any]:
    return {"_id": number, "first": f"Ann{number}", "last": f"Berg{number}", "price": number * 100}


def test_a_step_is_planned_counted_allowed_and_done_once(people: People) -> None:
    people.load()
    planned = people.call("plan", NEW)
    assert planned.code == 11
    assert "+ E606 step split_names: step added: {" in planned.out
    assert '"first": {"$first": {"$split": ["$name", " "]}}' in planned.out
    assert "E606 step split_names: it changes 5 documents as only its author knows" in planned.out
    assert "E606 step cents: it changes 5 documents as only its author knows" in planned.out
    assert "needs_source" not in planned.out
    refused = people.call("apply", NEW, "--allow", "E102")
    assert (refused.code, "E606 step split_names" in refused.err) == (3, True)
    dry = people.call("apply", NEW, *ALLOWED, "--dry-run")
    assert '"$multiply"' in dry.out
    assert people.call("apply", NEW, *ALLOWED).code == 0
    assert people.documents() == [split(number) for number in range(5)]
    assert "Nothing to do" in people.call("plan", NEW).out
    assert people.call("apply", NEW).code == 0
    assert people.call("verify", NEW).code == 0
    assert people.documents() == [split(number) for number in range(5)]


def test_a_step_that_was_killed_goes_on_behind_its_last_batch(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    people.load(25)
    monkeypatch.setattr(declared, "BATCH", 10)
    carry_out, batches = declared.DeclaredSteps._batch, []

    def dies(self: Any, step: Any, *more: Any) -> None:
        batches.append(step.name)
        if batches.count("cents") == 2:
            raise KeyboardInterrupt
        carry_out(self, step, *more)

    monkeypatch.setattr(declared.DeclaredSteps, "_batch", dies)
    assert people.call("apply", NEW, *ALLOWED).code == 130
    monkeypatch.setattr(declared.DeclaredSteps, "_batch", carry_out)
    assert people.call("apply", NEW, *ALLOWED).code == 0
    assert people.documents() == [split(number) for number in range(25)]


def test_documents_of_writers_of_the_old_shape_get_the_step(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    people.load()
    log = Applying._log

    def write(self: Applying, step: Any) -> None:
        log(self, step)
        if step.name in ("step cents", "trim"):
            number = 6 if step.name == "trim" else 5
            self.live.insert_one({"_id": number, "name": f"Ann{number} Berg{number}", "price": number})

    monkeypatch.setattr(Applying, "_log", write)
    self_made = people.call("apply", NEW, *ALLOWED)
    assert self_made.code == 0, self_made.err
    assert people.documents() == [split(number) for number in range(5)] + [split(5) | {"price": 5}, split(6) | {"price": 6}]


def test_a_run_that_loads_anew_counts_steps_as_done(people: People) -> None:
    people.load()
    (people.folder / "in.csv").write_text("id,first,last,price\n1,Ann,Berg,7\n", encoding="utf-8")
    assert people.call("run", NEW, "--source", str(people.folder / "in.csv"), "--allow", "shrink_limit").code == 0
    assert "Nothing to do" in people.call("plan", NEW).out
    assert people.documents() == [{"_id": 1, "first": "Ann", "last": "Berg", "price": 7}]


def test_a_run_that_adds_documents_is_refused_before_the_step(database: Database, people: People) -> None:
    people.mode = "append"
    people.load()
    (people.folder / "in.csv").write_text("id,first,last,price\n9,Ann,Berg,7\n", encoding="utf-8")
    refused = people.call("run", NEW, "--source", str(people.folder / "in.csv"))
    assert refused.code == 3
    assert "mixed_shapes" in refused.err
    assert database["people"].count_documents({}) == 5


def test_what_a_step_makes_must_fit(people: People) -> None:
    people.load()
    wrong = NEW.replace('$first: {{$split: ["$name", " "]}}', "$strLenCP: $name")
    before = people.documents()
    refused = people.call("apply", wrong, *ALLOWED)
    assert (refused.code, "step_invalid" in refused.err) == (4, True)
    assert people.documents() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("makes: [first, last]", "makes: [frist]"), "there is no field frist"),
        (("{{$set: {{price", "{{$match: {{price"), "$match"),
        (("{{pipeline: [{{$set: {{price: {{$multiply", "{{pipeline: [{{$set: {{price: {{$nonsense"), "step_refused"),
    ],
)
def test_what_is_wrong_with_a_step_is_said_before_anything_changes(people: People, change: tuple[str, str], words: str) -> None:
    people.load()
    before = people.documents()
    ended = people.call("apply", NEW.replace(*change), *ALLOWED)
    assert ended.code in (2, 4)
    assert words in ended.err
    assert people.documents() == before


NARROW = ("price, type: int}}", "price, type: int, maximum: 3}}")
CENTS = NEW[NEW.index("  cents:") :]


def test_documents_that_come_back_get_the_steps_that_they_missed(people: People) -> None:
    people.load()
    assert people.call("apply", OLD.replace(*NARROW), "--allow", "E111").code == 0
    assert [one["_id"] for one in people.documents()] == [0, 1, 2, 3]
    assert "1 document set aside by run" in people.call("plan", NEW).out
    ended = people.call("apply", NEW, *ALLOWED)
    assert (ended.code, "1 brought back" in ended.out) == (0, True), ended.err
    assert people.documents() == [split(number) for number in range(5)]


def test_documents_that_come_back_get_no_step_twice(people: People) -> None:
    """The apply that carried it out set one aside before that, and one after it."""
    people.load()
    making = (
        NEW.replace(CENTS, "")
        .replace("$last: {{$split", "$concat: [{{$ifNull: [$last, '']}}, {{$last: {{$split")
        .replace('" "]}}}}}}}}]', '" "]}}}}]}}}}}}]')
    )
    ended = people.call("apply", making.replace(*NARROW), *ALLOWED, "--allow", "E111")
    assert ended.code == 0, ended.err
    assert [one["_id"] for one in people.documents()] == [0, 1, 2, 3]
    ended = people.call("apply", making)
    assert (ended.code, "1 brought back" in ended.out) == (0, True), ended.err
    assert people.documents() == [split(number) | {"price": number} for number in range(5)]


def test_documents_stay_aside_where_nobody_knows_whether_they_had_a_step(people: People) -> None:
    people.load()
    shouting = NEW.replace(CENTS, '  shout: {{pipeline: [{{$set: {{first: {{$toUpper: "$first"}}}}}}]}}\n')
    ended = people.call("apply", shouting.replace(*NARROW), *ALLOWED, "--allow", "E111")
    assert (ended.code, len(people.documents())) == (0, 4), ended.err
    planned = people.call("plan", shouting)
    assert "carried out the step shout, which has no `makes`, and nothing shows on which of them" in planned.out
    assert people.call("apply", shouting).code == 0
    assert len(people.documents()) == 4


def test_documents_that_are_refused_for_something_else_do_not_stop_a_step(people: People) -> None:
    """They are set aside before it, where that is allowed, and stay where the mapping keeps them; also in the trial of it."""
    old, cents = OLD.replace("price, type: int}}", "price, type: int, maximum: 9}}"), CENTS.replace("{{pipe", "{{makes: [price], pipe")
    new = OLD.replace("required: true}}", "required: true, pattern: '[0-3]$'}}") + "validation: {{existing: EXISTING}}\nsteps:\n" + cents
    for existing, documents in (("keep", 5), ("refuse", 4)):
        people.load()
        assert people.call("apply", old).code == 0
        ended = people.call("apply", new.replace("EXISTING", existing), *ALLOWED, "--allow", "E111")
        assert (ended.code, "1 set aside" in ended.out) == (0, documents == 4), ended.err
        assert [one["price"] for one in people.documents()] == [number * 100 for number in range(documents)]
    people.load()
    ruled = NEW.replace(CENTS, "rules:\n  cheap: {{check: price < 4, on_fail: filter}}\n")
    ended = people.call("apply", ruled, *ALLOWED, "--allow", "E301")
    assert (ended.code, "1 set aside" in ended.out) == (0, True), ended.err
    assert people.documents() == [split(number) | {"price": number} for number in range(4)]


UNIT = """mapping: people
source: {{path: in.csv}}
target: {{database: {database}, collection: people, mode: {mode}}}
fields:
  _id: {{column: id, type: int}}
  name: {{column: name}}
  price: {{column: price, type: int}}
  unit: {{value: one, required: true}}
steps:
  divide: {{pipeline: [{{$set: {{price: {{$toInt: {{$divide: [60, "$price"]}}}}}}}}], makes: [price]}}
"""
CORRECTED = UNIT.replace('{{$divide: [60, "$price"]}}', '{{$divide: [60, {{$max: ["$price", 1]}}]}}')
WITHOUT = UNIT[: UNIT.index("steps:")]


@pytest.fixture
def stopped(people: People) -> People:
    """An apply whose step fails at the document 600, of which the trial knows nothing."""
    people.mode = "append"
    lines = [f"{number},Ann,{0 if number == 600 else 2}" for number in range(700)]
    (people.folder / "in.csv").write_text("\n".join(["id,name,price", *lines, ""]), encoding="utf-8")
    assert people.call("run", OLD, "--source", str(people.folder / "in.csv")).code == 0
    ended = people.call("apply", UNIT, "--allow", "E606")
    assert (ended.code, "step_failed" in ended.err, "whose _id is 600 " in ended.err) == (3, True, True), ended.err
    assert "at least 1,300 documents rewritten" in ended.err  # 700, and 600 by the step
    assert [one["price"] for one in people.documents()] == [30] * 600 + [0] + [2] * 99
    return people


def test_a_step_that_fails_goes_on_once_the_document_is_corrected(stopped: People) -> None:
    stopped.database["people"].update_one({"_id": 600}, {"$set": {"price": 3}})
    ended = stopped.call("apply", UNIT)
    assert ended.code == 0, ended.err
    assert [one["price"] for one in stopped.documents()] == [30] * 600 + [20] + [30] * 99


def test_a_step_that_fails_is_taken_back_for_a_corrected_one(stopped: People) -> None:
    planned = stopped.call("plan", CORRECTED)
    assert "engine apply first takes it back, then makes the changes below" in planned.out, planned.out
    assert (planned.code, "+ E606 step divide: step added: {" in planned.out, "$max" in planned.out) == (11, True, True)
    refused = stopped.call("apply", CORRECTED)
    assert (refused.code, "E606 step divide" in refused.err) == (3, True), refused.err
    ended = stopped.call("apply", CORRECTED, "--allow", "E606")
    assert ended.code == 0, ended.err
    assert [one["price"] for one in stopped.documents()] == [30] * 600 + [60] + [30] * 99
    assert stopped.call("plan", CORRECTED).code == 0


def test_a_step_that_fails_is_taken_back_where_the_mapping_has_it_no_more(stopped: People) -> None:
    ended = stopped.call("apply", WITHOUT)
    assert ended.code == 0, ended.err
    assert [one["price"] for one in stopped.documents()] == [2] * 600 + [0] + [2] * 99
    assert stopped.call("plan", WITHOUT).code == 0


def test_a_step_that_fails_is_taken_back(stopped: People) -> None:
    """What others wrote since stays, also in the document that the step changed."""
    stopped.database["people"].update_one({"_id": 3}, {"$set": {"price": 31}})
    stopped.database["people"].update_one({"_id": 4}, {"$set": {"name": "Eva"}})
    ended = stopped.call("apply", UNIT, "--undo")
    assert ended.code == 0, ended.err
    assert [one["price"] for one in stopped.documents()] == [2] * 3 + [31] + [2] * 596 + [0] + [2] * 99
    assert [one["name"] for one in stopped.documents()] == ["Ann"] * 4 + ["Eva"] + ["Ann"] * 695
    assert stopped.call("plan", OLD).code == 0


WILD = """
mapping: people
source: {{path: in.csv}}
target: {{database: {database}, collection: people, mode: {mode}}}
fields:
  _id: {{column: id, type: int}}
  who.first: {{column: first, required: true}}
  who.last: last
  price: {{column: price, type: long}}
  seen: {{column: seen, type: date}}
steps:
  names:
    pipeline:
      - $set: {{who.last: {{$last: {{$split: ["$name", " "]}}}}, who.first: {{$first: {{$split: ["$name", " "]}}}}, seen: $$NOW}}
      - $unset: name
    makes: [who.first, who.last, seen]
  bonus:
    where: {{price: {{$gt: 9}}}}
    pipeline: [{{$replaceWith: {{$mergeObjects: [$$ROOT, {{price: {{$toLong: 7}}, who: {{$mergeObjects: [{{x: 1}}, $who]}}}}]}}}}]
  again: {{pipeline: [{{$set: {{price: {{$add: ["$price", 1]}}, who.last: B}}}}]}}
validation: {{additional: true}}
"""
NAMES, BONUS, AGAIN = "step names", "step bonus", "step again"
WHEN = [("widen", 0), (NAMES, 0), (NAMES, 1), (NAMES, 2), (BONUS, 1), (AGAIN, 1), ("check", 0), ("trim", 0)]


def stop_wild(people: People, monkeypatch: pytest.MonkeyPatch, step: str, batch: int) -> None:
    """End its apply before a step of the apply, or within one of its own, behind so many batches."""
    change, seen = declared.DeclaredSteps._batch, 0

    def ends(self: Any, one: Any, *more: Any) -> None:
        nonlocal seen
        change(self, one, *more)
        seen += f"step {one.name}" == step
        if batch and seen == batch:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, nullcontext() if batch else stopping(step, "before"):
        patch.setattr(declared, "BATCH", 10)
        patch.setattr(declared.DeclaredSteps, "_batch", ends)
        ended = people.call("apply", WILD, *ALLOWED)
        assert ended.code == 130, ended.err


def raw(people: People) -> list[bytes]:
    return [one.raw for one in people.database.get_collection("people", CodecOptions(RawBSONDocument)).find().sort("_id", 1)]


@pytest.mark.parametrize(("step", "batch"), WHEN)
def test_steps_are_taken_back_from_anywhere_to_the_byte(people: People, monkeypatch: pytest.MonkeyPatch, step: str, batch: int) -> None:
    people.load(25)
    before = raw(people)
    stop_wild(people, monkeypatch, step, batch)
    undo = people.call("plan", WILD)
    assert "engine apply --undo brings the collection back" in undo.out, undo.out
    if step != "widen":
        put_back = Stepped.put_back

        def half(self: Stepped, *more: Any) -> Iterator[int]:
            for done in put_back(self, *more):
                yield done
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:  # the undo is killed, too
            patch.setattr(stepped, "BATCH", 10)
            patch.setattr(Stepped, "put_back", half)
            assert people.call("apply", WILD, "--undo").code == (130 if batch or step != NAMES else 0)
    ended = people.call("apply", WILD, "--undo")
    assert ended.code == 0, ended.err
    assert raw(people) == before
    assert not [name for name in people.database.list_collection_names() if "__before_" in name]
    assert (people.call("plan", OLD).code, people.call("verify", OLD).code) == (0, 0)


def test_what_was_set_aside_behind_a_step_comes_back_without_it(people: People) -> None:
    """A rule that filters is not the validator's, so documents that break it are found when they are rewritten and changed already."""
    people.load(25)
    before = raw(people)
    wild = WILD.replace('price: {{$add: ["$price", 1]}}, ', "").replace("price: {{$gt: 9}}", "price: {{$lt: 0}}")
    wild = f"{wild}rules:\n  cheap: {{{{check: price < 4, on_fail: filter}}}}\n"
    with stopping("check", "done"):
        ended = people.call("apply", wild, *ALLOWED, "--allow", "E301")
        assert ended.code == 130, ended.err
    assert [one["price"] for one in people.documents()] == [0, 1, 2, 3]
    ended = people.call("apply", wild, "--undo")
    assert ended.code == 0, ended.err
    assert raw(people) == before


def test_what_others_wrote_in_the_old_shape_behind_a_step_is_taken_back_too(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    people.load()
    before = raw(people)
    log, new = Applying._log, {"_id": 5, "name": "Ann5 Berg5", "price": 5}

    def write(self: Applying, step: Any) -> None:
        log(self, step)
        if step.name == "step cents":
            self.live.insert_one(new)
        if step.name == "check":
            assert self.live.find_one({"_id": 5})["last"] == "Berg5"
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Applying, "_log", write)
        assert people.call("apply", NEW, *ALLOWED).code == 130
    ended = people.call("apply", NEW, "--undo")
    assert ended.code == 0, ended.err
    assert raw(people) == [*before, encode(new)]


MOVES = """
mapping: people
source: {{path: in.csv}}
target: {{database: {database}, collection: people, mode: append}}
fields:
  _id: {{column: id, type: int}}
  home.city: city
  home.phone: phone
  state: state
validation: {{additional: true}}
"""
STEP = """steps:
  moves:
    pipeline:
      - $set: {{town: {{$toUpper: $home.city}}, made.by: step, state: closed}}
      - $set: {{home: {{$cond: [{{$eq: [{{$type: $home.phone}}, missing]}}, $$REMOVE, {{phone: $home.phone}}]}}}}
"""
STORED = [
    {"_id": 1, "home": {"city": "Rome"}, "state": "open"},
    {"_id": 2, "home": {"city": "Oslo", "phone": "1"}, "state": "open"},
    {"_id": 3, "home": {"city": "Bern"}, "state": "open", "$odd": 1, "at": Timestamp(0, 0), "list": [float("nan")]},
]


@pytest.fixture
def moved(people: People) -> People:
    """An apply that stopped behind a step."""
    (people.folder / "in.csv").write_text("id,city,phone,state\n", encoding="utf-8")
    allow = ("--allow", "nothing_to_publish")
    assert people.call("run", MOVES, "--source", str(people.folder / "in.csv"), *allow).code == 0
    live = people.database.get_collection("people", EXACT)
    live.insert_many([{name: value for name, value in one.items() if name != "at"} for one in STORED])
    live.update_one({"_id": 3}, [{"$set": {"at": {"$literal": Timestamp(0, 0)}}}])
    with stopping("step moves"):
        ended = people.call("apply", MOVES + STEP, "--allow", "E606")
        assert ended.code == 130, ended.err
    return people


def test_others_may_write_beside_what_a_step_has_moved(moved: People) -> None:
    """Values in the documents that it emptied, or made: all of theirs stays, and all of its own goes."""
    live = moved.database["people"]
    live.update_one({"_id": 1}, {"$set": {"home.phone": "77", "made.theirs": 1}})
    live.update_one({"_id": 2}, {"$unset": {"home": ""}})
    live.delete_one({"_id": 3})
    live.insert_one({"_id": 3.0, "home": {"city": "Rome"}, "state": "closed"}, bypass_document_validation=True)
    ended = moved.call("apply", MOVES, "--undo")
    assert ended.code == 0, ended.err
    assert "others had changed 2 documents that steps had changed" in ended.out, ended.out
    first, second, third = moved.documents()
    assert first == {"_id": 1, "home": {"phone": "77", "city": "Rome"}, "state": "open", "made": {"theirs": 1}}
    assert second == {"_id": 2, "home": {"city": "Oslo"}, "state": "open"}
    assert third == {"_id": 3.0, "home": {"city": "Rome"}, "state": "closed"}


def test_what_others_write_while_an_undo_stands_half_done_is_kept(moved: People, monkeypatch: pytest.MonkeyPatch) -> None:
    tell = Undoing._tell

    def ends(self: Undoing, documents: int) -> None:
        tell(self, documents)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Undoing, "_tell", ends)
        assert moved.call("apply", MOVES, "--undo").code == 130
    live = moved.database["people"]
    assert live.find_one({"_id": 1})["state"] == "open"
    live.update_one({"_id": 1}, {"$set": {"state": "closed"}})
    assert moved.call("apply", MOVES, "--undo").code == 0
    assert [one["state"] for one in moved.documents()] == ["closed", "open", "open"]


def test_odd_names_and_values_come_back_to_the_byte(moved: People) -> None:
    assert moved.call("apply", MOVES, "--undo").code == 0
    found = raw(moved)[2]
    assert decode(found, CodecOptions()) | {"list": 0} == STORED[2] | {"list": 0}
    assert [*decode(found)] == ["_id", "home", "state", "$odd", "list", "at"]


def test_a_step_leaves_nothing_that_the_collection_takes_neither_now_nor_then(people: People) -> None:
    """Here a nested document without anything in it: to drop what is removed would drop it, but that comes later."""
    nested = OLD.replace("  price: {{", "  home.price: {{required: true, ")
    (people.folder / "in.csv").write_text("id,name,price\n1,Ann,7\n", encoding="utf-8")
    assert people.call("run", nested, "--source", str(people.folder / "in.csv")).code == 0
    empties = "steps:\n  empties: {{pipeline: [{{$set: {{price: $home.price}}}}, {{$unset: home.price}}], makes: [price]}}\n"
    ended = people.call("apply", OLD + empties, *ALLOWED)
    said = "1 of 1 document tried do not fit the mapping until what the mapping removes is dropped; nothing was done"
    assert (ended.code, said in ended.err) == (4, True), ended.err
    assert people.documents() == [{"_id": 1, "name": "Ann", "home": {"price": 7}}]


def test_each_step_leaves_what_the_collection_takes(people: People) -> None:
    """What one step breaks, another would mend; but the server looks in between."""
    people.load()
    two = """steps:
  parts: {{pipeline: [{{$set: {{name: {{$split: ["$name", n]}}}}}}]}}
  first: {{pipeline: [{{$set: {{name: {{$first: $name}}}}}}]}}
"""
    ended = people.call("apply", OLD + two, "--allow", "E606")
    assert (ended.code, "step_invalid" in ended.err, "nothing was done" in ended.err) == (4, True, True), ended.err
    assert [one["name"] for one in people.documents()] == [f"Ann{number} Berg{number}" for number in range(5)]


NO_VALIDATOR = 'validation: {{level: "off"}}\n'
FRAGILE = NEW.replace('$split: ["$name", " "]', '$split: [{{$concat: ["$name", ""]}}, " "]') + NO_VALIDATOR


def written_after(place: str, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three documents of the old shape, for one of which the step fails, written after this step of an apply."""
    people.load()
    assert people.call("apply", OLD + NO_VALIDATOR).code == 0
    log = Applying._log

    def write(self: Applying, step: Any) -> None:
        log(self, step)
        if step.name == place:
            self.live.insert_many([{"_id": number, "name": f"Ann{number} Berg{number}", "price": number} for number in (5, 6)])
            self.live.insert_one({"_id": 7, "name": 7, "price": 7})

    with monkeypatch.context() as writing:
        writing.setattr(Applying, "_log", write)
        ended = people.call("apply", FRAGILE, *ALLOWED)
    assert (ended.code, "step_failed" in ended.err, "whose _id is 7 " in ended.err) == (3, True, True), ended.err


def test_a_step_that_fails_for_what_others_wrote_meanwhile_names_it(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    written_after("step cents", people, monkeypatch)
    people.database["people"].update_one({"_id": 7}, {"$set": {"name": "Ann7 Berg7"}})
    ended = people.call("apply", FRAGILE, *ALLOWED)
    assert ended.code == 0, ended.err
    assert [one["last"] for one in people.documents()] == [f"Berg{number}" for number in range(8)]


def test_a_corrected_step_is_for_what_others_wrote_meanwhile_too(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    written_after("step cents", people, monkeypatch)
    corrected = FRAGILE.replace('["$name", ""]', '[{{$toString: "$name"}}]')
    planned = people.call("plan", corrected)
    assert "engine apply first takes it back" in planned.out, planned.out
    ended = people.call("apply", corrected, *ALLOWED)
    assert ended.code == 0, ended.err
    assert [one["last"] for one in people.documents()] == [*(f"Berg{number}" for number in range(7)), "7"]
    assert people.call("plan", corrected).code == 0


def test_past_the_trim_a_corrected_step_is_for_what_others_wrote(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    written_after("trim", people, monkeypatch)
    corrected = FRAGILE.replace('["$name", ""]', '[{{$toString: "$name"}}]')
    planned = people.call("plan", corrected)
    assert "its step split_names is carried out as this mapping has it" in planned.out, planned.out
    assert "E608 step split_names" in planned.out
    ended = people.call("apply", corrected, *ALLOWED)
    assert ended.code == 0, ended.err
    assert [one["last"] for one in people.documents()] == [*(f"Berg{number}" for number in range(7)), "7"]
    assert [one["price"] for one in people.documents()] == [0, 100, 200, 300, 400, 5, 6, 7]
    assert people.call("plan", corrected).code == 0
