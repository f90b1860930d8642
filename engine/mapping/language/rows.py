"""Keys about whole rows and documents: rules, duplicates, `_id`, limits, examples."""

from __future__ import annotations

from engine.mapping.model import DeclaredStep, Dedup, IdSource, Mapping, Rule
from engine.mapping.patterns import SCALAR
from engine.values.keys import Schema, key, keys_of, section, section_of

RULE = section_of(
    Rule, "A check over fields of one document.", {"check": "stay.discharge_date >= stay.admission_date", "on_fail": "reject"}
)
DEDUP = section_of(Dedup, "Which accepted rows are duplicates, and which of them is kept. Without it, no row is dropped.", {"on": "row"})
LIMITS = section("How much may go wrong before nothing is published.", keys_of(Mapping, "limits"), example={"rejects": "0.5%"})
REJECTS = section("How rejected rows are kept.", keys_of(Mapping, "rejects"), example={"private": "mask"})

STEP = section_of(
    DeclaredStep,
    "An update of the live collection that `engine apply` makes once, when the mapping comes to have the step. What the engine derives by "
    "itself needs none. A run that loads all documents counts it as done.",
    {"where": {"price": {"$exists": True}}, "pipeline": [{"$set": {"price": {"$multiply": ["$price", 100]}}}]},
)

CELL_OR_ROWS: Schema = {"type": [*SCALAR, "array"], "items": {"type": "object", "additionalProperties": {"type": SCALAR}}}
CASE = section(
    "An example that `engine check` runs.",
    {
        "given": key("Cells by column; columns left out are empty. Rows of secondary sources are a list under the name of their array or "
                     "lookup.", {"Age": "30", "lines": [{"productID": "11"}]}, type="object", additionalProperties=CELL_OR_ROWS),
        "but": key("Instead of `given`: the cells of the first test, with these changes.", {"Age": "thirty"}, type="object",
                   additionalProperties=CELL_OR_ROWS),
        "expect": key("Values by path that the document must have; null means that there is no value.", {"patient.age": 30}, type="object"),
        "reject": key("Instead of `expect`: the row is rejected with this code (a constraint's or rule's name, type, required, map, "
                      "damaged_key).", "minimum", type="string"),
    },
    example={"given": {"Age": "30"}, "expect": {"patient.age": 30}},
)  # fmt: skip

IDENTITY = section(
    "Where `_id` comes from, unless a field `_id` is mapped. The hash makes a run repeatable: the same row has the same `_id`.",
    {
        **keys_of(IdSource),
        "objectId": key("A new ObjectId each time.", "random", enum=["random"]),
    },
    minProperties=1,
    maxProperties=1,
    example={"hash": "row"},
)  # fmt: skip
