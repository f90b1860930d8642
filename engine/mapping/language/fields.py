"""A field: where its value comes from, its type, what must hold."""

from __future__ import annotations

from engine.expressions.constraints import CONSTRAINTS
from engine.mapping.keys import SCALAR, UNIT, Schema, key, keys_of, section, texts
from engine.mapping.model import DEFAULT_TYPE, Field, ValueMap
from engine.values.dates import DIRECTIVES, EPOCHS, FORMAT_DEFAULT
from engine.values.metadata import META
from engine.values.transforms import TRANSFORMS
from engine.values.types import BINARY_TEXTS, NumberFormat, Options, type_table
from engine.values.types.number_format import GROUPS, NEGATIVES, PERCENTS


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


UNITS = {"type": ["string", "array"], "pattern": UNIT, "items": {"type": "string", "pattern": UNIT}, "minItems": 1}
NUMBER = section(
    "How a number is written, if it is not plain. A text that does not have exactly this form, or has an exponent, is not a number.",
    {
        "decimal": key("The character before the fraction.", ",", enum=[".", ","], default=NumberFormat.decimal),
        "group": key("An optional separator of groups of three digits; a blank stands for any blank, an apostrophe for both kinds. With "
                     "`.`, 1234 and 1.234 are both read, 12.34 and 1.234.56 are not.", ".", enum=list(GROUPS), default="nothing"),
        "prefix": key("The text before the number: one of these; an empty text means that it may be absent. A blank may follow.",
                      ["$", ""], **UNITS, default="nothing"),
        "suffix": key("The text after the number, such as a unit; as `prefix`. A blank may precede.", "km", **UNITS, default="nothing"),
        "percent": key("The number ends in a percent sign: 12.5% is 0.125 as fraction, 12.5 as points.", "fraction", enum=list(PERCENTS)),
        "negative": key("How a negative number is marked: leading (-5), trailing (5-), parentheses (5).", ["leading", "parentheses"],
                        type="array", items={"enum": list(NEGATIVES)}, minItems=1, uniqueItems=True, default=list(NumberFormat.negative)),
    },
    example={"decimal": ",", "group": ".", "suffix": ["€", ""]},
)  # fmt: skip
FIELD: Schema = section(
    "A field of the document. A plain text is the short form of `{column: TEXT}`.",
    {
        "column": key("The source column to read; `NAME.column` is one of a lookup.", "Date of Admission", type="string"),
        "columns": key("For a path that ends in `.*`: a regular expression for column names. Each matching column becomes a member, named "
                       "by the expression's first group, or else by the column.", "^score_(.+)$", type="string", minLength=1),
        "hash": key("A reference: the `_id` that `id.hash` gives a document whose hashed columns have the values of these. Its type "
                    "is uuid.", ["customerID"], **texts(minItems=1, uniqueItems=True)),
        "split": key("In an array of values (`genres[]`): the text at which the cell is split.", "|", type="string", minLength=1),
        "value": key("A constant instead of a column, written like the text of a cell.", "healthcare_dataset", type=SCALAR),
        "compute": key("An expression over other fields instead of a column.", "days(stay.discharge_date - stay.admission_date)",
                       type="string", minLength=1),
        "meta": key("Metadata of the load instead of a column. " + "; ".join(f"{row.name}: {row.summary}" for row in META.values()),
                    "row", enum=list(META)),
        "longitude": key("For a point: the column of its longitude, in degrees.", "lon", type="string"),
        "latitude": key("For a point: the column of its latitude, in degrees.", "lat", type="string"),
        "type": type_key(),
        "format": key("How a date is written (one format, or several tried in order): "
                      f"{' '.join(DIRECTIVES)}, or one of {', '.join(EPOCHS)}", FORMAT_DEFAULT,
                      type=["string", "array"], items={"type": "string"}, minItems=1, default=FORMAT_DEFAULT),
        "timezone": key("The time zone of a date's local time: an IANA name, or the column that holds one in each row. Dates are stored in "
                        "UTC; a local time that a clock change skipped or repeated is not a date.", "Europe/Paris",
                        type=["string", "object"], properties={"column": key("The column that holds the names.", "tz", type="string")},
                        required=["column"], additionalProperties=False, default=Options.timezone),
        "number": NUMBER,
        "true_values": key("Texts that mean true.", ["Y", "yes"], **texts(minItems=1)),
        "false_values": key("Texts that mean false.", ["N", "no"], **texts(minItems=1)),
        "encoding": key("How bytes are written.", "base64", enum=list(BINARY_TEXTS), default=Options.encoding),
        "order": key("Which comes first in a cell with a place, latitude or longitude. It is never guessed.", "latlon",
                     enum=["latlon", "lonlat"]),
        "separator": key("In a cell with a place: the text between latitude and longitude; a blank means one or more.", ",", type="string",
                         minLength=1, maxLength=3, default=Options.separator),
        "point_separator": key("In a cell with several places: the text between them.", ";", type="string", minLength=1, maxLength=3,
                               default=Options.point_separator),
        "transform": transform_steps(),
        "null_values": key("Cell texts that mean a missing value, instead of the source's.", ["", "NULL"], **texts()),
        "map": key("Codes and their meanings: for each text of a cell, after transforms, the text that the type reads instead.",
                   {"A": "active", "C": "closed"}, type="object", minProperties=1, additionalProperties={"type": SCALAR}),
        "otherwise": key("What to do with a text that is not in `map`: reject (handled by `on_error`, with the code map), null (treat as "
                         "empty), keep, or {value: TEXT}.", {"value": "other"}, type=["string", "object"],
                         **{"if": {"type": "string"}, "then": {"enum": ["reject", "null", "keep"]}},
                         properties={"value": key("The text for all other texts.", "other", type=SCALAR)}, required=["value"],
                         additionalProperties=False, default=ValueMap.otherwise),
        "default": key("The value for an empty cell, written like the text of a cell.", "unknown", type=SCALAR),
        "when": key("An expression over other fields. Where it is not true, the field is missing whatever its cell holds, and neither "
                    "`default` nor `required` applies.", "status == 'closed'", type="string", minLength=1),
        **constraint_keys(),
        **keys_of(Field),
    },
    example={"column": "Age", "type": "int", "minimum": 0, "maximum": 130, "required": True},
)  # fmt: skip
FIELD["type"] = ["string", "object"]
