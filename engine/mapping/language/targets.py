"""Where documents go, and how the server treats them."""

from __future__ import annotations

from engine.mapping.language.words import Schema, key, section
from engine.mapping.profiles import PROFILES

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
    ("database",),
    example={"database": "medicaldb", "collection": "admissions"},
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
