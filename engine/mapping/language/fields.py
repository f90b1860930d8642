"""A field: where its value comes from, its type, what must hold."""

from __future__ import annotations

from engine.expressions.constraints import CONSTRAINTS
from engine.mapping.language.words import SCALAR, UNIT, Schema, key, section, texts
from engine.values.dates import DIRECTIVES, EPOCHS, FORMAT_DEFAULT
from engine.values.metadata import META
from engine.values.transforms import REGISTRY
from engine.values.types import BINARY_TEXTS, type_table
from engine.values.types.numbers import GROUPS, NEGATIVES, PERCENTS

EMPTY = key(
    "What an empty cell becomes: omit leaves the field out, null writes null, fail stops the run.",
    "omit",
    enum=["omit", "null", "fail"],
    default="omit",
)
ON_ERROR = key(
    "What a cell that breaks its type or a constraint does: reject the row, null (treat the cell as empty, counted), fail the run.",
    "reject",
    enum=["reject", "null", "fail"],
    default="reject",
)


def transform_steps() -> Schema:
    """A list of steps, each a name or `{name: {arguments}}`."""
    bare = [name for name, row in REGISTRY.items() if not row.parameters]
    with_arguments = {
        name: {
            "type": "object",
            "description": row.summary,
            "additionalProperties": False,
            "required": [parameter for parameter, spec in row.parameters.items() if spec.required],
            "properties": {parameter: {**spec.schema, "description": spec.summary} for parameter, spec in row.parameters.items()},
        }
        for name, row in REGISTRY.items()
        if row.parameters
    }
    step = {
        "type": ["string", "object"],
        "if": {"type": "string"},
        "then": {"enum": bare},
        "else": {"type": "object", "properties": with_arguments, "additionalProperties": False, "minProperties": 1, "maxProperties": 1},
    }
    described = "; ".join(f"{name}: {row.summary}" for name, row in REGISTRY.items())
    return key(f"What is done to the text before it is read as the type, in order. {described}", ["squish"], type="array", items=step)


def type_key() -> Schema:
    """The type of a field."""
    described = "; ".join(f"{name}: {row.summary}" for name, row in type_table.items())
    return key(f"The BSON type. {described}", "int", enum=list(type_table), default="string")


def constraint_keys() -> dict[str, Schema]:
    """One key per constraint of the table."""
    return {
        name: {**row.argument, "description": f"{row.summary} For: {', '.join(sorted(row.types))}.", "examples": [row.example]}
        for name, row in CONSTRAINTS.items()
    }


