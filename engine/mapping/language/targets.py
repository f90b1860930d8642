"""Where documents go, and how the server treats them."""

from __future__ import annotations

from engine.mapping.keys import Schema, key, section, section_of
from engine.mapping.model import Target, Validation

TARGET = section_of(
    Target,
    "Where the documents go. The server is set by MONGODB_URI, never here.",
    {"database": "medicaldb", "collection": "admissions"},
    required=("database",),
)
VALIDATION = section_of(
    Validation,
    "How the server treats documents that break the validator, whoever writes them.",
    {"level": "strict", "action": "error", "additional": False},
)

COLLATION = section(
    "Language-specific rules for comparing texts.",
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
    "unique": key("No two documents may have the same key values.", True, type="boolean"),
    "sparse": key("Leave out documents without the field.", True, type="boolean"),
    "expireAfterSeconds": key("TTL: delete documents this many seconds after the date in the field.", 86400, type="integer", minimum=0),
    "partialFilterExpression": key("Index only the documents that match.", {"status": "active"}, type="object"),
    "collation": COLLATION,
    "default_language": key("Language of a text index.", "english", type="string"),
}  # fmt: skip

INDEX = section(
    "An index, built after the load and before the collection is published. The options are MongoDB's.",
    {
        "keys": key("Fields in order: 1, -1, text, 2dsphere or hashed.", {"patient.name": 1, "stay.admission_date": -1}, type="object",
                    minProperties=1, maxProperties=32, additionalProperties={"enum": [1, -1, "text", "2dsphere", "hashed"]}),
        **INDEX_OPTIONS,
    },
    ("keys",),
    example={"keys": {"patient.name": 1, "stay.admission_date": -1}},
)  # fmt: skip
