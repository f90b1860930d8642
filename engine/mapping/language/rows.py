"""What is said of whole rows and documents: rules, duplicates, `_id`, limits, examples."""

from __future__ import annotations

from engine.mapping.language.words import SCALAR, Schema, key, section, texts

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

CELL_OR_ROWS: Schema = {"type": [*SCALAR, "array"], "items": {"type": "object", "additionalProperties": {"type": SCALAR}}}
CASE = section(
    "An example that `engine check` runs.",
    {
        "given": key("Cells by column; columns left out are empty. Rows of other sources stand as a list under the name of their array or "
                     "lookup.", {"Age": "30", "lines": [{"productID": "11"}]}, type="object", additionalProperties=CELL_OR_ROWS),
        "but": key("Instead of given: the cells of the first test, with these changed.", {"Age": "thirty"}, type="object",
                   additionalProperties=CELL_OR_ROWS),
        "expect": key("Values by path that the document must have; null: it has none there.", {"patient.age": 30}, type="object"),
        "reject": key("Instead of expect: the row is rejected with this code (a constraint's or rule's name, type, required, map, "
                      "damaged_key).", "minimum", type="string"),
    },
    example={"given": {"Age": "30"}, "expect": {"patient.age": 30}},
)  # fmt: skip


ORDERED_KEEP = {
    name: key(f"The path of a field: the row where it is {most} stays, the first of several; a missing value loses.", "stay.admission_date",
              type="string", minLength=1)
    for name, most in (("max", "greatest"), ("min", "least"))
}  # fmt: skip

DEDUP = section(
    "Which accepted rows are the same, and which of them stays. Without it no row is dropped.",
    {
        "on": key("row: all source cells; or a list of columns or of paths.", "row", **KEYS_OF_ROWS),
        "keep": key("Which of them stays: first; last; the one whose field is greatest, {max: PATH}, or least, {min: PATH} (int, long, "
                    "double, decimal, date); fail stops the run at the first one. All but first and fail read the source twice, so they "
                    "need a file.", {"max": "stay.admission_date"}, default="first",
                    **{"type": ["string", "object"], "if": {"type": "string"}, "then": {"enum": ["first", "last", "fail"]},
                       "else": {"type": "object", "properties": ORDERED_KEEP, "additionalProperties": False, "minProperties": 1,
                                "maxProperties": 1}}),
        "near": section(
            "Rows that are the same but for some columns: near-duplicates, of which the same row stays.",
            {
                "except": key("The source columns in which they may differ.", ["Age"], **texts(minItems=1, uniqueItems=True)),
                "action": key("report: load them, and count them among the warnings; drop: they count as duplicates, and among the "
                              "warnings as near ones.", "report", enum=["report", "drop"], default="report"),
            },
            ("except",),
            example={"except": ["Age"], "action": "report"},
        ),
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
    {"rejects": key("Rejected rows allowed, malformed ones of other sources among them: a share of the rows such as 0.5%, or a count.",
                    "0.5%", type=["string", "integer"], minimum=0, pattern=r"^[0-9]+(\.[0-9]+)?%$", default="no limit"),
     "duplicates": key("Rows that dedup may drop: a share of the rows, or a count.", "5%", type=["string", "integer"], minimum=0,
                       pattern=r"^[0-9]+(\.[0-9]+)?%$", default="no limit"),
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
