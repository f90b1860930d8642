"""The hospital of the story: 2,000 admissions in a file, their mapping, which is edited, and the engine's commands."""

import copy
import csv
import importlib.util
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from jobs import Ended, command
from pymongo.database import Database

from story.changes import Change, Raw
from story.writers import Documents

ROOT = Path(__file__).parents[2]
ROWS = 2000
LIMITS = [part for code in ("reject_limit", "nothing_to_publish", "shrink_limit") for part in ("--allow", code)]


def write_source(file: Path) -> None:
    """Admissions as data/generate.py makes them; the patient of every 50th has not been discharged."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "data" / "generate.py")
    assert spec
    assert spec.loader
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    header, *rows = csv.reader(generate.lines(ROWS, 7))
    for row in rows[::50]:
        row[header.index("Discharge Date")] = ""
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])


def first_mapping(source: Path, database: str) -> Raw:
    """mappings/admissions.yaml, without its tests, which edits would have to follow."""
    raw: Raw = yaml.safe_load((ROOT / "mappings" / "admissions.yaml").read_text(encoding="utf-8").replace("{on:", '{"on":'))
    del raw["tests"]
    raw["source"]["path"] = str(source)
    raw["target"]["database"] = database
    return raw


@dataclass
class Hospital:
    """`raw` is the mapping as it is now. `loads`: what runs have loaded into an empty collection, by what decides it."""

    database: Database[dict[str, Any]]
    folder: Path
    raw: Raw
    loads: dict[str, Documents] = field(default_factory=dict)

    @property
    def live(self) -> Any:
        return self.database["admissions"]

    def edit(self, change: Change) -> Raw:
        """Edit the mapping. Returns the one of before. A `was` is needed once only."""
        old = copy.deepcopy(self.raw)
        for one in self.raw["fields"].values():
            one.pop("was", None)
        change(self.raw)
        return old

    def do(self, verb: str, *more: str, collection: str = "admissions") -> Ended:
        """One of the engine's commands, with the mapping as it is now."""
        file = self.folder / f"{collection}.yaml"
        file.write_text(json.dumps(self.raw | {"target": self.raw["target"] | {"collection": collection}}), encoding="utf-8")
        return command(verb, "-m", file, *more)

    def load(self, collection: str = "admissions") -> None:
        ended = self.do("run", *LIMITS, collection=collection)
        assert ended.code == 0, ended.err

    def documents(self, collection: str = "admissions") -> Documents:
        raw = self.database.get_collection(collection, codec_options=CodecOptions(RawBSONDocument))
        return {one["_id"]: bytes(one.raw) for one in raw.find()}

    def aside(self) -> Documents:
        """All that is set aside."""
        names = self.database.list_collection_names(filter={"name": {"$regex": "__set_aside_"}})
        return {ident: raw for name in names for ident, raw in self.documents(name).items()}

    def fresh(self) -> Documents:
        """What a run of the mapping loads into an empty collection; the same fields and rules load the same."""
        key = json.dumps([self.raw["fields"], self.raw["rules"]])
        if key not in self.loads:
            self.database.drop_collection("fresh")
            self.load("fresh")
            self.loads[key] = self.documents("fresh")
        return self.loads[key]
