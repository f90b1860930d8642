"""Places on the earth, in degrees (WGS 84), stored as GeoJSON (RFC 7946): longitude first, whatever the order of the text."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import polars as pl

from engine.values.encoding.pieces import Column, Part, Piece, join, names, prefix, regroup, sizes
from engine.values.encoding.scalars import Encoding
from engine.values.types.options import Options
from engine.values.types.readers import read_double
from engine.values.types.row import Type

POSITION = pl.Array(pl.Float64, 2)
DEGREES = r"([+-]?[0-9]{1,3}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?)"
Schema = dict[str, Any]
BLANKS = " \u00a0"
LONGITUDE: Schema = {"bsonType": "double", "minimum": -180.0, "maximum": 180.0}
LATITUDE: Schema = {"bsonType": "double", "minimum": -90.0, "maximum": 90.0}
LEAST_POINTS = 2
DOCUMENT, ARRAY = b"\x03", b"\x04"
POSITION_SIZE = 27  # length, two elements of type byte, one digit, NUL and eight bytes, NUL


def _schema(name: str, coordinates: Schema) -> Schema:
    properties = {"type": {"enum": [name]}, "coordinates": coordinates}
    return {"required": ["type", "coordinates"], "properties": properties, "additionalProperties": False}


COORDINATES: Schema = {"bsonType": "array", "minItems": 2, "maxItems": 2, "items": [LONGITUDE, LATITUDE]}
LINE: Schema = {"bsonType": "array", "minItems": LEAST_POINTS, "items": COORDINATES}


def _within(degrees: pl.Expr, limits: Schema) -> pl.Expr:
    return degrees.is_between(limits["minimum"], limits["maximum"])


def parse_point(text: pl.Expr, options: Options) -> pl.Expr:
    """Longitude and latitude, Array(Float64, 2), from two numbers with the separator between them."""
    mark = options.separator.strip(BLANKS)
    between = f"[{BLANKS}]*{re.escape(mark)}[{BLANKS}]*" if mark else f"[{BLANKS}]+"
    pattern = f"^[{BLANKS}]*{DEGREES}{between}{DEGREES}[{BLANKS}]*$"
    both = [text.str.extract(pattern, group).cast(pl.Float64, strict=False) for group in (1, 2)]
    longitude, latitude = both if options.order == "lonlat" else reversed(both)
    inside = _within(longitude, LONGITUDE) & _within(latitude, LATITUDE)
    return pl.when(inside).then(pl.concat_arr([longitude, latitude]))


def parse_linestring(text: pl.Expr, options: Options) -> pl.Expr:
    """Two or more points with the point separator between them, not all of them the same: List(Array(Float64, 2))."""
    points = text.str.split(options.point_separator).list.eval(parse_point(pl.element(), options))
    count = points.list.drop_nulls().list.len()
    line = (count == points.list.len()) & (points.list.n_unique() >= LEAST_POINTS)  # of one place, MongoDB makes no line
    return pl.when(line).then(points)


def _read_point(raw: object) -> list[float]:
    """Longitude and latitude, as a point of a test's `expect` is written."""
    if isinstance(raw, list) and len(raw) == POSITION.shape[0]:
        with suppress(ValueError):
            return [read_double(number) for number in raw]
    raise ValueError("a list of longitude and latitude")


def _read_line(raw: object) -> list[list[float]]:
    if isinstance(raw, list):
        return [_read_point(position) for position in raw]
    raise ValueError("a list of [longitude, latitude]")


# BSON: a point has one width, a line is as long as its points (bsonspec.org, version 1.1)


def _degrees(place: int) -> Callable[[pl.Expr], pl.Expr]:
    return lambda column: column.arr.get(place).fill_null(0.0)


def _count(column: pl.Expr) -> pl.Expr:
    return column.list.len().fill_null(0).cast(pl.Int64)


def _point(longitude: pl.Series, latitude: pl.Series) -> Part:
    """`{type: "Point", coordinates: [longitude, latitude]}`."""
    return _geometry(b"Point", _position(longitude.to_numpy(), latitude.to_numpy()), POSITION_SIZE)


def _line(points: pl.Series, counts: pl.Series) -> Part:
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


POINT = Type(
    "point",
    "A place, stored as a GeoJSON Point: from two columns, or from one cell with both numbers in the declared order.",
    POSITION,
    "object",
    "a longitude from -180 to 180 and a latitude from -90 to 90, in degrees",
    parse_point,
    accepted=(("2.35,48.85", [2.35, 48.85]), ("-180, +90", [-180.0, 90.0])),
    refused=("200,48.85", "2.35,", "48.85", "2.35 48.85", "2,35,48,85", "nan,0"),
    encoding=Encoding(DOCUMENT, (_degrees(0), _degrees(1)), _point),
    read=_read_point,
    show=lambda degrees: {"type": "Point", "coordinates": degrees},
    options=frozenset({"order", "separator"}),
    schema=_schema("Point", COORDINATES),
    geojson=True,
    from_pair=True,
    in_expressions=False,
    enumerable=False,
)
LINESTRING = Type(
    "linestring",
    "A line through two or more places, stored as a GeoJSON LineString, from one cell with all its points.",
    pl.List(POSITION),
    "object",
    "two or more points, not all of them the same, each a longitude from -180 to 180 and a latitude from -90 to 90",
    parse_linestring,
    accepted=(("2.35,48.85;2.36,48.86", [[2.35, 48.85], [2.36, 48.86]]), ("0,0; 1,0; 0,0", [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])),
    refused=("2.35,48.85", "1,1;1,1", "1,1;2,2;", "1,1;2", "1,1;200,2"),
    encoding=Encoding(DOCUMENT, (lambda column: column, _count), _line),
    read=_read_line,
    show=lambda places: {"type": "LineString", "coordinates": places},
    options=frozenset({"order", "separator", "point_separator"}),
    schema=_schema("LineString", LINE),
    geojson=True,
    in_expressions=False,
    enumerable=False,
)
ROWS = (POINT, LINESTRING)
