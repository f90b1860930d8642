"""An apply that stopped anywhere can be continued, taken back, or taken over by another mapping; plan says what works, and it does."""

from collections.abc import Callable
from typing import Any

import pytest
from bson import Int64
from jobs import Ended, Jobs, command

from engine.apply.applying import Applying
from engine.apply.undoing import Undoing
from engine.mongo.state import CollectionState, content_of, state_of

ROWS = [[number, f"n{number}", "Rome" if number % 2 else "", f"0{30 + number}"] for number in range(60)]
OLD = """
mapping: people
source: {{path: in.csv}}
target: {{database: {database}, collection: people, mode: {mode}}}
fields:
  _id: {{column: id, type: int}}
  name: {{column: name, private: true}}
  home.city: city
  age: {{column: age, required: true}}
limits: {{rejects: 100%, shrink: 100%}}
indexes:
  by_city: {{keys: {{home.city: 1}}}}
  by_age: {{keys: {{age: 1}}, sparse: true}}
"""
NEW = """
mapping: people
source: {{path: in.csv}}
target: {{database: {database}, collection: people, mode: {mode}}}
fields:
  _id: {{column: id, type: int}}
  home.town: {{column: city, was: home.city, default: Nowhere}}
  years: {{column: age, type: int, was: age, required: true, maximum: 80}}
  twice: {{compute: years + years}}
limits: {{rejects: 100%, shrink: 100%}}
indexes:
  by_city: {{keys: {{home.town: 1}}}}
  by_twice: {{keys: {{twice: -1}}}}
"""
THIRD = NEW.replace("twice: {{compute: years + years}}", "thrice: {{compute: years + years + years}}").replace("twice: -1", "thrice: -1")
STEPS = ("widen", "free", "rewrite", "index", "check", "unindex", "trim", "tighten")
ALLOWED = ("--allow", "E102", "--allow", "E104", "--allow", "E111", "--allow", "E301")


class People(Jobs):
    """Texts that become numbers, a default, a rename, a removed field, documents that are set aside."""

    def file(self, text: str, name: str = "people") -> Any:
        file = self.folder / f"{name}.yaml"
        file.write_text(text.format(database=self.database.name, mode=self.mode), encoding="utf-8")
        return file

    def load(self) -> CollectionState:
        ended = command("run", "-m", self.file(OLD), "--source", self.write(ROWS))
        assert ended.code == 0, ended.err
        self.live.create_index([("theirs", 1)])
        return self.state

    @property
    def state(self) -> CollectionState:
        return state_of(self.live, content_of(self.live))

    def others(self) -> set[str]:
        return {name for name in self.database.list_collection_names() if name not in ("people", "_engine_runs", "_engine_locks")}

    def apply(self, text: str, *more: str) -> Ended:
        return command("apply", "-m", self.file(text), *ALLOWED, *more)

    def undo(self) -> Ended:
        return command("apply", "-m", self.file(THIRD), "--undo")

    def plan(self, text: str) -> tuple[int, dict[str, Any]]:
        ended = command("plan", "-m", self.file(text), "--json")
        return ended.code, ended.report

    def verify(self) -> Ended:
        return command("verify", "-m", self.file(OLD))


