"""Two ways to the same state, on the real mongod: apply on the old collection, or a fresh run of the new mapping.

ENGINE_SOAK multiplies the number of examples.
"""

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
from evolution.generated import COLUMNS, evolutions, rows
from evolution.undoing import undoing
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from jobs import command
from pymongo.database import Database

from engine.errors import UsageError
from engine.evolution import KINDS, diff
from engine.mapping.loader import loads

SOAK = int(os.environ.get("ENGINE_SOAK", "1"))
ANY_SOURCE = [part for code in ("reject_limit", "nothing_to_publish", "shrink_limit") for part in ("--allow", code)]
ALLOW = [part for code in KINDS for part in ("--allow", code)]


class Bench:
    """A folder with mappings and a source, and a database that is emptied for each example."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder

    def clear(self) -> None:
        for name in self.database.list_collection_names():
            self.database.drop_collection(name)

    def mapping(self, raw: dict[str, Any], collection: str = "c") -> Path:
        file = self.folder / f"{len(list(self.folder.iterdir()))}.yaml"
        file.write_text(json.dumps(raw | {"target": {"database": self.database.name, "collection": collection}}), encoding="utf-8")
        return file

    def run(self, raw: dict[str, Any], collection: str = "c") -> dict[str, Any]:
        ended = command("run", "-m", self.mapping(raw, collection), "--source", self.folder / "in.csv", "--json", *ANY_SOURCE)
        assert ended.code == 0, ended.err
        return ended.report

    def verb(self, name: str, raw: dict[str, Any], *more: str) -> tuple[int, dict[str, Any], str]:
        ended = command(name, "-m", self.mapping(raw), "--json", *more)
        return ended.code, json.loads(ended.out) if ended.out else {}, ended.err

    def documents(self, collection: str = "c") -> list[bytes]:
        return sorted(one.raw for one in self._raw(collection).find())

    def _raw(self, collection: str) -> Any:
        from bson.codec_options import CodecOptions  # noqa: PLC0415
        from bson.raw_bson import RawBSONDocument  # noqa: PLC0415

        return self.database.get_collection(collection, codec_options=CodecOptions(RawBSONDocument))


@pytest.fixture
def bench(database: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    return Bench(database, tmp_path / "work")


def valid(raw: dict[str, Any]) -> bool:
    try:
        loads(json.dumps(raw))
    except UsageError:
        return False
    return True


@given(evolutions())
@settings(max_examples=40 * SOAK, deadline=None)
def test_a_mapping_does_not_differ_from_itself_and_every_change_has_a_way_back(pair: Any) -> None:
    old, new = (loads(json.dumps(raw)) for raw in pair) if all(map(valid, pair)) else (None, None)
    if old and new:
        assert diff(old, loads(json.dumps(pair[0]))) == ()
        there, back = diff(old, new), diff(new, old)
        assert sorted(map(str, undoing(there))) == sorted(map(str, back))


@given(st.data())
@settings(max_examples=20 * SOAK, deadline=None, suppress_health_check=list(HealthCheck))
def test_apply_and_a_fresh_run_end_in_the_same_documents(bench: Bench, data: st.DataObject) -> None:
    old, new = data.draw(evolutions().filter(lambda pair: all(map(valid, pair))))
    bench.clear()
    with (bench.folder / "in.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *data.draw(rows(old, new))])
    bench.run(old)
    before = bench.documents()
    code, plan, said = bench.verb("plan", new)
    assert code in (0, 10, 11), said
    if plan["blocked"]:
        event("needs the source")
        assert bench.verb("apply", new, *ALLOW)[0] == 3
        assert bench.documents() == before
        return
    if plan["losses"]:
        assert bench.verb("apply", new)[0] == 3
        assert bench.documents() == before
    code, _, said = bench.verb("apply", new, *ALLOW)
    assert code == 0, said
    assert bench.verb("plan", new)[0] == 0
    assert command("verify", "-m", bench.mapping(new)).code == 0
    if plan["rejected_before"]:
        event("rows were rejected before that fit now")
        return
    event("equal" + (", set aside" if plan["leaving"] else ""))
    if any("[]" in one["subject"] or one["subject"] in new.get("arrays", {}) for one in plan["changes"]):
        event("changes in arrays")
    bench.run(new, "fresh")
    assert bench.documents() == bench.documents("fresh")
    _, back, _ = bench.verb("plan", old)
    if not back["blocked"] and not plan["leaving"] and all(one["code"] != "E102" for one in plan["changes"]):
        event("and back")
        assert bench.verb("apply", old, *ALLOW)[0] == 0
        assert bench.documents() == before
