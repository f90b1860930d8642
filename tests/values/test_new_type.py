"""Adding a type takes a row and nothing else: `clock.py` adds one, and it goes all the way to the server."""

import subprocess
import sys
from pathlib import Path

import bson
import pytest
from bson import json_util
from pymongo.database import Database
from pymongo.errors import WriteError

ROOT = Path(__file__).parents[2]


def test_a_type_is_a_row(database: Database) -> None:
    script = [sys.executable, "-W", "error", str(ROOT / "tests/values/clock.py")]
    done = subprocess.run(script, capture_output=True, text=True, check=False, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    assert not done.stderr, done.stderr
    found = json_util.loads(done.stdout)
    assert (found["tests"], found["rejected"], found["in_order"]) == ([], 1, True)
    documents = [bson.decode(bytes.fromhex(one)) for one in found["documents"]]
    assert documents == [
        {"_id": "a", "opens": 360, "early": True, "closes": 1080},
        {"_id": "b", "opens": 1439, "kind": 510, "early": False, "closes": 1439},
    ]
    assert found["shown"][0] == {"_id": "a", "opens": "06:00", "early": True, "closes": "18:00"}
    there = database.create_collection("clocks", **found["options"])
    there.insert_many(documents)
    for wrong in ({"opens": 359}, {"opens": "06:00"}, {"kind": 511}, {"closes": 1440}):
        with pytest.raises(WriteError):
            there.insert_one(documents[1] | {"_id": "d"} | wrong)