@pytest.fixture
def people(jobs: Jobs) -> People:
    return People(jobs.database, jobs.folder)


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Ends an apply of a mapping at a step: before it, or when it is done and not recorded yet."""

    def stop(people: People, text: str, name: str, when: str, kind: type = Applying) -> None:
        method = "_carry_out" if kind is Applying else "_step"
        carry_out = getattr(kind, method)

        def ending(self: Any, step: Any, *more: Any) -> None:
            if getattr(step, "name", step) == name and when == "before":
                raise KeyboardInterrupt
            carry_out(self, step, *more)
            if getattr(step, "name", step) == name:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(kind, method, ending)
            ended = people.apply(text) if kind is Applying else people.undo()
        assert ended.code == 130, ended.err

    return stop


PLACES = [(step, when) for step in STEPS for when in ("before", "after")]
BACK = ("free", "return", "put back", "rewrite", "index", "tighten")
OTHERS = [("old", "put back"), ("new", "rewrite"), ("third", "return")]
BEFORE_TRIM = [*PLACES[: PLACES.index(("trim", "before"))], ("trim", "before")]


@pytest.mark.parametrize(("step", "when"), BEFORE_TRIM)
def test_taken_back_from_anywhere_before_values_are_dropped(people: People, stopped: Callable[..., None], step: str, when: str) -> None:
    before = people.load()
    stopped(people, NEW, step, when)
    told = people.plan(THIRD)[1]["unfinished"]
    assert (told["apply"], told["undoable"], told["stage"]) == ("undo", True, step)
    ended = people.undo()
    assert ended.code == 0, ended.err
    assert people.state == before
    assert people.others() == set()
    assert (people.plan(OLD)[0], people.verify().code) == (0, 0)
    outcomes = [one["outcome"] for one in people.database["_engine_runs"].find({"kind": "apply"}).sort("fence", 1)]
    assert outcomes == ["undone", "published"]
    loaded = command("run", "-m", people.file(OLD), "--source", people.write(ROWS))
    assert (loaded.code, people.state) == (0, before), loaded.err


@pytest.fixture
def fresh(people: People) -> Callable[[str], CollectionState]:
    """The state after the mapping was applied to what was loaded with the old one, undisturbed."""

    def applied(text: str) -> CollectionState:
        people.live.drop()
        people.database["_engine_runs"].drop()
        people.load()
        assert people.apply(text).code == 0
        found = people.state
        people.live.drop()
        people.database["_engine_runs"].drop()
        for name in people.others():
            people.database[name].drop()
        return found

    return applied


@pytest.mark.parametrize(("step", "when"), [("free", "after"), ("rewrite", "after"), ("unindex", "after")])
def test_another_mapping_takes_over(
    people: People, stopped: Callable[..., None], fresh: Callable[[str], CollectionState], step: str, when: str
) -> None:
    wanted = fresh(THIRD)
    before = people.load()
    stopped(people, NEW, step, when)
    ended = people.apply(THIRD, "--json")
    assert (ended.code, people.state) == (0, wanted), ended.err
    assert ended.report["first"]["undone"]
    assert people.plan(THIRD)[0] == 0
    assert before.count == people.state.count + sum(people.database[name].count_documents({}) for name in people.others())


@pytest.mark.parametrize("step", ["rewrite", "check"])
def test_the_old_mapping_takes_over(people: People, stopped: Callable[..., None], step: str) -> None:
    before = people.load()
    stopped(people, NEW, step, "after")
    code, plan = people.plan(OLD)
    assert (code, plan["changes"], plan["unfinished"]["apply"]) == (10, [], "undo")
    ended = people.apply(OLD)
    assert (ended.code, "UNDONE" in ended.out, people.state) == (0, True, before), ended.err
    assert people.plan(OLD)[0] == 0


@pytest.mark.parametrize(("step", "when"), [place for place in PLACES if place[1] == "after"])
def test_the_same_mapping_goes_on(
    people: People, stopped: Callable[..., None], fresh: Callable[[str], CollectionState], step: str, when: str
) -> None:
    wanted = fresh(NEW)
    people.load()
    stopped(people, NEW, step, when)
    assert people.plan(NEW)[1]["unfinished"]["apply"] == "continue"
    ended = people.apply(NEW)
    assert (ended.code, people.state) == (0, wanted), ended.err
    assert not [name for name in people.others() if "__before_" in name]
    assert people.plan(NEW)[0] == 0


@pytest.fixture
def dropping(people: People, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Ends an apply of a mapping when the first value is about to be dropped."""

    def stop(text: str) -> None:
        rewrite = Applying._rewrite

        def ending(self: Applying, step: Any) -> None:
            if step.name == "trim":
                raise KeyboardInterrupt
            rewrite(self, step)

        with monkeypatch.context() as patch:
            patch.setattr(Applying, "_rewrite", ending)
            ended = people.apply(text)
        assert (ended.code, "--undo" in ended.err) == (130, False), ended.err

    return stop


@pytest.mark.parametrize("place", [("trim", "after"), ("tighten", "before"), None])
def test_past_the_trim_it_is_finished_first(
    people: People, stopped: Callable[..., None], dropping: Callable[[str], None], place: tuple[str, str] | None
) -> None:
    people.load()
    if place:
        stopped(people, NEW, *place)
    else:
        dropping(NEW)
    told = people.plan(THIRD)[1]["unfinished"]
    assert (told["apply"], told["undoable"]) == ("finish", False)
    refused = people.undo()
    assert (refused.code, "not_undoable" in refused.err) == (3, True), refused.err
    ended = people.apply(THIRD, "--json")
    assert ended.code == 0, ended.err
    assert ended.report["first"]["resumed"] == told["run"]
    assert people.plan(THIRD)[0] == 0
    assert people.live.count_documents({"thrice": {"$exists": True}}) == people.live.count_documents({})