UNITS = {"type": ["string", "array"], "pattern": UNIT, "items": {"type": "string", "pattern": UNIT}, "minItems": 1}
NUMBER = section(
    "How a number is written, where it is not plain. What is not exactly of this form is no number; an exponent never is.",
    {
        "decimal": key("What stands before the fraction.", ",", enum=[".", ","], default="."),
        "group": key("What may stand between groups of three digits; a blank is any blank, an apostrophe either one. Then 1234 and 1.234 "
                     "are both read, 12.34 and 1.234.56 are not.", ".", enum=list(GROUPS), default="nothing"),
        "prefix": key("What stands before it: one of these, or also nothing where an empty text is among them. A blank may follow.",
                      ["$", ""], **UNITS, default="nothing"),
        "suffix": key("What stands behind it, such as a unit; as prefix. A blank may precede.", "km", **UNITS, default="nothing"),
        "percent": key("It ends in a percent sign: 12.5% is 0.125 as fraction, 12.5 as points.", "fraction", enum=list(PERCENTS)),
        "negative": key("How a number below zero is marked: leading (-5), trailing (5-), parentheses (5).", ["leading", "parentheses"],
                        type="array", items={"enum": list(NEGATIVES)}, minItems=1, uniqueItems=True, default=["leading"]),
    },
    example={"decimal": ",", "group": ".", "suffix": ["€", ""]},
)  # fmt: skip
FIELD: Schema = section(
    "A field of the document. A plain text is the short form of `{column: TEXT}`.",
    {
        "column": key("The source column it is read from; `NAME.column` is one of a lookup.", "Date of Admission", type="string"),
        "columns": key("For a path that ends in `.*`: a regular expression of column names. Each column that matches is a member, named as "
                       "the expression's first group, or as the column.", "^score_(.+)$", type="string", minLength=1),
        "hash": key("A reference: the `_id` that a document has whose `id` is the hash of columns with these values. Its type is uuid.",
                    ["customerID"], **texts(minItems=1, uniqueItems=True)),
        "split": key("In an array of values (`genres[]`): what the cell is cut at.", "|", type="string", minLength=1),
        "value": key("A constant instead of a column, as the text of a cell would be.", "healthcare_dataset", type=SCALAR),
        "compute": key("An expression over other fields instead of a column.", "days(stay.discharge_date - stay.admission_date)",
                       type="string", minLength=1),
        "meta": key("What is known of the load instead of a column. " + "; ".join(f"{row.name}: {row.summary}" for row in META.values()),
                    "row", enum=list(META)),
        "longitude": key("For a point: the column of its longitude, in degrees.", "lon", type="string"),
        "latitude": key("For a point: the column of its latitude, in degrees.", "lat", type="string"),
        "type": type_key(),
        "format": key("How a date is written (one format, or several tried in order): "
                      f"{' '.join(DIRECTIVES)}, or one of {', '.join(EPOCHS)}", FORMAT_DEFAULT,
                      type=["string", "array"], items={"type": "string"}, minItems=1, default=FORMAT_DEFAULT),
        "timezone": key("Where a date's local time was measured: an IANA name, or the column that has one in each row. Dates are stored as "
                        "UTC; a time that the clock change skipped or repeated is no value.", "Europe/Paris",
                        type=["string", "object"], properties={"column": key("The column with the names.", "tz", type="string")},
                        required=["column"], additionalProperties=False, default="UTC"),
        "number": NUMBER,
        "true_values": key("Texts that mean true.", ["Y", "yes"], **texts(minItems=1)),
        "false_values": key("Texts that mean false.", ["N", "no"], **texts(minItems=1)),
        "encoding": key("How bytes are written.", "base64", enum=list(BINARY_TEXTS), default="hex"),
        "order": key("Which of latitude and longitude stands first in a cell of places. It is never guessed.", "latlon",
                     enum=["latlon", "lonlat"]),
        "separator": key("In a cell of places: what stands between latitude and longitude; a blank is one or more.", ",", type="string",
                         minLength=1, maxLength=3, default=","),
        "point_separator": key("In a cell of several places: what stands between them.", ";", type="string", minLength=1, maxLength=3,
                               default=";"),
        "transform": transform_steps(),
        "null_values": key("Cell texts that mean a missing value, instead of the source's.", ["", "NULL"], **texts()),
        "map": key("Codes and what they mean: for each text of a cell, after transforms, the text that the type reads instead.",
                   {"A": "active", "C": "closed"}, type="object", minProperties=1, additionalProperties={"type": SCALAR}),
        "otherwise": key("What a text that map lacks becomes: reject (as on_error says, with the code map), null (it counts as empty), "
                         "keep (it stays), or {value: TEXT}.", {"value": "other"}, type=["string", "object"],
                         **{"if": {"type": "string"}, "then": {"enum": ["reject", "null", "keep"]}},
                         properties={"value": key("The text for all others.", "other", type=SCALAR)}, required=["value"],
                         additionalProperties=False, default="reject"),
        "default": key("The value of an empty cell, as the text of a cell would be.", "unknown", type=SCALAR),
        "when": key("An expression over other fields. Where it is not true, the field is missing whatever its cell holds, and neither "
                    "default nor required stands.", "status == 'closed'", type="string", minLength=1),
        **constraint_keys(),
        "required": key("A row whose cell is empty is rejected.", True, type="boolean", default=False),
        "empty": EMPTY,
        "on_error": ON_ERROR,
        "private": key("Values appear in no log, message or report.", True, type="boolean", default=False),
        "was": key("The path that the field had before, for `engine plan`: a rename cannot be told from a removal and an addition.",
                   "stay.room", type="string"),
        "description": key("What the field means; goes into the validator.", "Age in years at admission.", type="string"),
    },
    example={"column": "Age", "type": "int", "minimum": 0, "maximum": 130, "required": True},
)  # fmt: skip
FIELD["type"] = ["string", "object"]
