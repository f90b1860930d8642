"""A kind of change is one row: it says all that is asked of a kind, and no other module asks for codes."""

import ast
import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from engine import evolution
from engine.cli.display_evolution import COLOURS
from engine.evolution.changes import Change
from engine.evolution.judgements import ChangeContext, Compatibility, Needs
from engine.evolution.keys import key_of
from engine.evolution.kinds import ATTRIBUTES, KINDS, ROWS, ChangeKind
from engine.mapping import model
from engine.mapping.language import mapping_schema
from engine.values.types import Options

ENGINE = Path(evolution.__file__).parents[1]
CODE = re.compile(r"E[1-9]\d\d")
PARTS: dict[str, Any] = {
    "Field": model.Field,
    "Options": Options,
    "Array": model.Array,
    "Rule": model.Rule,
    "Validation": model.Validation,
    "Source": model.Source,
    "Dialect": model.Dialect,
    "Target": model.Target,
    "CollectionOptions": model.CollectionOptions,
    "TimeSeries": model.TimeSeries,
    "Mapping": model.Mapping,
}
UNWRITTEN = {"digest", "file", "text"}  # attributes of the mapping that follow from the rest
# Attributes that the mapping has no key for, since other keys, or the place, say them.
IMPLIED = {("Field", "path"), ("Field", "options"), ("Field", "constraints"), ("Array", "path"), ("Array", "origin"),
           ("Array", "constraints"), ("Rule", "name"), ("Rule", "text")}  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)
def test_a_row_says_all(row: ChangeKind) -> None:
    for change in (Change(row.code, "a[].b", "", "int", "long"), Change(row.code, "a", "x", None, None)):
        context = ChangeContext(change)
        needs, reason = row.needs(context)
        assert needs in Needs
        assert isinstance(reason, str)
        assert all(isinstance(judge(context), Compatibility) for judge in (row.readers, row.writers))
    assert row.name
    assert row.sign in COLOURS
    assert KINDS[row.back].back == row.code
    assert row.touched is None or isinstance(row.touched(Change(row.code, "a[].b", "", "a[].c", "a[].b")), dict)
    assert {"+": "-", "-": "+", "~": "~"}[row.sign] == KINDS[row.back].sign


def test_codes_are_in_the_table_and_where_changes_are_found() -> None:
    found = {
        path.relative_to(ENGINE).as_posix()
        for path in ENGINE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value)
    }
    assert found == {"evolution/kinds.py", "evolution/diff.py"}


def test_a_code_is_there_once() -> None:
    assert len(KINDS) == len(ROWS)
    assert len(ATTRIBUTES) == sum(len(row.attributes) for row in ROWS)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_named_attributes_are_those_of_the_model(name: str) -> None:
    part, _, attribute = name.partition(".")
    assert attribute in {"*"} | {one.name for one in dataclasses.fields(PARTS[part])}


def properties(part: str) -> dict[str, Any]:
    """The keys of the mapping language that a part of the model is written with."""
    known = mapping_schema()["properties"]
    if part == "Dialect":
        return known["source"]["properties"]["csv"]["properties"]
    if part in ("CollectionOptions", "TimeSeries"):
        return known["target"]["properties"]["options" if part == "CollectionOptions" else "timeseries"]["properties"]
    if part in ("Source", "Target", "Validation"):
        return known[part.lower()]["properties"]
    name = {"Options": "fields", "Mapping": ""}.get(part, f"{part.lower()}s")
    return known[name]["additionalProperties"]["properties"] if name else known


@pytest.mark.parametrize("part", PARTS)
def test_a_plan_names_what_the_user_wrote(part: str) -> None:
    for one in dataclasses.fields(PARTS[part]):
        if one.compare and one.name not in UNWRITTEN and (part, one.name) not in IMPLIED:
            for key in key_of(part, one.name).split(", "):
                keys = properties(part)
                for name in key.split("."):
                    assert name in keys, (part, one.name)
                    keys = keys[name].get("properties", {})
