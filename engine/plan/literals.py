"""Cells that hold a JSON text or a Python literal, as elements whose members are texts."""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import polars as pl

from engine.mapping.model import Json
from engine.plan.names import cell_name
from engine.values.columns import KEY, VALUE

MALFORMED = (ValueError, SyntaxError, RecursionError, MemoryError, TypeError)


class WrittenNumber:
    """A number, by its digits."""

    __slots__ = ("digits",)

    def __init__(self, digits: str) -> None:
        self.digits = digits


def _json(text: str) -> Any:
    """Numbers stay as they are written; NaN and the infinities are not JSON."""
    return json.loads(text, parse_float=WrittenNumber, parse_int=WrittenNumber, parse_constant=_refuse)


def _refuse(text: str) -> Any:
    raise ValueError(text)


def _python(text: str) -> Any:
    """A literal, its numbers as they are written."""
    source = text.strip()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes; they would quote the cell
        return _literal(ast.parse(source, mode="eval").body, source.encode().splitlines(keepends=True))


def _literal(node: ast.expr, lines: list[bytes]) -> Any:
    match node:
        case ast.Dict(keys, values):
            pairs = [(_literal(_node(key), lines), _literal(value, lines)) for key, value in zip(keys, values, strict=True)]
            return {str(_text(key)): value for key, value in pairs}
        case ast.List(items) | ast.Tuple(items):
            return [_literal(item, lines) for item in items]
        case ast.Constant(bool() | str() | None):
            return node.value
        case ast.Constant(int() | float()) | ast.UnaryOp(ast.USub() | ast.UAdd(), ast.Constant(int() | float())):
            if node.end_lineno == node.lineno:
                return WrittenNumber(lines[node.lineno - 1][node.col_offset : node.end_col_offset].decode())
    raise ValueError("not a literal of this kind")


def _node(key: ast.expr | None) -> ast.expr:
    if key is None:
        raise ValueError("** is not a literal")
    return key


READERS: dict[str, Callable[[str], Any]] = {"json": _json, "python": _python}


def dtype_of(members: Sequence[str]) -> pl.DataType:
    """What `parsed` gives: lists of structs of texts, which are named as cells."""
    return pl.List(pl.Struct({cell_name(name): pl.String for name in members}))


def parsed(origin: Json, members: Sequence[str], *, many: bool) -> Callable[[pl.Series], pl.Series]:
    """From texts to lists of elements, structs of the members' texts; null where the text is not valid, or holds something else.

    With `many`, a list gives its items and an object its members (`{key}`, `{value}`); without, an object is one element. Null gives none.
    """
    dtype = dtype_of(members)
    read = READERS[origin.syntax]

    def elements(text: str) -> list[dict[str, str | None]] | None:
        try:
            return [{cell_name(name): _member(item, name) for name in members} for item in _items(read(text), many=many)]
        except MALFORMED:
            return None

    def series(texts: pl.Series) -> pl.Series:
        return pl.Series([None if text is None else elements(text) for text in texts], dtype=dtype)

    return series


def _items(found: Any, *, many: bool) -> Iterator[dict[str, Any]]:
    if isinstance(found, dict) and not many:
        yield found
    elif isinstance(found, dict):
        yield from ({**(value if isinstance(value, dict) else {}), KEY: key, VALUE: value} for key, value in found.items())
    elif isinstance(found, list) and many:
        yield from ({**item, VALUE: item} if isinstance(item, dict) else {VALUE: item} for item in found)
    elif found is not None:
        raise TypeError


def _member(item: Any, name: str) -> str | None:
    """The member's text; `a.b` is a member of a member."""
    if name not in item:
        first, point, rest = name.partition(".")
        return _member(item[first], rest) if point and isinstance(item.get(first), dict) else None
    return _text(item[name])


def _text(value: Any) -> str | None:
    """A text as it is, another value as JSON writes it. Raises ValueError for half of a surrogate pair, which is not text."""
    if value is None:
        return None
    found = value if isinstance(value, str) else _written(value)
    found.encode()
    return found


def _written(value: Any) -> str:
    """JSON, with numbers by their digits."""
    if isinstance(value, WrittenNumber):
        return value.digits
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_written(name)}: {_written(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
