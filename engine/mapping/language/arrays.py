"""Elements of arrays, rows of secondary sources, groups of rows."""

from __future__ import annotations

from engine.mapping.model import Array, Columns, Json, Lookup, Mapping, Numbered, RowsOrigin, Split
from engine.values.keys import Schema, key, keys_of, section, section_of

JSON_CELL = section_of(
    Json,
    "A cell that holds JSON text. Its members are read as columns; `a.b` is a member of a member. A number keeps its digits; null gives "
    "no elements.",
    {"column": "cast"},
)
ARRAY = section(
    "Where the elements of an array come from: exactly one of source, numbered, columns, split, json, rows; or source or rows with "
    "columns, where each of their rows gives one element for each column that matches. Inside, the column `{n}` is the element's number "
    "from 1, in the order of its source. An element is left out if none of its own columns has a value; `{n}`, `{key}` and the columns of "
    "the surrounding row do not count as its own.",
    {
        "source": key("The secondary source whose matching rows are the elements.", "details", type="string"),
        **keys_of(RowsOrigin),
        "rows": key("The rows of the document's group; see group_by.", True, enum=[True]),
        **keys_of(Numbered),
        **keys_of(Columns),
        "split": section_of(Split, "A cell split into `{value}`s.", {"column": "genres", "separator": "|"}),
        "json": JSON_CELL,
        **keys_of(Array),
    },
    example={"source": "details", "on": {"orderID": "orderID"}, "sort": ["productID"]},
)  # fmt: skip
LOOKUP = section(
    "One row of a secondary source, or a JSON cell; its columns are read as `NAME.column`. A lookup that no field reads only checks that "
    "the key exists.",
    {
        "source": key("The secondary source; each key may occur only once in it.", "products", type="string"),
        "on": keys_of(RowsOrigin)["on"],
        **keys_of(Lookup),
        "json": JSON_CELL,
    },
    example={"source": "products", "on": {"productID": "productID"}},
)  # fmt: skip

GROUP_BY: Schema = section(
    "Rows with the same values in these columns become one document: a field takes their first value, an array with `rows: true` holds all "
    "of them. A list of columns is the short form.",
    keys_of(Mapping, "group_by"),
    ("columns",),
    example={"columns": ["ProviderNumber"], "conflicts": "reject"},
)  # fmt: skip
GROUP_BY |= {"type": ["array", "object"], "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}
