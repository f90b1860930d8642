"""Places on the earth, in degrees (WGS 84), stored as GeoJSON (RFC 7946): longitude first, whatever the order of the text."""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from engine.values.types.options import Options

POSITION = pl.Array(pl.Float64, 2)
DEGREES = r"([+-]?[0-9]{1,3}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?)"
Schema = dict[str, Any]
BLANKS = " \u00a0"
LONGITUDE: Schema = {"bsonType": "double", "minimum": -180.0, "maximum": 180.0}
LATITUDE: Schema = {"bsonType": "double", "minimum": -90.0, "maximum": 90.0}
LEAST_POINTS = 2


def _geometry(name: str, coordinates: Schema) -> Schema:
    properties = {"type": {"enum": [name]}, "coordinates": coordinates}
    return {"required": ["type", "coordinates"], "properties": properties, "additionalProperties": False}


COORDINATES: Schema = {"bsonType": "array", "minItems": 2, "maxItems": 2, "items": [LONGITUDE, LATITUDE]}
POINT_SCHEMA = _geometry("Point", COORDINATES)
LINE_SCHEMA = _geometry("LineString", {"bsonType": "array", "minItems": LEAST_POINTS, "items": COORDINATES})


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
