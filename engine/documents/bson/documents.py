"""A shape compiled into an encoder: frame in, one BSON document per row out.

Each node of the shape becomes an object that gives a `Part`: the pieces of its value alone. What holds the value puts its head (type byte,
name, NUL) before it and says what to write in rows without one. So a document is one tape, joined once.

All that a frame is asked for is read in one query by its `_Level`: the batch is one, the elements of each array are another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

import numpy as np
import polars as pl

from engine.documents.bson import shapes
from engine.values.encoding.pieces import Part, Piece, PieceChoice, Size, join, names, prefix, regroup, sizes
from engine.values.encoding.scalars import Encoding
from engine.values.frames import col
from engine.values.types import type_table

NULL = b"\x0a"
Read = Mapping[str, pl.Series]
"""What a level has read of its frame, by the text of what was asked."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """Documents of one shape. Holds no data: encode as many batches as you like, from any thread."""

    level: _Level

    def encode(self, frame: pl.DataFrame) -> pl.Series:
        """One document per row, in row order: Binary without nulls, named `document`. Other columns of the frame are ignored.

        Raises:
            TypeError: a column is not of its type's dtype.
            ValueError: an objectId, uuid or decimal column holds a value that is not one.
        """
        return join(self.level.part(frame).pieces, frame.height).alias("document")


def compile_shape(shape: shapes.DocumentShape) -> Encoder:
    """Decide everything that does not depend on data.

    Raises:
        ValueError: an unknown type, a key with NUL or written twice, or too many levels.
    """
    shapes.check(shape)
    return Encoder(_Level.of(shape))


@dataclass(frozen=True, slots=True)
class _Level:
    """A frame's part in the shape: the dtypes it must have, what is read of it at once, and what becomes of that."""

    dtypes: tuple[tuple[str, pl.DataType | type[pl.DataType]], ...]
    reads: tuple[pl.Expr, ...]
    node: _Node

    @classmethod
    def of(cls, shape: shapes.Shape) -> _Level:
        asked = _Asked([], {})
        node = _compile(shape, asked)
        return cls(tuple(asked.dtypes), tuple(asked.reads.values()), node)

    def part(self, frame: pl.DataFrame) -> Part:
        schema = frame.schema
        for column, dtype in self.dtypes:
            if schema[column] != dtype:
                raise TypeError(f"the column {column!r} is {schema[column]}, not {dtype}")
        return self.node.part({values.name: values for values in frame.select(self.reads)}, frame.height)


@dataclass(frozen=True, slots=True)
class _Scalar:
    column: str
    encoding: Encoding
    reads: tuple[str, ...]
    present: str

    @property
    def code(self) -> bytes:
        return self.encoding.code

    def part(self, read: Read, _rows: int) -> Part:
        try:
            part = self.encoding.write(*(read[name] for name in self.reads))
        except ValueError as error:
            raise ValueError(f"the column {self.column!r}: {error}") from error
        return Part(part.pieces, part.size, _where(read[self.present]))


@dataclass(frozen=True, slots=True)
class _Field:
    """`head` is type byte, name, NUL; `absent` is written in a row without a value."""

    head: bytes
    absent: bytes
    node: _Node

    def part(self, read: Read, rows: int) -> Part:
        part = _entry(self.head, len(self.head), self.node.part(read, rows), self.absent, len(self.absent))
        return Part(part.pieces, part.size) if self.absent else part


@dataclass(frozen=True, slots=True)
class _Document:
    fields: tuple[_Field, ...]
    code = b"\x03"

    def part(self, read: Read, rows: int) -> Part:
        parts = [field.part(read, rows) for field in self.fields]
        return _framed(parts, _any([part.valid for part in parts], rows))


