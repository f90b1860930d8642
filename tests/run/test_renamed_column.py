"""Monthly files of which a later one calls a column otherwise: the same documents, the same `_id`s, and nothing to do for `apply`."""

from pathlib import Path
from typing import Any

import pytest
from jobs import Ended, command
from pymongo.database import Database

MAPPING = """
mapping: stays
source: {{path: {folder}/1.csv}}
target: {{database: {database}, collection: stays, mode: {mode}{key}}}
dedup: {{on: {dedup}}}
id: {{hash: {hash}}}
fields:
  name: {{column: Name, private: true, required: true}}
  room: {{column: {room}, type: int, required: true}}
  ward: Ward
limits: {{rejects: 100%, duplicates: 100%}}
"""
FIRST, LATER = "Name,Room Number,Ward\nAnn,1,a\nBo,2,b\n", "Name,Zimmer,Ward\nBo,2,b\nCy,3,c\nDi,x,d\n"


class Stays:
    """A mapping that is edited, and its files."""

    def __init__(self, database: Database[Any], folder: Path, mode: str) -> None:
        self.database, self.folder = database, folder
        self.parts = {"mode": mode, "key": "", "dedup": "row", "hash": "row", "room": "Room Number"}
        (folder / "1.csv").write_text(FIRST, encoding="utf-8")
        (folder / "2.csv").write_text(LATER, encoding="utf-8")
        (folder / "2-old.csv").write_text(LATER.replace("Zimmer", "Room Number"), encoding="utf-8")

    def call(self, verb: str, *more: str) -> Ended:
        file = self.folder / "stays.yaml"
        file.write_text(MAPPING.format(folder=self.folder, database=self.database.name, **self.parts), encoding="utf-8")
        return command(*verb.split(), "-m", file, *more)

    def load(self, month: str) -> Ended:
        ended = self.call("run", "--quiet", "--source", str(self.folder / f"{month}.csv"))
        assert ended.code == 0, ended.err
        return ended

    def documents(self) -> list[Any]:
        return list(self.database.stays.find().sort("_id", 1))


@pytest.fixture
def stays(database: Database[Any], mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stays:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    return Stays(database, tmp_path / "work", "append")


@pytest.mark.parametrize("parts", [
    {"mode": "append"},
    {"mode": "append", "hash": "[Name, Room Number]", "dedup": "[Room Number]"},
    {"mode": "upsert", "key": ", key: [name]"},
])  # fmt: skip
def test_a_column_under_another_name_is_the_same_column(stays: Stays, parts: dict[str, str]) -> None:
    stays.parts |= parts
    stays.load("1")
    stays.load("2-old")
    expected = stays.documents()
    stays.database.drop_collection("stays")
    stays.database.drop_collection("_engine_runs")
    stays.load("1")
    stays.parts["room"] = "[Zimmer, Room Number]"
    planned = stays.call("plan", "--json")
    assert (planned.code, planned.report["needs"]) == (0, "nothing")
    assert [change["code"] for change in planned.report["changes"]] == ["E602"]
    stays.load("2")
    assert stays.documents() == expected
    assert len(expected) == 3
    assert stays.call("plan").code == 0
    assert stays.call("verify").code == 0


def test_a_reject_of_the_old_name_is_loaded_again_under_the_new_one(stays: Stays) -> None:
    stays.load("2-old")
    file = next((stays.folder.parent / "home" / "rejects").glob("*.csv"))
    file.write_text(file.read_text(encoding="utf-8").replace(",x,", ",4,"), encoding="utf-8")
    stays.parts["room"] = "[Zimmer, Room Number]"
    ended = stays.call(f"rejects retry {file}")
    assert ended.code == 0, ended.err
    retried = stays.documents()
    stays.database.drop_collection("stays")
    stays.database.drop_collection("_engine_runs")
    for month in ("2", "2-old"):
        path = stays.folder / f"{month}.csv"
        path.write_text(path.read_text(encoding="utf-8").replace(",x,", ",4,"), encoding="utf-8")
    stays.load("2")
    assert stays.documents() == retried


def test_another_column_is_told_from_another_name(stays: Stays) -> None:
    stays.load("1")
    stays.parts["room"] = "Zimmer"
    refused = stays.call("run", "--source", str(stays.folder / "2.csv"))
    assert refused.code == 3
    assert "column: [Zimmer, Room Number]" in refused.err
    stays.parts["room"] = "[Zimmer, Room Number]"
    stays.load("2")


def test_a_header_with_none_of_the_names(stays: Stays) -> None:
    stays.parts["room"] = "[Zimmer, Room Number]"
    (stays.folder / "1.csv").write_text(FIRST.replace("Room Number", "Room"), encoding="utf-8")
    ended = stays.call("run")
    assert (ended.code, "no column 'Zimmer' (or 'Room Number'); it has 'Name', 'Room', 'Ward'" in ended.err) == (3, True), ended.err
