"""Identifiers and bytes: objectId, uuid, binData."""

from __future__ import annotations

import polars as pl

from engine.values.encoding.pieces import Part, prefix
from engine.values.encoding.scalars import BINARY, Encoding, matrix, of_width
from engine.values.types.conversions import Conversion, matching
from engine.values.types.options import BINARY_TEXTS, HEX, Options
from engine.values.types.readers import read_parsed
from engine.values.types.row import Parse, Type

OBJECT_ID_TEXT = rf"^{HEX}{{24}}\z"
UUID_TEXT = rf"^{HEX}{{8}}-({HEX}{{4}}-){{3}}{HEX}{{12}}\z"
OBJECT_ID_BYTES, UUID_BYTES = 12, 16


def parse_hex(pattern: str) -> Parse:
    """Bytes from texts of hexadecimal digits that match; hyphens carry no meaning."""

    def parse(text: pl.Expr, _options: Options) -> pl.Expr:
        matching = pl.when(text.str.contains(pattern)).then(text)
        return matching.str.replace_all("-", "", literal=True).str.decode("hex", strict=False)

    return parse


def parse_binary(text: pl.Expr, options: Options) -> pl.Expr:
    """Bytes; neither encoding forgives anything: no blanks, no missing padding."""
    pattern = BINARY_TEXTS[options.encoding]
    return pl.when(text.str.contains(pattern)).then(text).str.decode(options.encoding, strict=False)  # type: ignore[arg-type]


def _key_text(column: pl.Expr) -> pl.Expr:
    return column.bin.encode("hex")


def _object_id(content: pl.Series, fits: pl.Series) -> Part:
    return Part((matrix(content, fits, OBJECT_ID_BYTES),), OBJECT_ID_BYTES)


def _uuid(content: pl.Series, fits: pl.Series) -> Part:
    """Length, subtype 4, 16 bytes in the order of RFC 9562."""
    return Part((prefix(UUID_BYTES), b"\x04", matrix(content, fits, UUID_BYTES)), 5 + UUID_BYTES)


OBJECT_ID = Type(
    "objectId",
    "MongoDB's 12-byte identifier, from 24 hexadecimal digits.",
    pl.Binary(),
    "objectId",
    "24 hexadecimal digits",
    parse_hex(OBJECT_ID_TEXT),
    accepted=(("65b9f0c2a1b2c3d4e5f60718", bytes.fromhex("65b9f0c2a1b2c3d4e5f60718")),),
    refused=("65b9", "z5b9f0c2a1b2c3d4e5f60718"),
    encoding=Encoding(b"\x07", of_width(OBJECT_ID_BYTES), _object_id),
    read=read_parsed(parse_hex(OBJECT_ID_TEXT), "24 hexadecimal digits"),
    key_text=_key_text,
    conversions={"string": Conversion(matching(OBJECT_ID_TEXT, "objectId"))},
    width=OBJECT_ID_BYTES,
)
UUID = Type(
    "uuid",
    "A UUID, stored as binary subtype 4, from its usual text form.",
    pl.Binary(),
    "binData",
    "a UUID such as 123e4567-e89b-12d3-a456-426614174000",
    parse_hex(UUID_TEXT),
    accepted=(("123e4567-e89b-12d3-a456-426614174000", bytes.fromhex("123e4567e89b12d3a456426614174000")),),
    refused=("123e4567e89b12d3a456426614174000", "x"),
    encoding=Encoding(b"\x05", of_width(UUID_BYTES), _uuid),
    read=read_parsed(parse_hex(UUID_TEXT), "a UUID such as 123e4567-e89b-12d3-a456-426614174000"),
    key_text=_key_text,
    bson_range={"minimum": bytes(UUID_BYTES), "maximum": b"\xff" * UUID_BYTES},  # MongoDB orders binary by length, subtype, bytes
    width=UUID_BYTES,
)
BIN_DATA = Type(
    "binData",
    "Bytes (subtype 0), from their text in hexadecimal or base64: `encoding` says which.",
    pl.Binary(),
    "binData",
    "bytes in the declared encoding",
    parse_binary,
    accepted=(("00ff", b"\x00\xff"), ("CAFE", b"\xca\xfe")),
    refused=("0", "0x00", "zz", "00 ff"),
    encoding=BINARY,
    read=read_parsed(parse_binary, "bytes in hex"),
    key_text=_key_text,
    describe=lambda options: f"bytes in {options.encoding}",
    options=frozenset({"encoding"}),
    engine_only_reason="the document holds the bytes, not the text they were read from; and a validator cannot check a binary's subtype",
    enumerable=False,
)
ROWS = (OBJECT_ID, UUID, BIN_DATA)
