"""Elements of arrays, rows of other sources, groups of rows."""

from __future__ import annotations

from engine.mapping.language.words import Schema, key, section, texts

ON = key("Columns that must be equal, theirs to ours; a list where both have the same name. An empty cell matches nothing.",
         {"orderID": "orderID"}, type=["object", "array"], additionalProperties={"type": "string"}, items={"type": "string"},
         minProperties=1, minItems=1)  # fmt: skip
JSON_CELL = section(
    "A cell that holds a JSON text. Its members are columns; `a.b` is a member of a member. A number keeps its digits; a null has no "
    "elements.",
    {
        "column": key("The column of the cell.", "cast", type="string"),
        "syntax": key("json, or python for a literal as Python prints it ({'name': None}).", "python", enum=["json", "python"],
                      default="json"),
    },
    ("column",),
    example={"column": "cast"},
)  # fmt: skip
ARRAY = section(
    "Where the elements of an array come from: exactly one of source, numbered, columns, split, json, rows; or source or rows with "
    "columns, where each of their rows gives one element for each column that matches. Inside, the column `{n}` is the element's number "
    "from 1, in the order of its source. An element is left out where none of its own columns has a value: `{n}`, `{key}` and the columns "
    "of the row around it are not its own.",
    {
        "source": key("Rows of another source.", "details", type="string"),
        "on": ON,
        "orphans": key("Rows of the other source that no document has: warn (count them), fail, ignore.", "fail",
                       enum=["warn", "fail", "ignore"], default="warn"),
        "rows": key("The rows of the document's group; see group_by.", True, enum=[True]),
        "numbered": key("Columns in parallel sets, named with `{n}` in the fields: a range, or the texts that stand for it.", "1..15",
                        type=["string", "array"], pattern=r"^[0-9]+\.\.[0-9]+$", items={"type": "string"}, minItems=1, uniqueItems=True),
        "columns": key("A regular expression of column names: one element per column, in the file's order. `{key}` is the name, or the "
                       "expression's first group, `{value}` the cell.", "^[0-9]{4}$", type="string", minLength=1),
        "split": section("A cell cut into `{value}`s.", {"column": key("The column of the cell.", "genres", type="string"),
                         "separator": key("What stands between.", "|", type="string", minLength=1)}, ("column", "separator"),
                         example={"column": "genres", "separator": "|"}),
        "json": JSON_CELL,
        "sort": key("Order of the elements: paths inside the element, or columns; `-` before one for descending. Otherwise the source's.",
                    ["-started", "code"], **texts(minItems=1)),
        "empty": key("What no element at all becomes: list (an empty array), omit, null, fail.", "omit",
                     enum=["list", "omit", "null", "fail"], default="list"),
        "minItems": key("Fewest elements.", 1, type="integer", minimum=0),
        "maxItems": key("Most elements.", 20, type="integer", minimum=1),
        "uniqueItems": key("No value twice; for arrays of values.", True, enum=[True]),
        "on_error": key("An element that breaks a check: reject the document, or drop the element (counted).", "drop",
                        enum=["reject", "drop"], default="reject"),
        "embed": key("false: the array is not stored, it only feeds aggregates such as count(ratings).", False, type="boolean",
                     default=True),
    },
    example={"source": "details", "on": {"orderID": "orderID"}, "sort": ["productID"]},
)  # fmt: skip
LOOKUP = section(
    "One row of another source, or a JSON cell; its columns are read as `NAME.column`. One that no field reads checks that the document's "
    "key is there.",
    {
        "source": key("The other source; its key must be unique there.", "products", type="string"),
        "on": ON,
        "unmatched": key("A key that the other source does not have: reject the row, null (counted; the fields are empty), fail.", "null",
                         enum=["reject", "null", "fail"], default="reject"),
        "json": JSON_CELL,
    },
    example={"source": "products", "on": {"productID": "productID"}},
)  # fmt: skip

GROUP_BY: Schema = section(
    "Rows that agree in these columns are one document: a field has the first value among them, an array with `rows: true` has them all. A "
    "list of columns is the short form.",
    {
        "columns": key("The columns that name a document.", ["ProviderNumber"], **texts(minItems=1, uniqueItems=True)),
        "conflicts": key("Rows of a group that differ in a field of the document: warn (the first value counts), reject the group, ignore.",
                         "reject", enum=["warn", "reject", "ignore"], default="warn"),
    },
    ("columns",),
    example={"columns": ["ProviderNumber"], "conflicts": "reject"},
)  # fmt: skip
GROUP_BY |= {"type": ["array", "object"], "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}
