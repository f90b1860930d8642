"""The mapping language as JSON Schema, derived from attributes that state their keys and from the tables of types, constraints, transforms.

Keys that become no attribute of their own, or one of another form, are stated here. This is what the loader validates against, what an
editor completes from (`schemas/mapping.schema.json`) and what `docs/mapping.md` is printed from. Every key has a description and an
example.
"""

from __future__ import annotations

from engine.mapping.language.arrays import ARRAY, GROUP_BY, LOOKUP
from engine.mapping.language.fields import FIELD
from engine.mapping.language.rows import CASE, DEDUP, IDENTITY, LIMITS, REJECTS, RULE, STEP
from engine.mapping.language.sources import SOURCE
from engine.mapping.language.targets import INDEX, TARGET, VALIDATION
from engine.mapping.model import Field, Mapping
from engine.mapping.patterns import COLLECTION_KEY, NAME, PATH
from engine.values.keys import Schema, key, keys_of, section

__all__ = ["OF_A_COLLECTION", "mapping_schema"]


def mapping_schema() -> Schema:
    """The JSON Schema (2020-12) of a mapping file."""
    properties = {
        **keys_of(Mapping),
        "source": SOURCE,
        "sources": key("Several sources by name, instead of `source`.", {"orders": {"path": "orders.csv"}}, type="object", minProperties=1,
                       propertyNames={"pattern": NAME}, additionalProperties=SOURCE),
        "target": TARGET,
        "defaults": section("Default policies for all fields.", {name: keys_of(Field)[name] for name in DEFAULTS},
                            example={"empty": "omit"}),
        "dedup": DEDUP,
        "id": IDENTITY,
        "fields": key("The fields: each target path, and where its value comes from.", {"patient.age": {"column": "Age", "type": "int"}},
                      type="object", minProperties=1, propertyNames={"pattern": PATH}, additionalProperties=FIELD),
        "document": key("With `sources`: the primary source, whose rows become the documents.", "orders", type="string"),
        "group_by": GROUP_BY,
        "arrays": key("Arrays by path, and where their elements come from.", {"lines": ARRAY["examples"][0]}, type="object",
                      propertyNames={"pattern": PATH}, additionalProperties=ARRAY),
        "lookups": key("Lookups by name: one row of a secondary source or a JSON cell.", {"product": LOOKUP["examples"][0]}, type="object",
                       propertyNames={"pattern": NAME}, additionalProperties=LOOKUP),
        "rules": key("Checks over several fields, by name.", {"dates_in_order": RULE["examples"][0]}, type="object",
                     propertyNames={"pattern": NAME}, additionalProperties=RULE),
        "limits": LIMITS,
        "rejects": REJECTS,
        "indexes": key("Indexes by name.", {"patient_stay": INDEX["examples"][0]}, type="object", maxProperties=63,
                       propertyNames={"minLength": 1, "maxLength": 120, "not": {"const": "_id_"}}, additionalProperties=INDEX),
        "validation": VALIDATION,
        "steps": key("Updates of the live collection between two versions, by name, in order.", {"cents": STEP["examples"][0]},
                     type="object", propertyNames={"pattern": NAME}, additionalProperties=STEP),
        "tests": key("Examples that `engine check` runs.", [CASE["examples"][0]], type="array", items=CASE),
    }  # fmt: skip
    own: dict[str, Schema] = {name: {"$ref": f"#/properties/{name}"} for name in OF_A_COLLECTION}
    properties["collections"] = key(
        "Several collections from the same sources, by name: each has its own `document`, `fields` and so on. `target` names the database.",
        {"customers": {"document": "customers", "fields": {"_id": "customerID"}}}, type="object", minProperties=1,
        propertyNames={"pattern": COLLECTION_KEY}, additionalProperties=section(
            "One collection.", own, ("fields",), example={"document": "customers", "fields": {"_id": "customerID"}}),
    )  # fmt: skip
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Mapping of the engine", **_top(properties)}


DEFAULTS = ("empty", "on_error")
"""Policies of a field that `defaults` may give for all of them."""
OF_A_COLLECTION = ("description", "document", "dedup", "id", "group_by", "fields", "arrays", "lookups", "rules", "limits", "indexes",
                   "validation", "steps", "tests")  # fmt: skip
"""Keys that each collection has for itself where a mapping has several."""


def _top(properties: dict[str, Schema]) -> Schema:
    return section("How the columns of files become the documents of MongoDB collections.", properties, ("mapping", "target"))
