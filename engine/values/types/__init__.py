"""THE type table: one row per type of the mapping language.

To add a type, add a row. A row says how a cell's text becomes a value, how MongoDB names the type, which options and constraints go
with it, and shows examples that are run as tests and printed in the reference.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl

from engine.values.dates import EARLIEST, LATEST, parse_dates
from engine.values.types.geo import LINE_SCHEMA, POINT_SCHEMA, POSITION, parse_linestring, parse_point
from engine.values.types.numbers import Number, plain
from engine.values.types.options import Options

__all__ = ["BINARY_TEXTS", "WIDTHS", "Number", "Options", "Type", "expected", "register", "type_table"]

type_table: dict[str, Type] = {}


Parse = Callable[[pl.Expr, Options], pl.Expr]
NUMBER, WIDTHS = frozenset({"number"}), {"int": 32, "long": 64}


@dataclass(frozen=True)
class Type:
    """One type: `parse` takes the text of a cell (never null where it matters) and gives the value, null where the text is not one.

    `domain` says in constraints which values of the BSON type are values of this one: what `parse` never gives, the server must refuse.
    `unsaid` is what only the engine can know of a value, since the document does not hold it. `schema` is what `$jsonSchema` says of it
    beside its BSON type; `geojson` is what GeoJSON calls it. Of a type that is not `listed`, no enum names values.
    """

    name: str
    summary: str
    dtype: pl.DataType
    bson_type: str
    expects: str
    parse: Parse
    accepted: tuple[tuple[str, Any], ...]
    refused: tuple[str, ...]
    options: frozenset[str] = frozenset()
    ordered: bool = False
    numeric: bool = False
    widens_to: tuple[str, ...] = field(default=())
    domain: Mapping[str, Any] = field(default_factory=dict)
    unsaid: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    listed: bool = True
    geojson: str = ""


def register(row: Type) -> None:
    """Add a type; ValueError when the name is taken."""
    if row.name in type_table:
        raise ValueError(f"type {row.name!r} is registered twice")
    type_table[row.name] = row


def parse_string(text: pl.Expr, _options: Options) -> pl.Expr:
    """Text stays as it is."""
    return text


def expected(kind: Type, options: Options) -> str:
    """What a cell should have been, in words."""
    if kind.name == "date":
        zone = f", with the time zone of column {options.timezone_column!r}" if options.timezone_column else ""
        return f"{kind.expects} ({' or '.join(options.format)}){zone}"
    if kind.name == "binData":
        return f"bytes in {options.encoding}"
    if options.number:
        whole = kind.name in WIDTHS
        return f"a {'whole ' * whole}number written as {options.number.example(whole=whole)}"
    return kind.expects


def _written(parse: Parse) -> Parse:
    """The same of numbers as people write them, where a field says how."""
    return lambda text, options: parse(plain(text, options.number) if options.number else text, options)


def parse_double(text: pl.Expr, _options: Options) -> pl.Expr:
    """Correctly rounded IEEE 754 double; `nan`, `inf` and numbers beyond its range are refused."""
    value = text.cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value)


def parse_decimal(text: pl.Expr, _options: Options) -> pl.Expr:
    """Plain decimal text, kept as written but for a plus sign: at most 18 digits before the point and 16 after (34 fit a decimal128)."""
    return pl.when(text.str.contains(r"^[+-]?[0-9]{1,18}(\.[0-9]{1,16})?$")).then(text.str.strip_prefix("+"))


def parse_bool(text: pl.Expr, options: Options) -> pl.Expr:
    """One of the declared texts."""
    is_true, is_false = text.is_in(list(options.true_values)), text.is_in(list(options.false_values))
    return pl.when(is_true | is_false).then(is_true)


def parse_hex(digits: str) -> Parse:
    """Bytes from hexadecimal digits of the given form (a regular expression); hyphens carry no meaning."""

    def parse(text: pl.Expr, _options: Options) -> pl.Expr:
        matching = pl.when(text.str.contains(f"^{digits}$")).then(text)
        return matching.str.replace_all("-", "", literal=True).str.decode("hex", strict=False)

    return parse


def _parse_integer(dtype: type[pl.DataType]) -> Parse:
    return _written(lambda text, _options: text.cast(dtype, strict=False))


def _parse_binary(text: pl.Expr, options: Options) -> pl.Expr:
    """Bytes; neither encoding forgives anything: no blanks, no missing padding."""
    pattern = BINARY_TEXTS[options.encoding]
    return pl.when(text.str.contains(pattern)).then(text).str.decode(options.encoding, strict=False)  # type: ignore[arg-type]


def _parse_date(text: pl.Expr, options: Options) -> pl.Expr:
    return parse_dates(text, options.format, options.timezone, zoned=options.timezone_column is not None)


HEX = "[0-9a-fA-F]"
BASE64 = "[A-Za-z0-9+/]"
BINARY_TEXTS = {"hex": f"^(?:{HEX}{{2}})*$", "base64": f"^(?:{BASE64}{{4}})*(?:{BASE64}{{2}}==|{BASE64}{{3}}=)?$"}
"""What a binary value's text looks like, by encoding (RFC 4648)."""