@pytest.mark.parametrize(
    ("way", "step"), [*(("undo", step) for step in BACK), ("old", "put back"), ("new", "rewrite"), ("third", "return")]
)
def test_an_undo_that_stopped_is_ended_whatever_comes(
    people: People, stopped: Callable[..., None], fresh: Callable[[str], CollectionState], step: str, way: str
) -> None:
    text = {"new": NEW, "third": THIRD}.get(way, OLD)
    wanted = fresh(text) if way in ("new", "third") else None
    before = people.load()
    stopped(people, NEW, "check", "after")
    stopped(people, NEW, step, "after", Undoing)
    assert people.plan(text)[1]["unfinished"]["undo"]
    ended = people.undo() if way == "undo" else people.apply(text)
    assert (ended.code, people.state) == (0, wanted or before), ended.err
    assert people.plan(text)[0] == 0


REWRITTEN = {"E103 home.town", "E116 home.town", "E103 years", "E104 years", "E101 twice"}
BUILT = REWRITTEN | {"E403 index by_city", "E401 index by_twice"}
MADE = {
    ("free", "after"): set(),
    ("index", "before"): REWRITTEN,
    ("index", "after"): BUILT,
    ("unindex", "after"): BUILT | {"E402 index by_age"},
    ("tighten", "before"): BUILT | {"E402 index by_age", "E102 name"},
}


@pytest.mark.parametrize("place", MADE, ids=" ".join)
def test_a_plan_says_of_each_change_whether_it_is_made(people: People, stopped: Callable[..., None], place: tuple[str, str]) -> None:
    people.load()
    stopped(people, NEW, *place)
    code, plan = people.plan(NEW)
    assert {f"{change['code']} {change['subject']}" for change in plan["changes"] if change["made"]} == MADE[place]
    assert ({loss["code"] for loss in plan["allowed_before"]} >= {"E102"}) is (place[0] != "tighten")
    assert code == (10 if place[0] == "tighten" else 11)
    told = command("plan", "-m", people.file(NEW)).out
    left = len(plan["changes"]) - len(MADE[place])
    assert f"{left} of 10 changes {'is' if left == 1 else 'are'} left. Run `engine apply`: it continues it." in told
    assert told.count("made     by the unfinished apply") == len(MADE[place])
    assert f"changes since run {plan['applied']}: {people.live.count_documents({})} documents now" in told


def test_a_plan_in_the_middle_of_a_rewrite_says_how_far_it_came(people: People, stopped: Callable[..., None]) -> None:
    people.load()
    stopped(people, NEW, "rewrite", "before")
    people.database["_engine_runs"].update_one({"outcome": "interrupted"}, {"$set": {"position": 19}})
    assert people.plan(NEW)[1]["unfinished"]["documents"] == 20
    told = command("plan", "-m", people.file(NEW)).out
    assert "under way: rewrite (20 documents done)" in told
    assert "touches  60 documents, with those that are done" in told  # E101: nobody counts
    other = command("plan", "-m", people.file(THIRD)).out
    assert "left it, to which it is taken back first" in other


def test_what_the_second_mapping_cannot_have_is_said_before_the_first_is_finished(people: People, dropping: Callable[[str], None]) -> None:
    """Nothing is promised, nothing is done; what works is named, and works."""
    people.load()
    dropping(NEW)
    before = people.state
    code, plan = people.plan(OLD)
    assert {refusal["code"] for refusal in plan["refusals"]} == {"needs_source"}
    assert (code, plan["unfinished"]["apply"], plan["unfinished"]["refused"]) == (11, "finish", True)
    told = command("plan", "-m", people.file(OLD)).out
    assert "engine apply with this mapping is refused, as said below, and changes nothing" in told
    assert "then makes the changes below" not in told
    assert f"compared with the collection as apply {plan['unfinished']['run']} will leave it, which is finished first" in told
    run = plan["unfinished"]["run"]
    assert f"engine apply with the mapping of run {run} finishes it (engine history mapping {run} prints that)" in told
    refused = people.apply(OLD)
    assert (refused.code, "needs_source" in refused.err, people.state) == (3, True, before)
    people.file(NEW).write_text(command("history", "mapping", run, "-m", people.file(OLD)).out, encoding="utf-8")
    assert command("apply", "-m", people.file(NEW)).code == 0
    assert people.plan(NEW)[0] == 0


