"""The mapping language as JSON Schema, derived from the tables of types, constraints and transforms.

This is what the loader validates against, what an editor completes from (`schemas/mapping.schema.json`) and what `docs/mapping.md` is
printed from. Every key has a description and an example.
"""

from __future__ import annotations

from typing import Any

from engine.constraints import CONSTRAINTS
from engine.dates import DIRECTIVES, FORMAT_DEFAULT
from engine.profiles import PROFILES
from engine.transforms import REGISTRY
from engine.types import type_table

Schema = dict[str, Any]


def key(description: str, example: object, **schema: Any) -> Schema:
    """One key: what it means, an example, and its schema. A `default` is printed with it."""
    return {**schema, "description": description, "examples": [example]}


def section(
    description: str, properties: dict[str, Schema], required: tuple[str, ...] = (), *, example: object = None, **more: Any
) -> Schema:
    """A mapping of known keys only."""
    schema: Schema = {"type": "object", "description": description, "properties": properties, "additionalProperties": False, **more}
    if required:
        schema["required"] = list(required)
    if example is not None:
        schema["examples"] = [example]
    return schema


def texts(**more: Any) -> Schema:
    """A list of texts."""
    return {"type": "array", "items": {"type": "string"}, **more}


PATH = r"^[^.$\s\u0000][^.\u0000]*(\.[^.$\u0000][^.\u0000]*)*$"
NAME = r"^[A-Za-z_][A-Za-z0-9_-]*$"
SCALAR = ["string", "number", "boolean"]

CSV = section(
    "How the CSV file is written.",
    {
        "delimiter": key("The character between cells.", ";", type="string", minLength=1, maxLength=1, default=","),
        "quote": key("The character around cells that hold delimiters or line ends; null turns quoting off.", None, type=["string", "null"],
                     minLength=1, maxLength=1, default='"'),
        "encoding": key("The file's encoding, by Python's name. It is never guessed.", "latin-1", type="string", default="utf-8"),
        "names": key("Column names, for a file without a header line.", ["id", "name"], **texts(minItems=1, uniqueItems=True)),
        "newline": key("How lines end: lf (also CRLF) or cr (old Macintosh files).", "cr", enum=["lf", "cr"], default="lf"),
    },
    example={"delimiter": ";", "encoding": "latin-1"},
)  # fmt: skip

SOURCE = section(
    "Where the rows come from.",
    {
        "path": key("A file; `.gz` is decompressed; `-` is standard input.", "data/healthcare_dataset.csv", type="string", minLength=1),
        "csv": CSV,
        "null_values": key("Cell texts that mean a missing value; a field may have its own.", ["", "NULL", "N/A"], default=[""], **texts()),
        "columns": section(
            "What to do when the file's header is not the one expected.",
            {
                "missing": key("A mapped column is not in the file: fail, or null (every cell of it is missing).", "fail",
                               enum=["fail", "null"], default="fail"),
                "extra": key("The file has a column that no field reads.", "warn", enum=["fail", "warn", "ignore"], default="warn"),
            },
            example={"missing": "fail", "extra": "warn"},
        ),
    },
    ("path",),
    example={"path": "data/healthcare_dataset.csv"},
)  # fmt: skip

TARGET = section(
    "Where the documents go. The server is named by MONGODB_URI, never here.",
    {
        "database": key("Database name.", "medicaldb", type="string", pattern=r"^[^/\\. \"$*<>:|?\u0000]{1,63}$"),
        "collection": key("Collection name.", "admissions", type="string", pattern=r"^(?!system\.)[^$\u0000]{1,200}$"),
        "mode": key("replace: a new collection takes the place of the old one, at once and as a whole. The others write into the live one, "
                    "by _id: upsert adds documents and changes those that are there; append only adds; sync is upsert, and then deletes "
                    "what the source does not have.", "upsert", enum=["replace", "upsert", "append", "sync"], default="replace"),
        "on_match": key("In mode upsert, what becomes of a document whose _id is there: replace all of it, or merge (change the mapped "
                        "fields that have a value, leave the others).", "merge", enum=["replace", "merge"], default="replace"),
        "profile": key("The server that the mapping is written for. Without it, the one that is found at run time.", "documentdb-5",
                       enum=list(PROFILES)),
    },
    ("database", "collection"),
    example={"database": "medicaldb", "collection": "admissions"},
)  # fmt: skip

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


