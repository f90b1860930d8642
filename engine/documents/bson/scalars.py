"""The table of scalar types: BSON type byte, dtype of the column, and how its values become pieces. Source: bsonspec.org, version 1.1.

A type reads its column through a few expressions, which are evaluated together with those of all other columns, and writes what came out.
Neither knows of missing values: any value may stand in for them, as it is not written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from engine.documents.bson.decimals import exponent_word, is_decimal, low_word
from engine.documents.bson.geo import POSITION, line, point
from engine.documents.bson.pieces import Column, Part, flat, prefix

NULL = b"\x0a"


@dataclass(frozen=True, slots=True)
class ScalarType:
    """`code` is the BSON type byte; `reads` turn a column of `dtype` into series without nulls, `write` those into pieces.

    `write` raises ValueError where a value is none of the type.
    """

    code: bytes
    dtype: pl.DataType
    reads: tuple[Callable[[pl.Expr], pl.Expr], ...]
    write: Callable[..., Part]


def _number(code: str) -> Callable[[pl.Series], Part]:
    """Writer of numbers that numpy holds as `code`, such as "<i4"."""
    width = np.dtype(code).itemsize
    return lambda values: Part((values.to_numpy().astype(code, copy=False),), width)


def _string(content: pl.Series, size: pl.Series) -> Part:
    """Length with the closing NUL, the bytes (UTF-8, as every polars string is), NUL."""
    length = size.to_numpy()
    return Part((prefix(length + 1), content, b"\0"), length + 5)


def _binary(content: pl.Series, size: pl.Series) -> Part:
    """Length, subtype 0, the bytes."""
    length = size.to_numpy()
    return Part((prefix(length), b"\0", content), length + 5)


def _object_id(content: pl.Series, fits: pl.Series) -> Part:
    return Part((_matrix(content, fits, 12),), 12)


def _uuid(content: pl.Series, fits: pl.Series) -> Part:
    """Length, subtype 4, 16 bytes in the order of RFC 9562."""
    return Part((prefix(16), b"\x04", _matrix(content, fits, 16)), 21)


def _decimal(low: pl.Series, high: pl.Series, fits: pl.Series) -> Part:
    """Two little-endian words of 8 bytes, the lower first."""
    if not fits.all():
        raise ValueError("a decimal is not plain decimal text of at most 34 significant digits")
    return Part((low.to_numpy().astype("<u8", copy=False), high.to_numpy().astype("<u8", copy=False)), 16)


def _matrix(content: pl.Series, fits: pl.Series, width: int) -> Column:
    """Values of one width as the rows of a matrix of bytes."""
    if not fits.all():
        raise ValueError(f"a value is not {width} bytes long")
    return flat(content).to_numpy().reshape(len(content), width)


def _fill(value: object) -> Callable[[pl.Expr], pl.Expr]:
    return lambda column: column.fill_null(value)


def _size(column: pl.Expr) -> pl.Expr:
    return column.bin.size().fill_null(0).cast(pl.Int32)


def _wide(width: int) -> tuple[Callable[[pl.Expr], pl.Expr], ...]:
    return _fill(bytes(width)), lambda column: column.bin.size().eq(width).fill_null(value=True)


def _degrees(place: int) -> Callable[[pl.Expr], pl.Expr]:
    return lambda column: column.arr.get(place).fill_null(0.0)


def _count(column: pl.Expr) -> pl.Expr:
    return column.list.len().fill_null(0).cast(pl.Int64)


_TEXT = (lambda column: column.cast(pl.Binary).fill_null(b""), lambda column: _size(column.cast(pl.Binary)))

TYPES = {
    "double": ScalarType(b"\x01", pl.Float64(), (_fill(0.0),), _number("<f8")),
    "string": ScalarType(b"\x02", pl.String(), _TEXT, _string),
    "binData": ScalarType(b"\x05", pl.Binary(), (_fill(b""), _size), _binary),
    "uuid": ScalarType(b"\x05", pl.Binary(), _wide(16), _uuid),
    "objectId": ScalarType(b"\x07", pl.Binary(), _wide(12), _object_id),
    "bool": ScalarType(b"\x08", pl.Boolean(), (_fill(False),), _number("u1")),
    "date": ScalarType(b"\x09", pl.Datetime("ms"), (lambda column: column.to_physical().fill_null(0),), _number("<i8")),
    "int": ScalarType(b"\x10", pl.Int32(), (_fill(0),), _number("<i4")),
    "long": ScalarType(b"\x12", pl.Int64(), (_fill(0),), _number("<i8")),
    "point": ScalarType(b"\x03", POSITION, (_degrees(0), _degrees(1)), point),
    "linestring": ScalarType(b"\x03", pl.List(POSITION), (lambda column: column, _count), line),
    "decimal": ScalarType(b"\x13", pl.String(), (low_word, exponent_word, is_decimal), _decimal),
}
"""By BSON alias; `uuid`, which is none, is binary of subtype 4, `point` and `linestring` are GeoJSON documents."""
