"""THE type table: one row per type of the mapping language, in the order in which the language lists them.

To add a type, add a row to the module of its family; `row.Type` says what a row says. What is asked of every type is asked of its row:
how a cell's text becomes a value, what BSON holds, how values compare, sort, show and convert. A row's examples are run as tests and
printed in the reference. A new family is a module with `ROWS`, listed here.

Other files name a type only where the language is about that one: what a key of the mapping makes (`hash`, `id`, `meta`), the types of
constants, operators and functions of expressions, what `infer` proposes.
"""

from __future__ import annotations

from engine.values.tables import table
from engine.values.types import binary, booleans, dates, decimals, numbers, places, text
from engine.values.types.conversions import Conversion
from engine.values.types.number_format import NumberFormat
from engine.values.types.options import Options
from engine.values.types.row import Type, as_json, expected

__all__ = ["Conversion", "NumberFormat", "Options", "Type", "as_json", "expected", "type_table"]

FAMILIES = (text, numbers, decimals, booleans, dates, binary, places)
type_table: dict[str, Type] = table("type", (row for family in FAMILIES for row in family.ROWS))
