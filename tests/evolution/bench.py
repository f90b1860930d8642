"""A database and a folder for tests of pairs of mappings: each example writes mappings and a source, and calls the command."""

import json
import os
from pathlib import Path
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from jobs import Ended, command
from pymongo.database import Database

from engine.errors import UsageError
from engine.evolution import KINDS
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

    def mapping(self, raw: dict[str, Any], collection: str = "c", mode: str = "replace") -> Path:
        file = self.folder / f"{len(list(self.folder.iterdir()))}.yaml"
        target = {"database": self.database.name, "collection": collection, "mode": mode}
        file.write_text(json.dumps(raw | {"target": target}), encoding="utf-8")
        return file

    def run(self, raw: dict[str, Any], collection: str = "c") -> dict[str, Any]:
        ended = self.tried(raw, collection)
        assert ended.code == 0, ended.err
        return ended.report

    def tried(self, raw: dict[str, Any], collection: str = "c") -> Ended:
        return command("run", "-m", self.mapping(raw, collection), "--source", self.folder / "in.csv", "--json", *ANY_SOURCE)

    def verb(self, name: str, raw: dict[str, Any], *more: str) -> tuple[int, dict[str, Any], str]:
        ended = command(name, "-m", self.mapping(raw), "--json", *more)
        return ended.code, json.loads(ended.out) if ended.out else {}, ended.err

    def documents(self, collection: str = "c") -> list[bytes]:
        return sorted(one.raw for one in self._raw(collection).find())

    def _raw(self, collection: str) -> Any:
        return self.database.get_collection(collection, codec_options=CodecOptions(RawBSONDocument))


def valid(raw: dict[str, Any]) -> bool:
    try:
        loads(json.dumps(raw))
    except UsageError:
        return False
    return True
