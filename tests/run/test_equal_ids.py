"""Rows whose `_id`s or keys differ in their digits only are rows of one document, as they are for the server."""

import pytest
from jobs import Ended, Jobs, command

MAPPING = """
mapping: equal
source: {{path: in.csv}}
target: {{database: {database}, collection: people, mode: {mode}}}
limits: {{rejects: 90%}}
validation: {{{validation}}}
{more}
fields:
  {key}: {{column: k, type: {kind}}}
  v: v
"""
OPEN = 'level: "off"'
KINDS = {"decimal": ["1.0", "1.00", "01", "2.50"], "double": ["0.0", "-0.0", "0", "2.5"], "long": ["1", "+1", "01", "2"]}


def run(jobs: Jobs, texts: list[str], **parts: str) -> Ended:
    mapping, source = jobs.folder / "equal.yaml", jobs.folder / "in.csv"
    mapping.write_text(
        MAPPING.format(database=jobs.database.name, **{"key": "_id", "more": "", "validation": OPEN, **parts}), encoding="utf-8"
    )
    source.write_text("k,v\n" + "".join(f"{text},row {row}\n" for row, text in enumerate(texts, 1)), encoding="utf-8")
    return command("run", "-m", mapping, "--source", source, "--json")


def values(jobs: Jobs) -> list[str]:
    return sorted(document["v"] for document in jobs.live.find())


@pytest.mark.parametrize("mode", ["replace", "upsert", "append", "sync"])
@pytest.mark.parametrize("kind", KINDS)
def test_of_equal_ids_the_first_is_loaded_in_every_mode(jobs: Jobs, mode: str, kind: str) -> None:
    for turn in range(2):
        ended = run(jobs, KINDS[kind], mode=mode, kind=kind)
        assert (ended.code, ended.counts) == (0, (4, 2, 0, 2, 0)), ended.err
        assert [(one["code"], one["rows"]) for one in ended.report["rejects"]] == [("duplicate_key", 2)]
        assert values(jobs) == ["row 1", "row 4"]
        assert mode == "replace" or ended.report["changes"]["unchanged"] == 2 * turn


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("identity", ["id: {objectId: random}", "id: {hash: [k_]}"])
def test_equal_keys_are_duplicates(jobs: Jobs, kind: str, identity: str) -> None:
    ended = run(jobs, KINDS[kind], mode="replace", kind=kind, key="k_", more=f"dedup: {{on: [k_]}}\n{identity}")
    assert (ended.code, ended.counts) == (0, (4, 2, 2, 0, 0)), ended.err
    assert values(jobs) == ["row 1", "row 4"]


@pytest.mark.parametrize("mode", ["upsert", "sync"])
def test_the_same_id_in_other_digits_is_an_update(jobs: Jobs, mode: str) -> None:
    """Also where another program has written it as a number of another type."""
    assert run(jobs, ["7"], mode=mode, kind="decimal", validation="").code == 0
    jobs.live.replace_one({}, {"_id": 7, "v": "of a shell"}, bypass_document_validation=True)
    for text in ("7.0", "7.00"):
        ended = run(jobs, [text], mode=mode, kind="decimal", validation="")
        assert (ended.code, ended.report["changes"]["updated"]) == (0, 1), ended.err
    assert values(jobs) == ["row 1"]
    assert command("verify", "-m", jobs.folder / "equal.yaml").code == 0


@pytest.mark.parametrize("merge", ["upsert, on_match: merge", "upsert", "sync"])
def test_an_open_collection_keeps_the_digits_of_the_id(jobs: Jobs, merge: str) -> None:
    assert run(jobs, ["7"], mode=merge, kind="decimal").code == 0
    jobs.live.replace_one({}, {"_id": 7, "v": "of a shell"})
    for turn in range(2):
        ended = run(jobs, ["7.0"], mode=merge, kind="decimal")
        assert (ended.code, ended.report["changes"]["unchanged"]) == (0, turn), ended.err
    assert jobs.documents() == [{"_id": 7, "v": "row 1"}]
