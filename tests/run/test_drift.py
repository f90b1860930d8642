"""What happens when the server's validator is not the mapping's: someone hardened it between the two."""

import io
import json
from pathlib import Path

import polars as pl
import pytest
from agreement.judging import mapping_of
from bson import encode
from pymongo.database import Database

from engine import cli
from engine.documents.validators import options
from engine.mongo.ledger import Ledger
from engine.mongo.locks import Lock
from engine.mongo.ownership import Ownership
from engine.mongo.replacement import Replacement

CANARY = "Canary Quetzalcoatl"
DOCUMENT = {"_id": 1, "p": {"name": CANARY, "age": 44}, "d": None}
DATE = {"$date": "2024-01-31T00:00:00Z"}
HARDENED = (
    ({"$jsonSchema": {"properties": {"p": {"properties": {"age": {"maximum": 40}}}}}}, "p.age", "maximum"),
    ({"$jsonSchema": {"properties": {"p": {"properties": {"name": {"maxLength": 3}}}}}}, "p.name", "maxLength"),
    ({"$jsonSchema": {"properties": {"p": {"required": ["sex"]}}}}, "p.sex", "required"),
    ({"$jsonSchema": {"properties": {"p": {"properties": {"name": {}}, "additionalProperties": False}}}}, "p", "additionalProperties"),
    ({"$and": [{"$jsonSchema": {}}, {"$nor": [{"p.age": {"$gt": 40}}]}]}, "p.age", "$gt"),
    ({"p.age": {"$lt": 40}}, "p.age", "$lt"),
    ({"$and": [{"$jsonSchema": {}}, {"$expr": {"$lt": ["$p.age", 40]}}]}, "", "$expr"),
    ({"$jsonSchema": {"properties": {"p": {"properties": {"name": {"not": {"bsonType": "string"}}}}}}}, "p.name", "not"),
    ({"$jsonSchema": {"properties": {"p": {"properties": {"age": {"anyOf": [{"maximum": 3}, {"minimum": 90}]}}}}}}, "p.age", "anyOf"),
)


@pytest.mark.parametrize(("validator", "path", "keyword"), HARDENED, ids=[f"{path} {keyword}" for _, path, keyword in HARDENED])
def test_a_refusal_names_keyword_and_path_and_no_value(validator: dict, path: str, keyword: str, database: Database) -> None:
    fields = {"_id": {"column": "i", "type": "int"}, "p.name": "n", "p.age": {"column": "a", "type": "int"}, "d": "d"}
    mapping = mapping_of(fields, target={"database": database.name, "collection": "c"})
    ledger = Ledger(database.client, mapping.target, "run")
    with Lock(database.client, mapping.target, ledger) as lock:
        sink = Replacement(database.client, Ownership(database.client, mapping, options(mapping), ledger), lock, fenced=True)
        sink.open()
        database.command("collMod", "c__staging_run", validator=validator)
        (refusal,) = sink.write(pl.Series([encode(DOCUMENT)]))
    assert (refusal.code, refusal.path, refusal.reason) == ("server_validator", path, f"the collection's validator refused it: {keyword}")
    assert CANARY not in str(refusal)


def test_a_run_says_that_validator_and_mapping_have_drifted(
    database: Database, mongo_uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path))
    opened = Replacement.open

    def harden(sink: Replacement) -> None:
        opened(sink)
        (name,) = [name for name in database.list_collection_names() if "staging" in name]
        database.command("collMod", name, validator={"$jsonSchema": {"properties": {"n": {"maxLength": 6}}}})

    monkeypatch.setattr(Replacement, "open", harden)
    target = f"target: {{database: {database.name}, collection: c}}"
    (tmp_path / "m.yaml").write_text(
        f"mapping: m\nsource: {{path: x}}\n{target}\ndedup: {{on: row}}\nlimits: {{rejects: 100%}}\n"
        "fields: {n: {column: n, private: true}}\n"
    )
    (tmp_path / "in.csv").write_text(f"n\nshort\n{CANARY}\n{CANARY}!\n")
    out, err = io.StringIO(), io.StringIO()
    assert cli.run(["run", "-m", str(tmp_path / "m.yaml"), "--source", str(tmp_path / "in.csv"), "--json"], out, err) == 0
    report = json.loads(out.getvalue())
    assert report["accounting"] == {"rows_read": 3, "documents": 1, "grouped": 0, "duplicates": 0, "rejected": 2, "filtered": 0}
    message = "the collection's validator refused it: maxLength"
    assert report["rejects"] == [{"code": "server_validator", "path": "n", "message": message, "rows": 2}]
    assert len(report["notes"]) == 1
    assert report["notes"][0].startswith("the server's validator refused 2 documents that the mapping accepts: the two have drifted apart")
    assert CANARY not in out.getvalue() + err.getvalue()
