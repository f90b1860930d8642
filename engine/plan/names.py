"""Names of the columns that a plan adds to those of a source (`engine.sources.names`) and to the values, which are named by their paths.

No other module of the engine knows or makes them: what rows hold is asked of `Evaluated`.
"""

from __future__ import annotations

from engine.values.names import internal

PARENT = internal("parent")
"""In elements of an array: the place of the surrounding row in its frame, from 0 (UInt32)."""
FOUND = internal("found")
"""In rows after a lookup: whether it has found a row."""


def cell_name(column: str) -> str:
    """A cell as it is read; so named, a column cannot meet a path."""
    return internal("cell", column)


def raw_name(path: str) -> str:
    """The text of a field before its type reads it."""
    return internal("raw", path)


def when_name(path: str) -> str:
    """Whether a field with a condition may have a value."""
    return internal("when", path)


def unmapped_name(path: str) -> str:
    """Whether a field's text is one that its map lacks and must not."""
    return internal("unmapped", path)


def conflict_name(path: str) -> str:
    """Whether the rows of a group differ in a field."""
    return internal("conflict", path)


def flag_name(number: int) -> str:
    """Whether the row breaks the check of this number."""
    return internal("flag", str(number))


def items_name(name: str) -> str:
    """The elements that an array's or a lookup's JSON cell holds: a list of structs of texts."""
    return internal("list", name)


def has_elements_name(array: str) -> str:
    """Whether a row has elements of an array, good or bad."""
    return internal("there", array)


def child_rows_name(array: str) -> str:
    """Which rows of a secondary source an element is made of, or the elements of a row: places in its frame, from 0 (UInt32)."""
    return internal("rows", array)


def key_name(place: int) -> str:
    """A part of the key by which rows of two sources meet."""
    return internal("key", str(place))


def unmatched_name(lookup: str) -> str:
    """Whether a row's key is asked for in a lookup and not there."""
    return internal("unmatched", lookup)