FIELD: Schema = section(
    "A field of the document. A plain text is the short form of `{column: TEXT}`.",
    {
        "column": key("The source column it is read from.", "Date of Admission", type="string"),
        "value": key("A constant instead of a column, as the text of a cell would be.", "healthcare_dataset", type=SCALAR),
        "compute": key("An expression over other fields instead of a column.", "days(stay.discharge_date - stay.admission_date)",
                       type="string", minLength=1),
        "type": type_key(),
        "format": key(f"How a date is written (one format, or several tried in order): {' '.join(DIRECTIVES)}", FORMAT_DEFAULT,
                      type=["string", "array"], items={"type": "string"}, minItems=1, default=FORMAT_DEFAULT),
        "timezone": key("Where a date's local time was measured (IANA name); dates are stored as UTC.", "Europe/Paris", type="string",
                        default="UTC"),
        "true_values": key("Texts that mean true.", ["Y", "yes"], **texts(minItems=1)),
        "false_values": key("Texts that mean false.", ["N", "no"], **texts(minItems=1)),
        "transform": transform_steps(),
        "null_values": key("Cell texts that mean a missing value, instead of the source's.", ["", "NULL"], **texts()),
        "default": key("The value of an empty cell, as the text of a cell would be.", "unknown", type=SCALAR),
        **constraint_keys(),
        "required": key("A row whose cell is empty is rejected.", True, type="boolean", default=False),
        "empty": EMPTY,
        "on_error": ON_ERROR,
        "private": key("Values appear in no log, message or report.", True, type="boolean", default=False),
        "description": key("What the field means; goes into the validator.", "Age in years at admission.", type="string"),
    },
    example={"column": "Age", "type": "int", "minimum": 0, "maximum": 130, "required": True},
)  # fmt: skip
FIELD["type"] = ["string", "object"]

