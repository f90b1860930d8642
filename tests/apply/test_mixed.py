"""Collections that files are added to, with documents of several shapes: what is kept of it, and how they come together again."""

from pathlib import Path
from typing import Any

import pytest
from jobs import Ended, command
from pymongo.database import Database
from pymongo.errors import WriteError

MAPPING = """
mapping: stays
source: {{path: {source}}}
target: {{database: {database}, collection: stays, mode: {mode}}}
id: {{hash: [Nr]}}
dedup: {{on: [Nr]}}
fields:
{fields}
limits: {{rejects: 100%}}
"""
FIELDS = """
  nr: {column: Nr, type: int, required: true}
  room: {column: Room, type: int, required: true}
  bill: {column: Bill, type: double, required: true}
"""
HEADER = "Nr,Room,Bill\n"


class Stays:
    """A mapping that is edited, monthly files of rows (number, room, bill), and their collection."""

    def __init__(self, database: Database[Any], folder: Path) -> None:
        self.database, self.folder = database, folder
        self.mode, self.fields, self.months = "append", FIELDS, 0

    @property
    def live(self) -> Any:
        return self.database.stays

    def edit(self, old: str, new: str) -> None:
        assert old in self.fields
        self.fields = self.fields.replace(old, new)

    def call(self, verb: str, *more: str) -> Ended:
        file, source = self.folder / "stays.yaml", f"'{self.folder}/*.csv'"
        values = {"source": source, "database": self.database.name, "mode": self.mode, "fields": self.fields.strip("\n")}
        file.write_text(MAPPING.format(**values), encoding="utf-8")
        return command(*verb.split(), "-m", file, *more)

    def month(self, *more: str, rows: int = 10, code: int = 0) -> Ended:
        """Load a new file."""
        first = self.months * rows
        file = self.folder / f"{self.months}.csv"
        file.write_text(HEADER + "".join(f"{nr},{100 + nr},{nr}.5\n" for nr in range(first, first + rows)), encoding="utf-8")
        ended = self.call("run", "--source", str(file), *more)
        assert ended.code == code, ended.out + ended.err
        self.months += ended.code == 0
        return ended

    def plan(self) -> dict[str, Any]:
        ended = self.call("plan", "--json")
        assert ended.code in (0, 10, 11), ended.err
        return ended.report

    def content(self) -> list[Any]:
        return [list(one.items()) for one in self.live.find().sort("nr", 1)]


@pytest.fixture
def stays(database: Database[Any], mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stays:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    found = Stays(database, tmp_path / "work")
    found.month()
    return found


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_the_validator_accepts_every_shape_that_is_there_and_no_other(stays: Stays, mode: str) -> None:
    stays.mode = mode
    stays.edit("type: double", "type: decimal")
    assert "mixed_shapes" in stays.month(code=3).err
    stays.month("--allow", "mixed_shapes")
    stays.month()
    for nr in (1, 11, 21):  # an application that knows nothing of the shapes
        assert stays.live.update_one({"nr": nr}, {"$set": {"room": 7}}).modified_count == 1
    with pytest.raises(WriteError):
        stays.live.update_one({"nr": 1}, {"$set": {"bill": "much"}})
    with pytest.raises(WriteError):
        stays.live.update_one({"nr": 11}, {"$set": {"surplus": 1}})
    stays.edit("  room: {column: Room, type: int, required: true}\n", "")
    stays.month("--allow", "mixed_shapes")
    assert stays.live.update_many({}, {"$inc": {"nr": 1000}}).modified_count == 40
