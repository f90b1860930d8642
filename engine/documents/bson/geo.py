"""GeoJSON geometries as scalars: a point has one width, a line is as long as its points. Source: RFC 7946; bsonspec.org, version 1.1."""

from __future__ import annotations

import numpy as np
import polars as pl

from engine.documents.bson.pieces import Column, Part, Piece, join, names, prefix, regroup, sizes

POSITION = pl.Array(pl.Float64, 2)
POSITION_SIZE = 27  # length, two elements of type byte, one digit, NUL and eight bytes, NUL
ARRAY = b"\x04"


def point(longitude: pl.Series, latitude: pl.Series) -> Part:
    """`{type: "Point", coordinates: [longitude, latitude]}`."""
    return _geometry(b"Point", _position(longitude.to_numpy(), latitude.to_numpy()), POSITION_SIZE)


def line(points: pl.Series, counts: pl.Series) -> Part:
    """`{type: "LineString", coordinates: [[longitude, latitude], …]}`."""
    lengths = counts.to_numpy()
    degrees = points.explode(empty_as_null=False, keep_nulls=False).to_numpy().reshape(-1, 2)
    head = names(ARRAY, lengths)
    content = regroup(join((head, *_position(degrees[:, 0], degrees[:, 1])), len(head)), lengths)
    size = sizes(content) + np.int32(5)
    return _geometry(b"LineString", (prefix(size), content, b"\0"), size)


def _position(longitude: Column, latitude: Column) -> tuple[Piece, ...]:
    """An array of two doubles."""
    first, second = (column.astype("<f8", copy=False) for column in (longitude, latitude))
    return prefix(POSITION_SIZE), b"\x010\0", first, b"\x011\0", second, b"\0"


def _geometry(name: bytes, coordinates: tuple[Piece, ...], size: int | Column) -> Part:
    head = b"\x02type\0" + prefix(len(name) + 1) + name + b"\0" + ARRAY + b"coordinates\0"
    length = size + (len(head) + 5)
    return Part((prefix(length), head, *coordinates, b"\0"), length)
