"""The conversions that the server can do: a stored value of one type → what the engine itself would make of the same cell as another.

Each is in the row of the type that it makes (`engine.values.types`).
"""

from __future__ import annotations

from engine.values.types import Conversion, Options, type_table


def conversion(old: str, new: str, options: Options) -> Conversion | None:
    """The server's conversion, or None where the source is needed."""
    known = type_table[new].conversions.get(old)
    return known if known and known.possible(options) else None
