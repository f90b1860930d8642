"""A small job for tests: a mapping with integer `_id`s, a file, and the command, against a database of the test's own."""

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database

from engine import cli
from engine.mapping.model import Target
from engine.mongo.ledger import Ledger
from engine.mongo.ownership import read_uuid
from engine.mongo.records import Outcome, RunRecord
from engine.mongo.runids import new_run_id

MAPPING = """
mapping: people
source: {{path: in.csv}}
target: {{database: {database}, collection: people, mode: {mode}{more}}}
fields:
  _id: {{column: id, type: int}}
  name: {{column: name, private: true}}
  home.city: city
  age: {{column: age, type: int, minimum: 0}}
limits: {{{limits}}}
indexes:
  by_city: {{keys: {{home.city: 1}}}}
{rest}
"""
HEADER = ["id", "name", "city", "age"]


@dataclass
class Ended:
    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        return json.loads(self.out)

    @property
    def counts(self) -> tuple[int, ...]:
        """Rows read, documents, duplicates, rejected, filtered."""
        return tuple(rows for name, rows in self.report["accounting"].items() if name != "grouped")


@dataclass
class Jobs:
    database: Database
    folder: Path
    mode: str = "upsert"
    more: str = ""
    rest: str = ""
    limits: str = "rejects: 100%, shrink: 100%"  # of so few rows, one is soon too many
    rows: list[list[Any]] = field(default_factory=list)

    @property
    def live(self):
        return self.database["people"]

    @property
    def mapping(self) -> Path:
        file = self.folder / "people.yaml"
        file.write_text(
            MAPPING.format(database=self.database.name, mode=self.mode, more=self.more, limits=self.limits, rest=self.rest),
            encoding="utf-8",
        )
        return file

    def write(self, rows: list[list[Any]]) -> Path:
        file = self.folder / "in.csv"
        with file.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([HEADER, *rows])
        return file

    def run(self, rows: list[list[Any]], *arguments: str) -> Ended:
        return command("run", "-m", self.mapping, "--source", self.write(rows), "--json", *arguments)

    def adopt(self, *arguments: str) -> Ended:
        return command("adopt", "-m", self.mapping, *arguments)

    def documents(self) -> list[dict[str, Any]]:
        return list(self.live.find().sort("_id", 1))


def command(*arguments: Any) -> Ended:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run([str(one) for one in arguments], out, err)
    return Ended(code, out.getvalue(), err.getvalue())


def own(collection: Collection[Any]) -> None:
    """The collection is the engine's: an earlier run, which failed, has made it."""
    target, made = Target(collection.database.name, collection.name), read_uuid(collection)
    Ledger(collection.database.client, target).start(
        RunRecord(new_run_id(), collection.database.name, collection.name, outcome=Outcome.FAILED, uuid=made)
    )
