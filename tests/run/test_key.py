"""`target.key`: documents are matched by their own fields, and whoever made them keeps the `_id` that he gave them."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bson import Decimal128, ObjectId
from jobs import Ended, Jobs, command, own

MAPPING = """
mapping: goods
source: {{path: in.csv}}
target: {{database: {database}, collection: people, mode: {mode}, {key}{more}}}
fields:
  country: {{column: country, required: true}}
  item.number: {{column: number, type: {kind}, required: true}}
  name: name
{rest}
"""
NUTS, TEA, OATS = ["FR", 1, "nuts"], ["FR", 2, "tea"], ["DE", 1, "oats"]
KEYED = "target_key"


@dataclass
class Goods:
    """The small job of this file; `parts` are those of the mapping that a test has its own way."""

    jobs: Jobs
    parts: dict = field(default_factory=dict)

    @property
    def mapping(self) -> Path:
        file = self.jobs.folder / "goods.yaml"
        parts = {"mode": "upsert", "key": "key: [country, item.number]", "more": "", "kind": "int", "rest": "limits: {rejects: 90%}"}
        file.write_text(MAPPING.format(database=self.jobs.database.name, **parts | self.parts), encoding="utf-8")
        return file

    def run(self, rows: list[list], *arguments: str) -> Ended:
        source = self.jobs.folder / "goods.csv"
        lines = [["country", "number", "name"], *rows]
        source.write_text("".join(",".join(map(str, line)) + "\n" for line in lines), encoding="utf-8")
        return command("run", "-m", self.mapping, "--source", source, "--json", *arguments)

    @property
    def found(self) -> dict:
        return {(one["country"], one["item"]["number"]): (one["_id"], one.get("name")) for one in self.jobs.live.find()}


@pytest.fixture
def goods(jobs: Jobs) -> Goods:
    return Goods(jobs)


def foreign(row: list, **more) -> dict:
    return {"_id": ObjectId(), "country": row[0], "item": {"number": row[1]}, "name": row[2], **more}


@pytest.mark.parametrize("mode", ["upsert", "sync"])
@pytest.mark.parametrize("identity", ["", "id: {objectId: random}", "id: {hash: [country, number]}"])
@pytest.mark.parametrize("opened", ["", "validation: {additional: true}"])
def test_foreign_ids_stay_and_new_documents_get_the_mappings(goods: Goods, mode: str, identity: str, opened: str) -> None:
    theirs = foreign(NUTS)
    goods.jobs.live.insert_one(theirs)
    own(goods.jobs.live)
    goods.parts = {"mode": mode, "rest": f"{identity}\n{opened}"}
    first = goods.run([["FR", 1, "walnuts"], TEA])
    assert (first.code, first.report["changes"]) == (0, {"inserted": 1, "updated": 1, "unchanged": 0}), first.err
    found = goods.found
    assert found["FR", 1] == (theirs["_id"], "walnuts")
    assert (found["FR", 2][1], isinstance(found["FR", 2][0], ObjectId)) == ("tea", "random" in identity)
    again = goods.run([["FR", 1, "walnuts"], TEA])
    assert (again.code, again.report["changes"]) == (0, {"inserted": 0, "updated": 0, "unchanged": 2}), again.err
    assert goods.found == found
    changed = goods.run([NUTS, ["FR", 2, "green tea"], OATS])
    assert changed.report["changes"] == {"inserted": 1, "updated": 2, "unchanged": 0}, changed.err
    assert {key: one[0] for key, one in goods.found.items() if key in found} == {key: one[0] for key, one in found.items()}
    assert command("verify", "-m", goods.mapping).code == 0


def test_sync_deletes_by_the_key(goods: Goods) -> None:
    goods.parts = {"mode": "sync", "rest": "limits: {deletions: 100%}"}
    kept = foreign(NUTS)
    goods.jobs.live.insert_many([kept, foreign(TEA), foreign(OATS)])
    own(goods.jobs.live)
    ended = goods.run([NUTS])
    assert (ended.code, ended.report["changes"]) == (0, {"inserted": 0, "updated": 0, "unchanged": 1, "deleted": 2}), ended.err
    assert list(goods.jobs.live.find()) == [kept]


def test_foreign_fields_stay_in_an_open_collection(goods: Goods) -> None:
    goods.parts = {"rest": "validation: {additional: true}"}
    theirs = foreign(NUTS, stock=7)
    theirs["item"]["shelf"] = "A"
    goods.jobs.live.insert_one(theirs)
    own(goods.jobs.live)
    assert goods.run([["FR", 1, "walnuts"]]).code == 0
    assert list(goods.jobs.live.find()) == [{**theirs, "name": "walnuts"}]


@pytest.mark.parametrize("mode", ["replace", "upsert", "append", "sync"])
@pytest.mark.parametrize("dedup", ["", "dedup: {on: [country, item.number]}"])
def test_of_rows_with_one_key_the_first_is_loaded(goods: Goods, mode: str, dedup: str) -> None:
    goods.parts = {"mode": mode, "rest": f"limits: {{rejects: 90%}}\n{dedup}\nid: {{objectId: random}}"}
    for _ in range(2):
        ended = goods.run([NUTS, TEA, ["FR", 1, "other"]])
        assert (ended.code, ended.counts) == (0, (3, 2, 1, 0, 0) if dedup else (3, 2, 0, 1, 0)), ended.err
        reasons = [(one["code"], one["path"], one["message"]) for one in ended.report["rejects"]]
        assert reasons == ([] if dedup else [("duplicate_key", "country, item.number", "an earlier row has the same key")])
        assert sorted(one[1] for one in goods.found.values()) == ["nuts", "tea"]
        assert goods.jobs.live.index_information()[KEYED]["unique"]
    assert command("verify", "-m", goods.mapping).code == 0


@pytest.mark.parametrize("key", ["key: [country, item.number]", "on_match: ignore"])
def test_ignore_leaves_what_is_there(goods: Goods, key: str) -> None:
    """With and without a key; what is left as it is, and what is the same anyway, are counted apart."""
    ignore = "" if "ignore" in key else ", on_match: ignore"
    goods.parts = {"key": key, "more": ignore, "rest": "limits: {rejects: 90%}\nid: {hash: [country, number]}\ndedup: {on: row}"}
    assert goods.run([NUTS, TEA]).report["changes"]["inserted"] == 2
    before = goods.found
    goods.jobs.live.update_one({"name": "tea"}, {"$set": {"name": "changed"}})
    ended = goods.run([["FR", 1, "walnuts"], TEA, OATS])
    assert (ended.code, ended.report["changes"]) == (0, {"inserted": 1, "updated": 0, "unchanged": 0, "ignored": 2}), ended.err
    assert goods.found == before | {("FR", 2): (before["FR", 2][0], "changed"), ("DE", 1): goods.found["DE", 1]}
    assert goods.run([NUTS, OATS]).report["changes"] == {"inserted": 0, "updated": 0, "unchanged": 2}


def test_append_rejects_what_differs(goods: Goods) -> None:
    goods.parts = {"mode": "append"}
    goods.jobs.live.insert_one(foreign(NUTS))
    own(goods.jobs.live)
    ended = goods.run([["FR", 1, "walnuts"], TEA])
    assert ended.counts == (2, 1, 0, 1, 0), ended.err
    assert ended.report["rejects"][0]["path"] == "country, item.number"
    assert goods.run([NUTS, TEA]).report["changes"] == {"inserted": 0, "updated": 0, "unchanged": 2}


@pytest.mark.parametrize(("kind", "numbers"), [("decimal", ["1.0", "1.00", "01"]), ("double", ["0.0", "-0.0", "0"]), ("long", ["5", "+5"])])
def test_keys_are_equal_as_the_server_compares(goods: Goods, kind: str, numbers: list[str]) -> None:
    goods.parts = {"kind": kind}
    ended = goods.run([["FR", number, "x"] for number in numbers])
    assert (ended.counts[1], ended.counts[3]) == (1, len(numbers) - 1), ended.err
    (document,) = goods.jobs.live.find()
    for number in numbers:
        assert goods.run([["FR", number, f"row of {number}"]]).report["changes"]["updated"] == 1
    (now,) = goods.jobs.live.find()
    assert (now["_id"], now["name"]) == (document["_id"], f"row of {numbers[-1]}")


def test_a_number_of_another_type_is_the_same_key(goods: Goods) -> None:
    goods.jobs.live.insert_one(foreign(["FR", Decimal128("1.00"), "nuts"]))
    own(goods.jobs.live)
    ended = goods.run([NUTS], "--allow", "existing_documents")
    assert (ended.code, ended.report["changes"]["updated"]) == (0, 1), ended.err
    assert [type(one["item"]["number"]) for one in goods.jobs.live.find()] == [int]


def test_documents_with_one_key_are_found_before_anything_is_changed(goods: Goods) -> None:
    goods.jobs.live.insert_many([foreign(NUTS), foreign(NUTS)])
    own(goods.jobs.live)
    before = list(goods.jobs.live.find())
    ended = goods.run([TEA])
    assert (ended.code, [one["code"] for one in ended.report["errors"]]) == (4, ["index_not_unique"])
    assert "choose fields for target.key that all of them have and that tell them apart" in ended.err
    assert list(goods.jobs.live.find()) == before
    assert (list(goods.jobs.live.index_information()), goods.jobs.live.options()) == (["_id_"], {})


@pytest.mark.parametrize("lacking", [2, 1])
def test_documents_without_the_key_share_one(goods: Goods, lacking: int) -> None:
    goods.jobs.live.insert_many([{"country": "FR", "item": {"number": None}}, {"country": "FR"}][:lacking])
    own(goods.jobs.live)
    ended = goods.run([NUTS], "--allow", "existing_documents")
    assert ended.code == (4 if lacking > 1 else 0), ended.err
    assert goods.jobs.live.count_documents({}) == lacking + (lacking == 1)


@pytest.mark.parametrize("keys", [{"country": 1, "item.number": 1}, {"item.number": -1, "country": 1}])
def test_a_unique_index_of_others_is_enough(goods: Goods, keys: dict) -> None:
    goods.jobs.live.create_index(list(keys.items()), name="theirs", unique=True)
    own(goods.jobs.live)
    assert goods.run([NUTS, TEA]).code == 0
    assert set(goods.jobs.live.index_information()) == {"_id_", "theirs"}
    assert goods.run([NUTS, TEA]).report["changes"]["unchanged"] == 2


@pytest.mark.parametrize("index", ["unique: true", "unique: true, sparse: true", "sparse: true"])
def test_an_index_of_the_mapping_is_enough_where_it_tells_all_documents_apart(goods: Goods, index: str) -> None:
    goods.parts = {"rest": f"indexes: {{own: {{keys: {{item.number: 1, country: -1}}, {index}}}}}"}
    assert goods.run([NUTS, TEA]).code == 0
    assert set(goods.jobs.live.index_information()) == {"_id_", "own", *([] if index == "unique: true" else [KEYED])}


def test_the_index_belongs_to_the_mapping(goods: Goods) -> None:
    """Also for plan and apply, when the key changes."""
    assert goods.run([NUTS, TEA]).code == 0
    assert command("plan", "-m", goods.mapping).code == 0
    goods.parts = {"key": "key: [country, name]", "rest": "limits: {rejects: 90%}"}
    text = goods.mapping.read_text(encoding="utf-8").replace("  name: name", "  name: {column: name, required: true}")
    changed = goods.jobs.folder / "changed.yaml"
    changed.write_text(text, encoding="utf-8")
    planned = command("plan", "-m", changed)
    assert (planned.code, "target_key" in planned.out) == (10, True), planned.out + planned.err
    applied = command("apply", "-m", changed)
    assert applied.code == 0, applied.err
    assert goods.jobs.live.index_information()[KEYED]["key"] == [("country", 1), ("name", 1)]


def test_many_keys_are_looked_up_by_the_index(goods: Goods) -> None:
    """Several thousand documents of one batch, with as many values at one path as at the other."""
    rows = [[f"C{number % 70}", number // 70, f"name {number}"] for number in range(4_900)]
    assert goods.run(rows).report["changes"]["inserted"] == 4_900
    profile = goods.jobs.database
    profile.command("profile", 2)
    ended = goods.run(rows)
    profile.command("profile", 0)
    assert ended.report["changes"]["unchanged"] == 4_900, ended.err
    queries = profile["system.profile"].find({"op": {"$in": ["query", "getmore"]}, "ns": goods.jobs.live.full_name})
    finds = [one for one in queries if "$or" in str(one)]
    assert finds
    assert all("IXSCAN" in one["planSummary"] and "COLLSCAN" not in one["planSummary"] for one in finds)
    assert sum(one["docsExamined"] for one in finds) == 2 * 4_900


def test_two_new_documents_with_one_id_collide_as_rows(goods: Goods) -> None:
    goods.parts = {"rest": "limits: {rejects: 90%}\nid: {hash: [country]}"}
    ended = goods.run([NUTS, TEA, OATS])
    assert (ended.counts, ended.report["rejects"][0]["path"]) == ((3, 2, 0, 1, 0), "_id"), ended.err


def test_replace_keeps_a_unique_index_of_others_instead_of_its_own(goods: Goods) -> None:
    goods.parts = {"mode": "replace", "rest": "limits: {rejects: 90%, shrink: 100%}"}
    goods.jobs.live.create_index([("item.number", 1), ("country", 1)], name="theirs", unique=True)
    own(goods.jobs.live)
    ended = goods.run([NUTS, TEA, ["FR", 1, "other"]])
    assert (ended.code, ended.counts) == (0, (3, 2, 0, 1, 0)), ended.err
    assert set(goods.jobs.live.index_information()) == {"_id_", "theirs"}


def test_rejected_rows_are_loaded_by_the_key(goods: Goods) -> None:
    """Also with random `_id`s: the key tells which documents are there."""
    goods.parts = {"rest": "limits: {rejects: 90%}\nid: {objectId: random}"}
    ended = goods.run([NUTS, ["FR", "two", "tea"]])
    rejects = Path(ended.report["rejects_file"])
    rejects.write_text(rejects.read_text(encoding="utf-8").replace("two", "2"), encoding="utf-8")
    for turn in range(2):
        retried = command("rejects", "retry", rejects, "-m", goods.mapping, "--json")
        assert (retried.code, retried.report["changes"]["inserted"]) == (0, 1 - turn), retried.err
    assert len(goods.found) == 2
