"""What an apply would destroy, and why it would refuse, is in the plan; apply goes by the same.

Cases ttl-index-deletes-documents, unique-index-not-planned and strangers-plan-and-apply-disagree.
"""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from bson import json_util
from jobs import Ended, command
from pymongo.database import Database

from engine.apply.applying import Applying

MAPPING = """
mapping: stays
source: {{path: in.csv, columns: {{extra: ignore}}}}
target: {{database: {database}, collection: stays, mode: {mode}}}
fields:
  _id: {{column: id, type: int{id}}}
  {name}: {ward}
  since: {since}
  {more}
limits: {{rejects: 100%, shrink: 100%}}
indexes: {{{indexes}}}
validation: {{{validation}}}
"""
TODAY = datetime(2026, 1, 1)  # noqa: DTZ001
ROWS = "id,ward,since,place\n1,Oak,2001-05-01,1|2\n2,Elm,2001-06-01,3|4\n3,Oak,2999-01-01,5|6\n4,Ash,,7|8\n"
DATE = '{column: since, type: date, format: "%Y-%m-%d"}'
DAY = 86_400
NEW, OLD = f"old: {{keys: {{since: 1}}, expireAfterSeconds: {DAY}}}", f"old: {{keys: {{since: 1}}, expireAfterSeconds: {DAY * 20_000}}}"


