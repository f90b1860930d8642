"""How a column of scalars becomes pieces of BSON: the type byte, what is read of the column, how that is written.

A type reads its column through a few expressions, which are evaluated together with those of all other columns, and writes what came out.
Neither knows of missing values: any value may replace them, as it is not written. Source: bsonspec.org, version 1.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from engine.values.encoding.pieces import Column, Part, flat, prefix

Read = Callable[[pl.Expr], pl.Expr]


@dataclass(frozen=True, slots=True)
class Encoding:
    """`code` is the BSON type byte; `reads` turn a column of the type's dtype into series without nulls, `write` those into pieces.

    `write` raises ValueError where a value is not of the type.
    """

    code: bytes
    reads: tuple[Read, ...]
    write: Callable[..., Part]


def number(code: bytes, layout: str, read: Read) -> Encoding:
    """Of numbers that numpy holds as `layout`, such as "<i4"."""
    width = np.dtype(layout).itemsize
    return Encoding(code, (read,), lambda values: Part((values.to_numpy().astype(layout, copy=False),), width))


def filled(value: object) -> Read:
    """The column with this in place of missing values."""
    return lambda column: column.fill_null(value)


def size(column: pl.Expr) -> pl.Expr:
    """Bytes of each value of a Binary column: Int32."""
    return column.bin.size().fill_null(0).cast(pl.Int32)


def of_width(width: int) -> tuple[Read, ...]:
    """What `matrix` takes: the values, and whether each is of this width."""
    return filled(bytes(width)), lambda column: column.bin.size().eq(width).fill_null(value=True)


def matrix(content: pl.Series, fits: pl.Series, width: int) -> Column:
    """Values of one width as the rows of a matrix of bytes. Raises ValueError where one is not of this width."""
    if not fits.all():
        raise ValueError(f"a value is not {width} bytes long")
    return flat(content).to_numpy().reshape(len(content), width)


def text(content: pl.Series, sizes: pl.Series) -> Part:
    """Length with the closing NUL, the bytes (UTF-8, as every polars string is), NUL."""
    length = sizes.to_numpy()
    return Part((prefix(length + 1), content, b"\0"), length + 5)


def binary(content: pl.Series, sizes: pl.Series) -> Part:
    """Length, subtype 0, the bytes."""
    length = sizes.to_numpy()
    return Part((prefix(length), b"\0", content), length + 5)


TEXT = Encoding(b"\x02", (lambda column: column.cast(pl.Binary).fill_null(b""), lambda column: size(column.cast(pl.Binary))), text)
BINARY = Encoding(b"\x05", (filled(b""), size), binary)