@dataclass(frozen=True, slots=True)
class _Array:
    column: str
    lists: str
    counts: str
    present: str
    element: _Level
    code = b"\x04"

    def part(self, read: Read, _rows: int) -> Part:
        counts = read[self.counts].to_numpy()
        values = read[self.lists].explode(empty_as_null=False, keep_nulls=False).alias(self.column)
        part = self.element.part(values.struct.unnest() if values.dtype == pl.Struct else values.to_frame())
        valid = _where(values.is_not_null())
        head = names(self.element.node.code, counts)
        null = b"" if valid is None else names(NULL, counts)
        size = sizes(head)
        entry = _entry(head, size, Part(part.pieces, part.size, valid), null, size)
        content = regroup(join(entry.pieces, len(values)), counts)
        return _framed([Part((content,), sizes(content))], _where(read[self.present]))


_Node = _Scalar | _Document | _Array


def _entry(head: Piece, head_size: Size, part: Part, absent: bytes | pl.Series, absent_size: Size) -> Part:
    """A value behind its head; where there is none, `absent` instead of both."""
    pieces, size = (head, *part.pieces), head_size + part.size
    if part.valid is None:
        return Part(pieces, size)
    chosen = np.where(part.valid.to_numpy(), size, absent_size).astype(np.int32, copy=False)
    return Part((PieceChoice(part.valid, pieces, absent),), chosen, part.valid)


def _framed(parts: Sequence[Part], valid: pl.Series | None) -> Part:
    """What documents and arrays have in common: length of all, content, NUL."""
    size = sum((part.size for part in parts), start=5)
    return Part((prefix(size), *(piece for part in parts for piece in part.pieces), b"\0"), size, valid)


def _where(present: pl.Series) -> pl.Series | None:
    """The mask of a part: None where it holds in all rows."""
    return None if present.all() else present


def _any(masks: Sequence[pl.Series | None], rows: int) -> pl.Series | None:
    known = [mask for mask in masks if mask is not None]
    if len(known) < len(masks):
        return None
    return reduce(or_, known) if known else pl.Series(np.zeros(rows, np.bool_))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the nodes of a level ask of its frame, gathered while they are compiled."""

    dtypes: list[tuple[str, pl.DataType | type[pl.DataType]]]
    reads: dict[str, pl.Expr]

    def read(self, name: str, expression: pl.Expr) -> str:
        """Ask for the expression under a name of its own."""
        self.reads[name] = expression.alias(name)
        return name

    def present(self, column: str) -> str:
        return self.read(f"present {column}", col(column).is_not_null())


def _compile(shape: shapes.Shape, asked: _Asked) -> _Node:
    match shape:
        case shapes.DocumentShape(fields):
            return _Document(tuple(_field(key, child, asked) for key, child in fields))
        case shapes.ArrayShape(column):
            return _array(shape, column, asked)
        case shapes.ScalarShape(column, alias) if alias in type_table:
            return _scalar(column, alias, asked)
    raise ValueError(f"{shape.type!r} is not a type of a field; known are {', '.join(sorted(type_table))}")


def _field(key: str, shape: shapes.Shape, asked: _Asked) -> _Field:
    node, name = _compile(shape, asked), key.encode() + b"\0"
    null = not isinstance(shape, shapes.DocumentShape) and shape.null
    return _Field(node.code + name, NULL + name if null else b"", node)


def _scalar(column: str, alias: str, asked: _Asked) -> _Scalar:
    kind = type_table[alias]
    asked.dtypes.append((column, kind.dtype))
    reads = tuple(asked.read(f"{alias} {place} {column}", read(col(column))) for place, read in enumerate(kind.encoding.reads))
    return _Scalar(column, kind.encoding, reads, asked.present(column))


def _array(shape: shapes.ArrayShape, column: str, asked: _Asked) -> _Array:
    """An element that is not a document reads a frame of one column, named as the array's."""
    asked.dtypes.append((column, pl.List))
    inner = shape.element if isinstance(shape.element, shapes.DocumentShape) else replace(shape.element, column=column)
    counts = col(column).list.len().fill_null(0).cast(pl.Int64)
    lists, count = asked.read(f"list {column}", col(column)), asked.read(f"count {column}", counts)
    return _Array(column, lists, count, asked.present(column), _Level.of(inner))