@pytest.mark.parametrize("part", ["first", "second"])
def test_a_unique_index_that_cannot_be_built_is_found_before_the_first_is_finished(
    people: People, dropping: Callable[[str], None], part: str
) -> None:
    people.load()
    unique = "  {name}: {{{{keys: {{{{home.town: 1}}}}, unique: true}}}}\n"
    dropping(NEW)
    third = THIRD + unique.format(name="by_town") if part == "second" else THIRD.replace("by_twice", "by_thrice")
    if part == "first":
        people.live.drop_index("by_twice")
        people.live.create_index([("name", 1)], name="by_twice")
    before = people.state
    plan = people.plan(third)[1]
    assert ([refusal["code"] for refusal in plan["refusals"]], plan["unfinished"]["refused"]) == (
        ["index_not_unique" if part == "second" else "index_conflict"],
        True,
    )
    refused = people.apply(third)
    assert (refused.code, plan["refusals"][0]["code"] in refused.err, people.state) == (4, True, before), refused.err


def test_what_a_rule_set_aside_once_it_was_rewritten_comes_back_with_its_old_values(people: People, stopped: Callable[..., None]) -> None:
    """A rule that filters is not the validator's, so its documents are found by the check only; and 030 and 30 are one number."""
    before = people.load()
    stopped(people, f"{NEW}rules:\n  young: {{{{check: years < 60, on_fail: filter}}}}\n", "check", "after")
    assert people.live.count_documents({}) == 30
    assert people.undo().code == 0
    assert people.state == before


def test_a_value_comes_back_with_the_document_that_it_was_alone_in(people: People, stopped: Callable[..., None]) -> None:
    before = people.load()
    stopped(people, OLD.replace("home.city: city", "home.city: {{column: city, type: double, on_error: 'null'}}"), "check", "after")
    assert people.live.count_documents({"home": {"$exists": True}}) == 0
    assert people.undo().code == 0
    assert people.state == before


def test_what_is_rewritten_already_is_not_kept_again(people: People, stopped: Callable[..., None]) -> None:
    """A constant makes every sweep look at all documents."""
    before = people.load()
    changed = NEW.replace("  home.town: {{column: city, was: home.city, default: Nowhere}}\n", "  home.city: {{value: Rome}}\n")
    stopped(people, changed.replace("home.town: 1", "home.city: 1"), "check", "after")
    assert people.undo().code == 0
    assert people.state == before


def test_nothing_is_kept_where_nothing_is_rewritten(people: People, stopped: Callable[..., None]) -> None:
    old = OLD.replace("age: {{column: age, ", "age: {{column: age, type: int, ")
    assert command("run", "-m", people.file(old), "--source", people.write(ROWS)).code == 0
    before = people.state
    stopped(people, old.replace("age: {{column: age, type: int, required: true}}", "age: {{column: age, type: int, on_error: 'null'}}"),
            "check", "after")  # fmt: skip
    assert people.undo().code == 0
    assert people.state == before


def test_what_others_wrote_is_kept_in_the_old_shape(people: People, stopped: Callable[..., None]) -> None:
    people.load()
    stopped(people, NEW, "rewrite", "after")
    people.live.insert_one({"_id": 1000, "home": {"town": "Bonn"}, "years": 7, "twice": Int64(14)})
    people.live.insert_one({"_id": 1001, "name": "Old", "home": {"city": "Rom"}, "age": "007"})
    people.live.update_one({"_id": 1}, {"$set": {"years": 8, "home.town": "Oslo"}})
    ended = people.undo()
    assert ended.code == 0, ended.err
    assert [*people.live.find_one({"_id": 1001}).items()] == [("_id", 1001), ("name", "Old"), ("home", {"city": "Rom"}), ("age", "007")]
    assert [*people.live.find_one({"_id": 1000}).items()] == [("_id", 1000), ("home", {"city": "Bonn"}), ("age", "7")]
    assert people.live.find_one({"_id": 1}) == {"_id": 1, "name": "n1", "home": {"city": "Oslo"}, "age": "8"}
    assert people.plan(OLD)[0] == 0


def test_an_index_made_by_hand_in_the_middle_is_no_dead_end(people: People, stopped: Callable[..., None]) -> None:
    before = people.load()
    stopped(people, NEW, "rewrite", "after")
    people.live.create_index([("name", 1)], name="by_twice")
    refused = people.apply(NEW)
    assert (refused.code, "by_twice" in refused.err, "index_conflict" in refused.err) == (4, True, True), refused.err
    ended = people.undo()
    assert ended.code == 0, ended.err
    assert (people.state.checksum, people.state.validator) == (before.checksum, before.validator)
    assert "by_twice" in people.live.index_information()