KEYS_OF_ROWS = {"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}

RULE = section(
    "A check over fields of one document.",
    {
        "check": key("An expression that must not be false; it passes when a value it needs is missing.",
                     "stay.discharge_date >= stay.admission_date", type="string", minLength=1),
        "on_fail": key("reject the row, warn (load and count it), filter (leave it out, not as a reject), or fail the run.", "reject",
                       enum=["reject", "warn", "filter", "fail"], default="reject"),
        "description": key("Why the rule is there.", "Nobody leaves before arriving.", type="string"),
    },
    ("check",),
    example={"check": "stay.discharge_date >= stay.admission_date", "on_fail": "reject"},
)  # fmt: skip

COLLATION = section(
    "Language rules of comparison.",
    {
        "locale": key("ICU locale; simple compares bytes.", "fr", type="string"),
        "strength": key("1 base letters, 2 also accents, 3 also case (MongoDB's default), 4 and 5 finer.", 2, enum=[1, 2, 3, 4, 5]),
        "caseLevel": key("Compare case at strength 1 or 2.", True, type="boolean"),
        "caseFirst": key("Which case sorts first.", "upper", enum=["upper", "lower", "off"]),
        "numericOrdering": key("Compare digits as numbers.", True, type="boolean"),
        "alternate": key("Whether blanks and punctuation count.", "shifted", enum=["non-ignorable", "shifted"]),
        "maxVariable": key("What `alternate: shifted` ignores.", "punct", enum=["punct", "space"]),
        "backwards": key("Compare accents from the end (French).", True, type="boolean"),
        "normalization": key("Normalise the texts before comparing.", True, type="boolean"),
    },
    ("locale",),
    example={"locale": "en", "strength": 2},
)

INDEX_OPTIONS: dict[str, Schema] = {
    "unique": key("No two documents may have the same keys.", True, type="boolean"),
    "sparse": key("Leave out documents without the field.", True, type="boolean"),
    "expireAfterSeconds": key("TTL: documents go this many seconds after the date in the field.", 86400, type="integer", minimum=0),
    "partialFilterExpression": key("Index only the documents that match.", {"status": "active"}, type="object"),
    "collation": COLLATION,
    "weights": key("Weights of a text index.", {"title": 10}, type="object", additionalProperties={"type": "integer", "minimum": 1}),
    "default_language": key("Language of a text index.", "english", type="string"),
    "wildcardProjection": key("Fields of a wildcard index.", {"patient": 1}, type="object"),
    "hidden": key("Keep the index but do not use it.", True, type="boolean"),
}  # fmt: skip

INDEX = section(
    "An index, made after the load and before anybody sees the collection. Options are MongoDB's.",
    {
        "keys": key("Fields in order: 1, -1, text, 2dsphere or hashed.", {"patient.name": 1, "stay.admission_date": -1}, type="object",
                    minProperties=1, maxProperties=32, additionalProperties={"enum": [1, -1, "text", "2dsphere", "hashed"]}),
        **INDEX_OPTIONS,
    },
    ("keys",),
    example={"keys": {"patient.name": 1, "stay.admission_date": -1}},
)  # fmt: skip

CASE = section(
    "An example that `engine check` runs.",
    {
        "given": key("Cells by column; columns left out are empty.", {"Age": "30"}, type="object", additionalProperties={"type": SCALAR}),
        "but": key("Instead of given: the cells of the first test, with these changed.", {"Age": "thirty"}, type="object",
                   additionalProperties={"type": SCALAR}),
        "expect": key("Values by path that the document must have; null: it has none there.", {"patient.age": 30}, type="object"),
        "reject": key("Instead of expect: the row is rejected with this code (a constraint's or rule's name, type, required).", "minimum",
                      type="string"),
    },
    example={"given": {"Age": "30"}, "expect": {"patient.age": 30}},
)  # fmt: skip


DEDUP = section(
    "Which accepted rows are the same, and which of them stays. Without it no row is dropped.",
    {
        "on": key("row: all source cells; or a list of columns or of paths.", "row", **KEYS_OF_ROWS),
        "keep": key("Which of them stays; fail stops the run at the first one.", "first", enum=["first", "fail"], default="first"),
    },
    ("on",),
    example={"on": "row"},
)  # fmt: skip

IDENTITY = section(
    "Where `_id` comes from, unless a field `_id` is mapped. The hash makes a run repeatable: the same row has the same `_id`.",
    {
        "hash": key("A UUID from a hash of the row, or of the listed columns or paths.", "row", **KEYS_OF_ROWS),
        "objectId": key("A new ObjectId each time.", "random", enum=["random"]),
    },
    minProperties=1,
    maxProperties=1,
    example={"hash": "row"},
)  # fmt: skip

LIMITS = section(
    "How much may go wrong before nothing is published.",
    {"rejects": key("Rejected rows allowed: a share of the rows such as 0.5%, or a count.", "0.5%", type=["string", "integer"],
                    minimum=0, pattern=r"^[0-9]+(\.[0-9]+)?%$", default="no limit"),
     "deletions": key("In mode sync, documents that may be deleted: a share of the collection, or a count. Over it none is.",
                      "10%", type=["string", "integer"], minimum=0, pattern=r"^[0-9]+(\.[0-9]+)?%$", default="10%")},
    example={"rejects": "0.5%"},
)  # fmt: skip

REJECTS = section(
    "How rejected rows are kept.",
    {"private": key("Columns of private fields in the rejects file: keep (so that rows can be loaded again), mask, or omit.",
                    "mask", enum=["keep", "mask", "omit"], default="keep")},
    example={"private": "mask"},
)  # fmt: skip

VALIDATION = section(
    "How the server treats documents that break the validator, from whoever they come.",
    {
        "level": key("strict: all writes; moderate: not updates of documents that are already wrong; off.", "strict",
                     enum=["strict", "moderate", "off"], default="strict"),
        "action": key("error refuses the write; warn only logs it (whole documents, on the server).", "error",
                      enum=["error", "warn"], default="error"),
        "additional": key("Whether documents may have fields that the mapping lacks.", False, type="boolean", default=False),
    },
    example={"level": "strict", "action": "error", "additional": False},
)  # fmt: skip


def mapping_schema() -> Schema:
    """The JSON Schema (2020-12) of a mapping file."""
    properties = {
        "mapping": key("Name of the mapping; names the schema file.", "admissions", type="string", pattern=NAME),
        "version": key("Your own count of changes.", 1, type="integer", minimum=1, default=1),
        "description": key("What is loaded, for readers.", "Hospital admissions.", type="string"),
        "source": SOURCE,
        "target": TARGET,
        "defaults": section("What fields do unless they say otherwise.", {"empty": EMPTY, "on_error": ON_ERROR}, example={"empty": "omit"}),
        "dedup": DEDUP,
        "id": IDENTITY,
        "fields": key("Target path to where its value comes from, one line per field.", {"patient.age": {"column": "Age", "type": "int"}},
                      type="object", minProperties=1, propertyNames={"pattern": PATH}, additionalProperties=FIELD),
        "rules": key("Checks over several fields, by name.", {"dates_in_order": RULE["examples"][0]}, type="object",
                     propertyNames={"pattern": NAME}, additionalProperties=RULE),
        "limits": LIMITS,
        "rejects": REJECTS,
        "indexes": key("Indexes by name.", {"patient_stay": INDEX["examples"][0]}, type="object", maxProperties=63,
                       propertyNames={"minLength": 1, "maxLength": 120, "not": {"const": "_id_"}}, additionalProperties=INDEX),
        "validation": VALIDATION,
        "tests": key("Examples that `engine check` runs.", [CASE["examples"][0]], type="array", items=CASE),
    }  # fmt: skip
    top = section(
        "How the columns of a file become the documents of a MongoDB collection.", properties, ("mapping", "source", "target", "fields")
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Mapping of the engine", **top}
