"""The tables' own examples, and that what is printed from them is current."""

import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from jsonschema import Draft202012Validator

from engine.documents.validators import to_json
from engine.expressions.constraints import CONSTRAINTS
from engine.mapping import reference
from engine.mapping.language import mapping_schema
from engine.mapping.loader import load, loads
from engine.values.tables import table
from engine.values.transforms import TRANSFORMS
from engine.values.types import NumberFormat, Options, type_table
from engine.values.types.number_format import EXAMPLES, plain

ROOT = Path(__file__).parents[2]
MAPPING = """
mapping: m
source: {path: x}
target: {database: d, collection: c}
dedup: {on: row}
fields: {FIELDS}
"""


def parsed(name: str, text: str) -> object:
    value = pl.DataFrame({"t": [text]}).select(type_table[name].parse(pl.col("t"), Options())).to_series()
    assert value.dtype == type_table[name].dtype
    found = value.to_list()[0]
    return found.isoformat() if isinstance(found, datetime) else found


@pytest.mark.parametrize(
    ("name", "text", "value"), [(row.name, text, value) for row in type_table.values() for text, value in row.accepted]
)
def test_types_accept_their_examples(name: str, text: str, value: object) -> None:
    assert parsed(name, text) == value


@pytest.mark.parametrize(("name", "text"), [(row.name, text) for row in type_table.values() for text in row.refused])
def test_types_refuse_their_examples(name: str, text: str) -> None:
    assert parsed(name, text) is None


@pytest.mark.parametrize(("number", "text", "value"), EXAMPLES)
def test_numbers_are_read_as_their_examples_say(number: NumberFormat, text: str, value: str | None) -> None:
    assert pl.DataFrame({"t": [text]}).select(plain(pl.col("t"), number)).item() == value


@pytest.mark.parametrize(("name", "example"), [(row.name, example) for row in TRANSFORMS.values() for example in row.examples])
def test_transforms_do_what_their_examples_say(name: str, example: object) -> None:
    found = pl.DataFrame({"t": [example.text]}).select(TRANSFORMS[name].apply(pl.col("t"), **example.arguments)).item()
    assert found == example.result


def test_every_transform_has_examples_of_all_its_parameters() -> None:
    for row in TRANSFORMS.values():
        assert row.examples
        assert all(set(example.arguments) <= set(row.parameters) for example in row.examples)


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="transform 'strip' is registered twice"):
        table("transform", [*TRANSFORMS.values(), TRANSFORMS["strip"]])
    with pytest.raises(ValueError, match="type 'int' is registered twice"):
        table("type", [*type_table.values(), type_table["int"]])


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints_take_their_examples(name: str) -> None:
    row = CONSTRAINTS[name]
    Draft202012Validator(dict(row.argument)).validate(row.example)
    kind = next(kind for kind in ("string", "int") if kind in row.types)
    mapping = loads(MAPPING.replace("FIELDS", f"a: {{column: a, type: {kind}, {name}: {json.dumps(row.example)}}}"))
    assert name in mapping.fields[0].constraints


def test_schema_and_reference_are_current() -> None:
    assert (ROOT / reference.SCHEMA_FILE).read_text(encoding="utf-8") == reference.schema_text(), "run `make docs`"
    assert (ROOT / reference.REFERENCE_FILE).read_text(encoding="utf-8") == reference.reference_text(), "run `make docs`"


def test_every_key_of_the_language_is_described_with_an_example_that_fits() -> None:
    def walk(schema: dict, where: str) -> None:
        for name, part in schema.get("properties", {}).items():
            if "transform" in where or "$ref" in part:
                continue
            assert part.get("description"), f"{where}.{name}"
            assert part.get("examples"), f"{where}.{name}"
            for example in part["examples"]:
                assert list(language.descend(example, part)) == []
            for inner in (part, part.get("additionalProperties"), part.get("items")):
                if isinstance(inner, dict):
                    walk(inner, f"{where}.{name}")

    Draft202012Validator.check_schema(mapping_schema())
    language = Draft202012Validator(mapping_schema())
    walk(mapping_schema(), "")


def test_the_committed_validator_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert Path("schemas/admissions.validator.json").read_text(encoding="utf-8") == to_json(load("mappings/admissions.yaml"))
