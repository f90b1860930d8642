"""Before an apply, what the server computes is compared with what the engine computes, over some of the documents.

Each function is tested to agree over odd values; this finds what no test has thought of, before a document changes. Values in arrays are
not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import polars as pl
from bson import Decimal128, Int64, ObjectId
from bson.datetime_ms import DatetimeMS
from pymongo.collection import Collection

from engine.errors import DataError, Finding, counted
from engine.evolution.rewriting import Rewriting
from engine.mapping.model import Field
from engine.mapping.model import Mapping as Model
from engine.mongo.connection import translated
from engine.mongo.trees import EXACT
from engine.values.paths import MARK
from engine.values.types import type_table

SAMPLE = 500  # documents
OF_TYPE: dict[str, type] = {
    "string": str, "int": int, "long": Int64, "double": float, "bool": bool, "decimal": Decimal128,
    "date": DatetimeMS, "objectId": ObjectId,
}  # fmt: skip


def check_agreement(live: Collection[Any], new: Model, rewrite: Rewriting) -> None:
    """Raises DataError where the server would compute another value than the engine."""
    with translated():
        if found := [*disagreements(live.with_options(codec_options=EXACT), new, rewrite)]:
            raise DataError(found)


def disagreements(live: Collection[Any], new: Model, rewrite: Rewriting) -> Iterator[Finding]:
    """The fields that the server computes otherwise than the engine, in documents taken at random."""
    computed = [field for field in new.fields if field.path in rewrite.changed and _comparable(field, new)]
    if not computed or not rewrite.stages:
        return
    documents = list(live.aggregate([{"$sample": {"size": SAMPLE}}, *rewrite.stages]))
    for field in computed:
        wrong, tried = _compared(field, new, documents)
        if wrong:
            message = f"in {wrong:,} of {counted(tried, 'document')} tried, the server computes another {field.path} than the engine"
            hint = "load the collection again with engine run, and report the expression"
            yield Finding(field.line, 1, "computed_differently", f"{message}; nothing was done", field.path, hint, str(new.file))


def _comparable(field: Field, new: Model) -> bool:
    if not field.compute or field.when or MARK in field.path or field.compute.aggregates or field.compute.type != field.type.name:
        return False
    types = {one.path: one.type.name for one in new.fields}
    return all(types[path] in OF_TYPE for path in (*field.compute.paths, field.path) if MARK not in path)


def _compared(field: Field, new: Model, documents: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """How many documents differ, and how many were compared: those whose values have the types that the mapping says."""
    assert field.compute
    types = {one.path: one.type.name for one in new.fields if one.path in field.compute.paths or one is field}
    rows = [row for document in documents if (row := _row(document, types)) is not None]
    inputs = {path: pl.Series(path, [row[path] for row in rows], dtype=type_table[types[path]].dtype) for path in field.compute.paths}
    found = pl.DataFrame({"": pl.Series("", range(len(rows)), dtype=pl.Int64), **inputs}).select(field.compute.to_polars()).to_series()
    found = found.to_physical() if field.type.name == "date" else found
    pairs = zip(found.to_list(), (row[field.path] for row in rows), strict=True)
    return sum(not _same(ours, theirs, field.type.name) for ours, theirs in pairs), len(rows)


def _row(document: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any] | None:
    """The values by path as a column holds them; None where one has another type."""
    found = {path: _at(document, path) for path in types}
    if any(value is not None and type(value) is not OF_TYPE[types[path]] for path, value in found.items()):
        return None
    return {path: _plain(value) for path, value in found.items()}


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal128):
        return format(value.to_decimal(), "f")
    return value.binary if isinstance(value, ObjectId) else int(value) if isinstance(value, DatetimeMS) else value


def _same(ours: Any, theirs: Any, kind: str) -> bool:
    if kind == "decimal" and ours is not None and theirs is not None:
        return Decimal(ours) == Decimal(theirs)
    return bool(ours == theirs)
