"""A key that an attribute states is stated once: its schema and its default are the attribute's."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest
from jsonschema import Draft202012Validator

from engine.mapping import model
from engine.mapping.language.fields import FIELD
from engine.values.keys import At, AttributeKey, Keys, attribute_keys, key, keys_of, read, section_of
from engine.values.types import NumberFormat, Options, type_table

NOT_SHOWN = {(Options, "true_values"), (Options, "false_values"), (Options, "order"), (model.IdSource, "hash")}
STATING = (model.Array, model.CollectionOptions, model.Columns, model.Dedup, model.Dialect, model.Field, model.IdSource, model.Index,
           model.Json, model.Lookup, model.Mapping, model.Near, model.Numbered, model.RowsOrigin, model.Rule, model.Source, model.Split,
           model.Target, model.TimeSeries, model.Validation, model.ValueMap, NumberFormat, Options)  # fmt: skip
STATED = [(cls, one) for cls in STATING for one in attribute_keys(cls) if one.schema is not None]


@dataclass(frozen=True)
class Lid:
    colour: Annotated[Literal["red", "blue"], key("Its colour.", "blue")] = "red"


@dataclass(frozen=True)
class Box:
    """A toy: what a new part of the language would look like."""

    name: Annotated[str, key("Its name.", "b", minLength=1)]
    sides: Annotated[tuple[str, ...], At("walls"), key("Sides.", ["a"])] = ("a", "b")
    lid: Annotated[Lid | None, key("What closes it.", {"colour": "blue"})] = None
    depth: Annotated[int, At("size.depth"), key("How deep.", 3, minimum=0)] = 0
    bounds: Annotated[dict[str, int], Keys(least=key("Least.", 1, type="integer"), most=key("Most.", 2, type="integer"))] = field(
        default_factory=dict
    )
    code: Annotated[int, key("In hexadecimal.", "ff", type="string", default="0"), lambda raw: int(raw, 16)] = 0
    marks: Annotated[tuple[Literal["x", "y"], ...], key("Its marks.", ["y"])] = ("x",)
    lines: Annotated[tuple[str, ...], key("Its text.", "a", type=["string", "array"])] = ("one",)
    glue: Annotated[str, key("What holds it.", "tape", default=None)] = "nails"
    line: int = 0


def test_a_section_is_derived_from_a_dataclass() -> None:
    section = section_of(Box, "A box.", {"name": "b"})
    Draft202012Validator.check_schema(section)
    assert section == {
        "type": "object",
        "description": "A box.",
        "properties": {
            "name": {"type": "string", "minLength": 1, "description": "Its name.", "examples": ["b"]},
            "walls": {
                "type": "array",
                "items": {"type": "string"},
                "default": ["a", "b"],
                "description": "Sides.",
                "examples": [["a"]],
            },
            "lid": section_of(Lid, "What closes it.", {"colour": "blue"}),
            "least": {"type": "integer", "description": "Least.", "examples": [1]},
            "most": {"type": "integer", "description": "Most.", "examples": [2]},
            "code": {"type": "string", "default": "0", "description": "In hexadecimal.", "examples": ["ff"]},
            "marks": {
                "type": "array",
                "items": {"enum": ["x", "y"]},
                "default": ["x"],
                "description": "Its marks.",
                "examples": [["y"]],
            },
            "lines": {"type": ["string", "array"], "default": "one", "description": "Its text.", "examples": ["a"]},
            "glue": {"type": "string", "description": "What holds it.", "examples": ["tape"]},
        },
        "additionalProperties": False,
        "required": ["name"],
        "examples": [{"name": "b"}],
    }
    assert section["properties"]["lid"]["properties"] == {
        "colour": {"enum": ["red", "blue"], "default": "red", "description": "Its colour.", "examples": ["blue"]}
    }
    assert keys_of(Box, "size") == {"depth": {"type": "integer", "minimum": 0, "default": 0, "description": "How deep.", "examples": [3]}}


def test_a_dataclass_is_read_from_what_is_said() -> None:
    assert read(Box, {"name": "x"}) == Box("x")
    said = {"name": "x", "walls": "one", "lid": {}, "size": {"depth": 2}, "most": 9, "code": "ff"}
    assert read(Box, said, line=4) == Box("x", ("one",), Lid(), 2, {"most": 9}, 255, line=4)
    assert read(Box, {"name": "x", "lid": {"colour": "blue"}}, name="y") == Box("y", lid=Lid("blue"))


@pytest.mark.parametrize(("cls", "one"), STATED, ids=[f"{cls.__name__}.{one.name}" for cls, one in STATED])
def test_a_default_in_the_schema_is_the_one_of_the_attribute(cls: type, one: AttributeKey) -> None:
    shown = keys_of(cls, one.part)[one.name].get("default")
    if shown is None:
        assert (cls, one.name) in NOT_SHOWN or one.required or one.default in (None, "", ()) or one.default == one.type()
    elif shown == "nothing":
        assert one.default in (None, ("",))
    elif shown == "no limit":
        assert str(one.default) == shown
    else:
        assert one.convert(shown) == one.default


def test_options_of_a_type_are_keys_of_a_field() -> None:
    """Each is stated at its attribute, and a type may name only those."""
    stated = {one.name for one in attribute_keys(Options) if one.schema is not None}
    assert stated == frozenset().union(*(row.options for row in type_table.values()))
    assert keys_of(Options).items() <= FIELD["properties"].items()
