"""The two verdicts side by side: what the engine makes of cells, and what a real server says of the documents they become."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl
from bson import decode
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from engine.documents.validators import enforcement, options
from engine.mapping.columns import columns_of
from engine.mapping.loader import loads
from engine.mapping.model import ID, Mapping
from engine.plan import Evaluated, Plan, Verdicts, compile_plan
from engine.sources.names import ROW

NOW = datetime(2024, 6, 1, 12)  # noqa: DTZ001 -- BSON dates are UTC
DUPLICATE_KEY, INVALID_DOCUMENT = 11000, 121
Rows = Sequence[dict[str, str]]


@dataclass(frozen=True)
class Judged:
    """Documents by the engine's verdict, as BSON; `refused` holds those that it rejects for what the server enforces as well."""

    accepted: list[bytes]
    refused: list[bytes]


def verdicts(mapping: Mapping, rows: Rows) -> tuple[Plan, Verdicts]:
    """The plan over rows of cells by column. What would fail the run is rejected here, so that every row has its verdict."""
    columns = list(columns_of(mapping))
    plan = compile_plan(mapping, columns, now=NOW)
    plan = replace(plan, checks=tuple(replace(check, outcome="reject") if check.outcome == "fail" else check for check in plan.checks))
    cells = {name: [row.get(name, "") for row in rows] for name in columns} | {ROW: list(range(1, len(rows) + 1))}
    frame = pl.DataFrame(cells, schema={**dict.fromkeys(columns, pl.String), ROW: pl.Int64})
    return plan, plan.apply(frame)


def judge(mapping: Mapping, rows: Rows) -> Judged:
    """The engine's verdicts. Rows whose only fault is a cell that is no value of its type become no document and are in neither list."""
    plan, found = verdicts(mapping, rows)
    shared = {(one.subject, one.what) for one in enforcement(mapping) if not one.reason}
    checks = [check for check in plan.checks if check.outcome == "reject" and (check.path or "rule", check.code) in shared]
    refused = found.rejected.filter(found.rejected.broken(checks))
    return Judged(documents(plan, found.accepted), documents(plan, refused))


def documents(plan: Plan, rows: Evaluated) -> list[bytes]:
    """The documents of rows, in their order, whatever their verdicts."""
    if plan.mapping.identity:
        size = 16 if plan.mapping.identity.hash else 12
        rows = rows.with_ids(pl.Series([secrets.token_bytes(size) for _ in range(len(rows))], dtype=pl.Binary))
    return plan.encode(rows).to_list()


def taken(database: Database, mapping: Mapping, raw: Sequence[bytes], collection: str = "judged") -> list[bool]:
    """For each document: does a collection with the mapping's validator take it? (A key that is there already is not the validator's.)"""
    if collection not in database.list_collection_names():
        database.create_collection(collection, **options(mapping))
    verdict = [True] * len(raw)
    try:
        if raw:
            database[collection].insert_many([RawBSONDocument(one) for one in raw], ordered=False)
    except BulkWriteError as error:
        for one in error.details["writeErrors"]:
            assert one["code"] in (DUPLICATE_KEY, INVALID_DOCUMENT), f"the server failed with code {one['code']}: {one['errmsg'][:300]}"
            verdict[one["index"]] = one["code"] == DUPLICATE_KEY
    return verdict


def disagreements(database: Database, mapping: Mapping, rows: Rows) -> tuple[int, list[str]]:
    """How many documents were compared, and a sentence for each on which engine and server differ."""
    judged = judge(mapping, rows)
    both = judged.accepted + judged.refused
    collection = f"judged_{secrets.token_hex(4)}"
    said = taken(database, mapping, both, collection)
    database.drop_collection(collection)
    wanted = [True] * len(judged.accepted) + [False] * len(judged.refused)
    return len(both), [
        f"the engine {'accepts' if engine else 'rejects'}, the server does not agree: {shown(raw)}"
        for raw, engine, server in zip(both, wanted, said, strict=True)
        if engine != server
    ]


def shown(raw: bytes) -> Any:
    """A document for a message; a date that Python cannot hold stays BSON."""
    try:
        return decode(raw)
    except (ValueError, OverflowError):
        return raw


def mapping_of(fields: dict[str, Any], rules: dict[str, Any] | None = None, **more: Any) -> Mapping:
    """A mapping with these fields and rules. Raises UsageError."""
    top = {"mapping": "m", "source": {"path": "x"}, "target": {"database": "d", "collection": "c"}, "fields": fields, **more}
    if ID not in fields:
        top = {**top, "id": {"objectId": "random"}}
    return loads(json.dumps(top | ({"rules": rules} if rules else {}), ensure_ascii=False))