@pytest.mark.parametrize(("mode", "code"), [("append", 3), ("upsert", 3), ("replace", 0), ("sync", 0)])
def test_what_a_run_does_beside_an_unfinished_apply(people: People, stopped: Callable[..., None], mode: str, code: int) -> None:
    before = people.load()
    stopped(people, NEW, "rewrite", "after")
    people.mode = mode
    ended = command("run", "-m", people.file(OLD), "--source", people.write(ROWS))
    assert ended.code == code, ended.err
    if code:
        assert "engine apply --undo takes it back" in ended.err
    else:
        assert people.state.checksum == before.checksum
        people.mode = "upsert"
        assert (people.plan(OLD)[0], people.undo().code) == (0, 0)
        assert command("run", "-m", people.file(OLD), "--source", people.write(ROWS)).code == 0
        assert not [name for name in people.others() if "__before_" in name]


def test_nothing_to_undo(people: People) -> None:
    people.load()
    ended = people.undo()
    assert (ended.code, "no apply is unfinished" in ended.out) == (0, True), ended.err


def test_plan_says_it_in_words(people: People, stopped: Callable[..., None]) -> None:
    people.load()
    stopped(people, NEW, "rewrite", "after")
    told = command("plan", "-m", people.file(THIRD)).out
    assert "was not finished (done: widen, free; under way: rewrite; left: index, check, unindex, trim, tighten)" in told
    assert "engine apply first takes it back, then makes the changes below" in told
    assert "engine apply --undo brings the collection back to what run" in told


def test_what_cannot_have_the_old_shape_again_is_counted_and_can_be_set_aside(people: People, stopped: Callable[..., None]) -> None:
    """Case of a reviewer: a document of the new shape has nothing that the old mapping requires and the new one has removed."""
    people.load()
    years = "  years: {{column: age, type: int, was: age, required: true, maximum: 80}}\n"
    lean = NEW.replace(years, "").replace("{{compute: years + years}}", "{{value: 2, type: int}}")
    stopped(people, lean, "check", "before")
    people.live.insert_one({"_id": 900, "home": {"town": "Bonn"}, "twice": 2})
    ended = people.undo()
    assert (ended.code, "1 document that others wrote in the new shape cannot have the old one" in ended.out) == (0, True), ended.err
    code, plan = people.plan(OLD)
    assert (code, [(loss["code"], loss["documents"]) for loss in plan["losses"]]) == (11, [("E701", 1)])
    assert people.live.count_documents({}) == len(ROWS) + 1
    assert command("apply", "-m", people.file(OLD)).code == 3
    assert people.apply(OLD, "--allow", "E701").code == 0
    assert people.live.count_documents({}) == len(ROWS)
    assert people.plan(OLD)[0] == 0


def test_what_a_take_over_would_lose_is_told_before_anything_is_taken_back(people: People, stopped: Callable[..., None]) -> None:
    people.load()
    lean = NEW.replace("  years: {{column: age, type: int, was: age, required: true, maximum: 80}}\n", "")
    lean = lean.replace("{{compute: years + years}}", "{{value: 2, type: int}}").replace(", default: Nowhere", "")
    stopped(people, lean, "check", "before")
    people.live.insert_one({"_id": 900, "home": {"town": "Bonn"}, "twice": 2})
    other = OLD.replace("  name: {{column: name, private: true}}", "  called: {{column: name, private: true, was: name}}")
    code, plan = people.plan(other)
    assert (code, [(loss["code"], loss["documents"]) for loss in plan["losses"]]) == (11, [("E701", 1)])
    refused = command("apply", "-m", people.file(other))
    assert (refused.code, "E701" in refused.err) == (3, True), refused.err
    assert people.plan(lean)[1]["unfinished"]["apply"] == "continue"
    assert people.apply(other, "--allow", "E701").code == 0
    assert people.plan(other)[0] == 0
    assert people.live.count_documents({"called": {"$exists": True}}) == len(ROWS)


def test_a_plan_of_an_unfinished_apply_says_what_it_would_lose(people: People, stopped: Callable[..., None]) -> None:
    people.load()
    stopped(people, NEW, "check", "before")
    code, plan = people.plan(NEW)
    assert (code, plan["losses"], {loss["code"] for loss in plan["allowed_before"]}) == (11, [], {"E102"}), plan["allowed_before"]
    assert "that was allowed when the unfinished apply began" in command("plan", "-m", people.file(NEW)).out