ROWS: Sequence[Type] = (
    Type(
        "string",
        "Text, kept exactly as written.",
        pl.String(),
        "string",
        "text",
        parse_string,
        accepted=(("00501", "00501"), (" a ", " a ")),
        refused=(),
    ),
    Type(
        "int",
        "A whole number of 32 bits.",
        pl.Int32(),
        "int",
        "a whole number from -2147483648 to 2147483647",
        _parse_integer(pl.Int32),
        accepted=(("42", 42), ("-7", -7), ("+7", 7), ("007", 7)),
        refused=("4.0", " 4", "1,000", "2147483648", "", "1e3"),
        options=NUMBER,
        ordered=True,
        numeric=True,
        widens_to=("long", "double", "decimal"),
    ),
    Type(
        "long",
        "A whole number of 64 bits.",
        pl.Int64(),
        "long",
        "a whole number of 64 bits",
        _parse_integer(pl.Int64),
        accepted=(("9007199254740993", 9007199254740993), ("-1", -1)),
        refused=("9223372036854775808", "1.0", "x"),
        options=NUMBER,
        ordered=True,
        numeric=True,
        widens_to=("decimal",),
    ),
    Type(
        "double",
        "A binary floating-point number (IEEE 754, 64 bits), correctly rounded.",
        pl.Float64(),
        "double",
        "a finite number such as -12.5 or 1e3",
        _written(parse_double),
        accepted=(("18856.281305978155", 18856.281305978155), ("-2e3", -2000.0), (".5", 0.5)),
        refused=("1,5", "nan", "Infinity", "1e999", "$5", " 1"),
        options=NUMBER,
        ordered=True,
        numeric=True,
        domain={"minimum": -sys.float_info.max, "maximum": sys.float_info.max},  # neither NaN nor an infinity lies between
    ),
    Type(
        "decimal",
        "An exact decimal number (Decimal128); the digits are kept as written.",
        pl.String(),
        "decimal",
        "a decimal number with up to 18 digits before the point and 16 after",
        _written(parse_decimal),
        accepted=(("12.50", "12.50"), ("+3", "3"), ("-0.001", "-0.001")),
        refused=("1,5", "1e3", ".5", "1234567890123456789", "NaN"),
        options=NUMBER,
        ordered=True,
        numeric=True,
        domain={
            "minimum": Decimal("-999999999999999999.9999999999999999"),
            "maximum": Decimal("999999999999999999.9999999999999999"),
            "multipleOf": Decimal("1E-16"),
        },
    ),
    Type(
        "bool",
        "True or false. `true_values` and `false_values` name the texts.",
        pl.Boolean(),
        "bool",
        "one of the declared true_values or false_values",
        parse_bool,
        accepted=(("true", True), ("FALSE", False)),
        refused=("yes", "1", "t"),
        options=frozenset({"true_values", "false_values"}),
        unsaid="the document holds true or false, not the text that said so",
    ),
    Type(
        "date",
        "A moment, stored as UTC milliseconds. `format` says how it is written, `timezone` where a time without offset was local.",
        pl.Datetime("ms"),
        "date",
        "a date of the declared format",
        _parse_date,
        accepted=(("2024-01-31", "2024-01-31T00:00:00"), ("0001-01-01", "0001-01-01T00:00:00")),
        refused=("2024-1-31", "2024-02-30", "31/01/2024", " 2024-01-31", "0000-01-01"),
        options=frozenset({"format", "timezone"}),
        ordered=True,
        domain={"minimum": EARLIEST, "maximum": LATEST},
        unsaid="the document holds the moment, not the text that said so",
    ),
    Type(
        "objectId",
        "MongoDB's 12-byte identifier, from 24 hexadecimal digits.",
        pl.Binary(),
        "objectId",
        "24 hexadecimal digits",
        parse_hex(HEX + "{24}"),
        accepted=(("65b9f0c2a1b2c3d4e5f60718", bytes.fromhex("65b9f0c2a1b2c3d4e5f60718")),),
        refused=("65b9", "z5b9f0c2a1b2c3d4e5f60718"),
    ),
    Type(
        "uuid",
        "A UUID, stored as binary subtype 4, from its usual text form.",
        pl.Binary(),
        "binData",
        "a UUID such as 123e4567-e89b-12d3-a456-426614174000",
        parse_hex(f"{HEX}{{8}}-({HEX}{{4}}-){{3}}{HEX}{{12}}"),
        accepted=(("123e4567-e89b-12d3-a456-426614174000", bytes.fromhex("123e4567e89b12d3a456426614174000")),),
        refused=("123e4567e89b12d3a456426614174000", "x"),
        domain={"minimum": bytes(16), "maximum": b"\xff" * 16},  # MongoDB orders binary by length, subtype, bytes: all of subtype 4
    ),
    Type(
        "binData",
        "Bytes (subtype 0), from their text in hexadecimal or base64: `encoding` says which.",
        pl.Binary(),
        "binData",
        "bytes in the declared encoding",
        _parse_binary,
        accepted=(("00ff", b"\x00\xff"), ("CAFE", b"\xca\xfe")),
        refused=("0", "0x00", "zz", "00 ff"),
        options=frozenset({"encoding"}),
        unsaid="the document holds the bytes, not the text that said them; and no validator can tell a binary's subtype",
        listed=False,
    ),
    Type(
        "point",
        "A place, stored as a GeoJSON Point: from two columns, or from one cell with both numbers in the declared order.",
        POSITION,
        "object",
        "a longitude from -180 to 180 and a latitude from -90 to 90, in degrees",
        parse_point,
        accepted=(("2.35,48.85", [2.35, 48.85]), ("-180, +90", [-180.0, 90.0])),
        refused=("200,48.85", "2.35,", "48.85", "2.35 48.85", "2,35,48,85", "nan,0"),
        options=frozenset({"order", "separator"}),
        schema=POINT_SCHEMA,
        geojson="Point",
        listed=False,
    ),
    Type(
        "linestring",
        "A way through two or more places, stored as a GeoJSON LineString, from one cell with all its points.",
        pl.List(POSITION),
        "object",
        "two or more points, not all of them the same, each a longitude from -180 to 180 and a latitude from -90 to 90",
        parse_linestring,
        accepted=(("2.35,48.85;2.36,48.86", [[2.35, 48.85], [2.36, 48.86]]), ("0,0; 1,0; 0,0", [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])),
        refused=("2.35,48.85", "1,1;1,1", "1,1;2,2;", "1,1;2", "1,1;200,2"),
        options=frozenset({"order", "separator", "point_separator"}),
        schema=LINE_SCHEMA,
        geojson="LineString",
        listed=False,
    ),
)
for _row in ROWS:
    register(_row)