class Stays:
    """A mapping that is edited, and its collection of four documents, of which two have a date long ago."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder, self.live = database, folder, database["stays"]
        self.parts = {
            "id": "",
            "name": "ward",
            "ward": "ward",
            "since": DATE,
            "more": "",
            "indexes": "",
            "validation": "",
            "mode": "replace",
        }
        (folder / "in.csv").write_text(ROWS, encoding="utf-8")

    def edit(self, **parts: str) -> None:
        self.parts |= parts

    def call(self, verb: str, *more: str) -> Ended:
        file = self.folder / "stays.yaml"
        file.write_text(MAPPING.format(database=self.database.name, **self.parts), encoding="utf-8")
        return command(verb, "-m", file, *(("--source", self.folder / "in.csv") if verb == "run" else ()), *more)

    def load(self, **parts: str) -> None:
        self.edit(**parts)
        ended = self.call("run", "--quiet")
        assert ended.code == 0, ended.err

    def plan(self) -> tuple[int, list[tuple[str, str, Any]], list[str]]:
        """Exit code, losses (code, subject, documents), and the codes of refusals."""
        ended = self.call("plan", "--json")
        assert ended.out, ended.err
        losses = [(loss["code"], loss["subject"], loss["documents"]) for loss in ended.report["losses"]]
        return ended.code, losses, [refusal["code"] for refusal in ended.report["refusals"]]

    def apply(self, *allowed: str) -> int:
        return self.call("apply", "--quiet", *(part for code in allowed for part in ("--allow", code))).code


@pytest.fixture
def stays(database: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stays:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    return Stays(database, tmp_path)


# indexes that delete documents


@pytest.mark.parametrize("way", [(), ("--undo",)], ids=["continued", "undone"])
def test_documents_with_both_paths_change_all_the_same(stays: Stays, monkeypatch: pytest.MonkeyPatch, way: tuple[str, ...]) -> None:
    """What is there at both paths before an apply must not keep it, or others, from changing the rest of the document."""
    stays.load(validation="additional: true", more="place: {column: place}")
    stays.live.update_one({"_id": 1}, {"$set": {"room": "theirs"}})
    before = list(stays.live.find().sort("_id", 1))
    stays.edit(name="room", ward="{column: ward, was: ward}", more="site: {column: place, was: place}")
    with monkeypatch.context() as stopping:
        stopping.setattr(Applying, "_close", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert stays.call("apply", "--allow", "E103").code == 130
    assert stays.live.find_one({"_id": 1})["site"] == "1|2"
    assert stays.live.update_one({"_id": 1}, {"$set": {"note": "mine"}}).modified_count == 1
    ended = stays.call("apply", *way)
    assert ended.code == 0, ended.err
    one = stays.live.find_one({"_id": 1})
    assert (one["ward"], one["room"], one["note"], one.get("place" if way else "site")) == ("Oak", "theirs", "mine", "1|2")
    if way:
        assert list(stays.live.find({"_id": {"$ne": 1}}).sort("_id", 1)) == before[1:]


@pytest.mark.parametrize("validation", ["additional: true", "action: warn", "level: 'off'", "additional: true, action: warn"])
def test_a_rename_to_a_path_that_others_use_says_whose_value_stays(stays: Stays, validation: str) -> None:
    stays.load(validation=validation)
    stays.live.update_one({"_id": 1}, {"$set": {"room": "theirs"}})
    stays.live.update_one({"_id": 2}, {"$set": {"room": "Elm"}})  # the same value: nothing is hidden
    stays.edit(name="room", ward="{column: ward, was: ward}")
    code, losses, _ = stays.plan()
    assert (code, losses) == (11, [("E103", "room", 1)])
    shown = stays.call("plan").out
    assert "in use   2 documents have something at this path already" in shown
    refused = stays.call("apply")
    assert (refused.code, "E103:room" in refused.err) == (3, True), refused.err
    assert stays.call("apply", "--allow", "E103:room:1").code == 0
    assert [(one["room"], one.get("ward")) for one in stays.live.find().sort("_id", 1)] == [
        ("theirs", "Oak"),
        ("Elm", "Elm"),
        ("Oak", None),
        ("Ash", None),
    ]
    assert stays.call("plan").code == 0


def test_a_new_ttl_index_deletes_documents(stays: Stays) -> None:
    stays.load()
    stays.edit(indexes=NEW)
    assert stays.plan() == (11, [("E401", "index old", 2)], [])
    assert "deletes 2 documents that are due now, and each document 86,400 seconds after its since" in stays.call("plan").out
    assert stays.apply() == 3
    assert "old" not in stays.live.index_information()
    ended = stays.call("apply", "--allow", "E401", "--json")
    assert (ended.code, ended.report["steps"][-1]["name"]) == (0, "expire"), ended.err
    assert stays.plan()[0] == 0


def test_sooner_is_destructive_and_later_is_not(stays: Stays) -> None:
    stays.load(indexes=OLD)
    stays.edit(indexes=NEW)
    assert stays.plan() == (11, [("E403", "index old", 2)], [])
    stays.edit(indexes=OLD.replace("1728000000", "2000000000"))
    assert stays.plan() == (10, [], [])
    assert stays.apply() == 0


def test_where_none_is_due_now_it_will_be(stays: Stays) -> None:
    stays.load()
    stays.edit(indexes=OLD)
    assert stays.plan() == (11, [("E401", "index old", 0)], [])
    assert "0 documents that are due now" in stays.call("plan").out


def test_only_what_the_index_holds_counts(stays: Stays) -> None:
    stays.load()
    stays.edit(indexes=NEW.replace("}, ", "}, partialFilterExpression: {ward: Oak}, ", 1))
    assert stays.plan() == (11, [("E401", "index old", 1)], [])


def test_any_date_of_an_array_counts(stays: Stays) -> None:
    (stays.folder / "in.csv").write_text("id,ward,since\n1,Oak,2001-05-01|2999-01-01\n2,Elm,2999-01-01\n", encoding="utf-8")
    listed = {"since": "{value: x}", "more": 'days[]: {column: since, split: "|", type: date, format: "%Y-%m-%d"}'}
    stays.load(**listed)
    stays.edit(indexes=f"old: {{keys: {{days: 1}}, expireAfterSeconds: {DAY}}}")
    assert stays.plan() == (11, [("E401", "index old", 1)], [])


def test_other_dates_under_an_index_that_is_there(stays: Stays) -> None:
    index = OLD.replace("since: 1", "due: 1")
    stays.load(more="due: {compute: 'add_days(since, 100000)', type: date}", indexes=index)
    stays.edit(more="due: {compute: 'add_days(since, -100000)', type: date}")
    assert stays.plan() == (11, [("E105", "due", 2)], [])
    assert "index old deletes 2 documents" in stays.call("plan").out


def test_dates_that_come_under_an_index_of_others(stays: Stays) -> None:
    stays.load(since="since")
    stays.live.create_index("since", name="theirs", expireAfterSeconds=DAY)  # texts are no dates
    stays.edit(since=DATE)
    assert stays.plan() == (11, [("E104", "since", 2)], [])
    assert stays.apply() == 3


def test_a_renamed_date_expires_as_before(stays: Stays) -> None:
    stays.load(indexes=OLD)
    renamed = DATE.replace("{", "{was: since, ", 1)
    file = stays.folder / "renamed.yaml"
    text = MAPPING.format(database=stays.database.name, **stays.parts | {"since": renamed, "indexes": OLD.replace("since", "begin")})
    file.write_text(text.replace("  since:", "  begin:"), encoding="utf-8")
    ended = command("plan", "-m", file, "--json")
    assert (ended.code, ended.report["losses"], ended.report["refusals"]) == (10, [], []), ended.report


def test_a_ttl_index_that_somebody_dropped_is_not_built_again_without_a_word(stays: Stays) -> None:
    stays.load(indexes=OLD)
    stays.live.drop_index("old")
    assert stays.plan() == (11, [("E401", "index old", 0)], [])


def test_without_a_server_nothing_is_counted(stays: Stays) -> None:
    stays.load()
    (stays.folder / "old.yaml").write_text((stays.folder / "stays.yaml").read_text())
    stays.edit(indexes=NEW)
    stays.call("plan")
    ended = command("plan", stays.folder / "old.yaml", stays.folder / "stays.yaml", "--json")
    assert (ended.code, [loss["documents"] for loss in ended.report["losses"]]) == (11, [None]), ended.err


@pytest.mark.parametrize("mode", ["upsert", "append"])
def test_a_run_does_not_build_one_over_documents_that_are_due_either(stays: Stays, mode: str) -> None:
    stays.load(mode=mode)
    stays.edit(indexes=NEW)
    (stays.folder / "in.csv").write_text("id,ward,since,place\n9,Oak,2999-01-01,\n", encoding="utf-8")
    ended = stays.call("run")
    assert (ended.code, "expiring_documents the index old deletes 2 documents that are due now" in ended.err) == (3, True), ended.err
    assert "see engine plan, and run engine apply first; or --allow expiring_documents" in ended.err
    assert "old" not in stays.live.index_information()
    assert stays.call("run", "--allow", "expiring_documents", "--quiet").code == 0
    assert "old" in stays.live.index_information()


# indexes that refuse, and ones that queries need


def test_a_unique_index_over_shared_keys_is_in_the_plan(stays: Stays) -> None:
    stays.load()
    stays.edit(indexes="one: {keys: {ward: 1}, unique: true}")
    assert stays.plan() == (10, [], ["index_not_unique"])
    said = stays.call("plan").out
    assert "the unique index one cannot be built: 2 documents share 1 key of ward" in said
    assert (stays.apply(), "one" in stays.live.index_information()) == (4, False)
    stays.live.update_one({"_id": 3}, {"$set": {"ward": "Fir"}})
    assert stays.plan() == (10, [], [])
    assert stays.apply() == 0


def test_a_changed_unique_index_is_looked_at_though_its_name_is_there(stays: Stays) -> None:
    stays.load(indexes="one: {keys: {since: 1}, unique: true}")
    stays.edit(indexes="one: {keys: {ward: 1}, unique: true}")
    assert stays.plan() == (10, [], ["index_not_unique"])
    assert stays.apply() == 4


def test_an_index_of_others_in_the_way_is_in_the_plan(stays: Stays) -> None:
    stays.load()
    stays.live.create_index("ward", name="theirs")
    stays.edit(indexes="mine: {keys: {ward: 1}}")
    assert stays.plan() == (10, [], ["index_conflict"])
    assert stays.apply() == 4


@pytest.mark.parametrize(
    ("before", "after", "code", "words"),
    [
        ("words: {keys: {ward: text}}", "", "E402", "$text over ward fails without it"),
        ("words: {keys: {ward: text}}", "words: {keys: {ward: text}, default_language: none}", "E403", "fails until it is built again"),
        ("words: {keys: {ward: text}}", "words: {keys: {ward: 1}}", "E403", "$text over ward fails without it"),
        ("spot: {keys: {spot: 2dsphere}}", "", "E402", "$near over spot fails without it"),
    ],
)
def test_an_index_that_queries_need(stays: Stays, before: str, after: str, code: str, words: str) -> None:
    stays.load(more='spot: {column: place, type: point, order: lonlat, separator: "|"}' if "spot" in before else "", indexes=before)
    stays.edit(indexes=after)
    subject = f"index {before.partition(':')[0]}"
    assert stays.plan() == (11, [(code, subject, 0)], [])
    assert words in stays.call("plan").out
    assert (stays.apply(), stays.apply(code)) == (3, 0)


# documents of neither shape


def past_the_validator(stays: Stays, *documents: dict[str, Any]) -> None:
    stays.live.with_options(write_concern=None).database.command("insert", "stays", documents=[*documents], bypassDocumentValidation=True)


def test_strangers_have_a_code_of_their_own_and_are_listed(stays: Stays) -> None:
    stays.load()
    past_the_validator(stays, {"_id": 90, "ward": 7}, {"_id": "x", "ward": "Oak"})
    stays.edit(ward="{column: ward, enum: [Oak, Elm]}")
    assert stays.plan() == (11, [("E111", "ward", 1), ("E701", "documents", 2)], [])
    said = stays.call("plan").out
    assert "E701 documents of neither shape: 2 documents that neither mapping accepts" in said
    assert '_id 90, "x"' in said
    assert (stays.apply("E111"), stays.apply("E701")) == (3, 3)
    ended = stays.call("apply", "--allow", "E111", "--allow", "E701", "--json")
    assert (ended.code, ended.report["set_aside"]) == (0, 3), ended.err
    assert stays.plan() == (0, [], [])


@pytest.mark.parametrize("made", [{"id": ", private: true"}, {"id": "}\n  name: {column: id, private: true"}])
def test_a_private_id_is_not_shown_and_the_server_tells_it(stays: Stays, made: dict[str, str]) -> None:
    stays.load(**made)
    past_the_validator(stays, {"_id": "Canary", "ward": 7}, {"_id": "Dove", "name": "Canary"}, {"_id": "Owl", "ward": "Canary", "late": 5})
    stays.edit(ward="{column: ward, maxLength: 9}", more="late: {value: 5, type: long}")
    shown, told = stays.call("plan").out, stays.call("plan", "--json")
    assert "their _ids are private; on the server: strangers.command of engine plan --json, in mongosh" in shown
    assert not {"Canary", "Dove", "Owl"} & {*re.findall(r"\w+", shown + told.out)}
    strangers = told.report["strangers"]
    place, pipeline = re.fullmatch(r"db\.(.*)\.aggregate\(EJSON\.deserialize\((.*), \{relaxed: false\}\)\)", strangers["command"]).groups()  # type: ignore[union-attr]
    assert place == f'getSiblingDB("{stays.database.name}").getCollection("stays")'
    found = stays.live.aggregate(json_util.loads(pipeline, json_options=json_util.CANONICAL_JSON_OPTIONS))
    assert (strangers["documents"], strangers["ids"]) == (3, [])
    assert sorted(one["_id"] for one in found) == ["Canary", "Dove", "Owl"]


@pytest.mark.parametrize("validation", ["existing: keep", "level: 'off'", "action: warn"])
def test_strangers_stay_where_the_mapping_says_so(stays: Stays, validation: str) -> None:
    stays.load(validation=validation)
    past_the_validator(stays, {"_id": 90, "ward": 7})
    stays.edit(ward="{column: ward, maxLength: 9}")
    assert stays.plan() == (10, [], [])
    assert (
        f"1 document that the mapping refuses would stay as it is (validation.{validation.replace(chr(39), '')})" in stays.call("plan").out
    )
    assert stays.apply() == 0
    assert stays.live.find_one({"_id": 90}) == {"_id": 90, "ward": 7}


def test_a_field_that_an_open_collection_allows_is_no_fault(stays: Stays) -> None:
    stays.load(validation="additional: true")
    stays.live.update_one({"_id": 1}, {"$set": {"note": "theirs"}})
    stays.edit(ward="{column: ward, maxLength: 9}")
    assert stays.plan() == (10, [], [])
    stays.edit(validation="additional: false")
    assert stays.plan() == (11, [("E502", "validation", 1)], [])


def test_a_new_field_whose_path_others_use_says_so(stays: Stays) -> None:
    stays.load(validation="additional: true")
    stays.live.update_one({"_id": 1}, {"$set": {"beds": 5}})
    stays.edit(more="beds: {value: '3', type: int}")
    ended = stays.call("plan", "--json")
    assert [change["taken"] for change in ended.report["changes"]] == [1]
    assert "in use   1 document has something at this path already, which stays" in stays.call("plan").out


# what fails a build


def test_what_fails_a_build(stays: Stays) -> None:
    stays.load()
    gates = lambda: [stays.call("plan", *more).code for more in ((), ("--fail-on", "destructive"), ("--fail-on", "breaking"))]  # noqa: E731
    assert gates() == [0, 0, 0]
    stays.edit(indexes="more: {keys: {ward: 1}}")
    assert gates() == [10, 0, 0]
    stays.edit(ward="{column: ward, maxLength: 9}")
    assert gates() == [10, 0, 12]
    stays.edit(ward="{column: ward, maxLength: 2}")
    assert gates() == [11, 11, 11]
