"""A field: where its value comes from, its type, what must hold."""

from __future__ import annotations

from engine.expressions.constraints import CONSTRAINTS
from engine.mapping.model import DEFAULT_TYPE, Field, ValueMap
from engine.mapping.patterns import NAMES_OF_COLUMN, SCALAR
from engine.values.keys import Schema, key, keys_of, section, texts
from engine.values.metadata import META
from engine.values.transforms import TRANSFORMS
from engine.values.types import Options, type_table


def transform_steps() -> Schema:
    """A list of steps, each a name or `{name: {arguments}}`."""
    bare = [name for name, row in TRANSFORMS.items() if not row.parameters]
    with_arguments = {
        name: {
            "type": "object",
            "description": row.summary,
            "additionalProperties": False,
            "required": [parameter for parameter, spec in row.parameters.items() if spec.required],
            "properties": {parameter: {**spec.schema, "description": spec.summary} for parameter, spec in row.parameters.items()},
        }
        for name, row in TRANSFORMS.items()
        if row.parameters
    }
    step = {
        "type": ["string", "object"],
        "if": {"type": "string"},
        "then": {"enum": bare},
        "else": {"type": "object", "properties": with_arguments, "additionalProperties": False, "minProperties": 1, "maxProperties": 1},
    }
    described = "; ".join(f"{name}: {row.summary}" for name, row in TRANSFORMS.items())
    return key(f"Steps applied to the text, in order, before it is read as the type. {described}", ["squish"], type="array", items=step)


def type_key() -> Schema:
    """The type of a field."""
    described = "; ".join(f"{name}: {row.summary}" for name, row in type_table.items())
    return key(f"The BSON type. {described}", "int", enum=list(type_table), default=DEFAULT_TYPE)


def constraint_keys() -> dict[str, Schema]:
    """One key per constraint of the table."""
    return {
        name: {**row.argument, "description": f"{row.summary} For: {', '.join(sorted(row.types))}.", "examples": [row.example]}
        for name, row in CONSTRAINTS.items()
    }


FIELD: Schema = section(
    "A field of the document. A plain text is the short form of `{column: TEXT}`.",
    {
        "column": key("The source column to read; `NAME.column` is one of a lookup. Where the column has been renamed: all its names, the "
                      "present one first and the oldest last. The one that the header has is read. Wherever else the mapping names the "
                      "column, one of its names is enough.", ["Room", "Room Number"], **NAMES_OF_COLUMN),
        "columns": key("For a path that ends in `.*`: a regular expression for column names. Each matching column becomes a member, named "
                       "by the expression's first group, or else by the column.", "^score_(.+)$", type="string", minLength=1),
        "hash": key("A reference: the `_id` that `id.hash` gives a document whose hashed columns have the values of these. Its type "
                    "is uuid.", ["customerID"], **texts(minItems=1, uniqueItems=True)),
        "split": key("In an array of values (`genres[]`): the text at which the cell is split.", "|", type="string", minLength=1),
        "value": key("A constant instead of a column, written like the text of a cell.", "healthcare_dataset", type=SCALAR),
        "compute": key("An expression over other fields instead of a column.", "days(stay.discharge_date - stay.admission_date)",
                       type="string", minLength=1),
        "meta": key("Metadata of the load instead of a column. " + "; ".join(f"{row.name}: {row.summary}" for row in META.values())
                    + ". Metadata alone is no change: a live document that differs from its row in nothing else is unchanged, is not "
                    "written, and keeps the metadata that it has. `compute: now()` counts as metadata.",
                    "row", enum=list(META)),
        "longitude": key("For a point: the column of its longitude, in degrees.", "lon", **NAMES_OF_COLUMN),
        "latitude": key("For a point: the column of its latitude, in degrees.", "lat", **NAMES_OF_COLUMN),
        "type": type_key(),
        **keys_of(Options),
        "transform": transform_steps(),
        "null_values": key("Cell texts that mean a missing value, instead of the source's.", ["", "NULL"], **texts()),
        **keys_of(ValueMap),
        "default": key("The value for an empty cell, written like the text of a cell.", "unknown", type=SCALAR),
        "when": key("An expression over other fields. Where it is not true, the field is missing whatever its cell holds, and neither "
                    "`default` nor `required` applies.", "status == 'closed'", type="string", minLength=1),
        **constraint_keys(),
        **keys_of(Field),
    },
    example={"column": "Age", "type": "int", "minimum": 0, "maximum": 130, "required": True},
)  # fmt: skip
FIELD["type"] = ["string", "object"]
