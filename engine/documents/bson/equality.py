"""Which values the server takes as equal: bytes to compare instead. Nothing is decoded (bsonspec.org 1.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.documents.bson.numbers import NUMBERS

STRING, DOCUMENT, ARRAY, NULL, REGEX, SYMBOL = 0x02, 0x03, 0x04, 0x0A, 0x0B, 0x0E
FIXED = {0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16, 0x7F: 0, 0xFF: 0}
"""How many bytes a value has, by type byte."""
LENGTH_AND = {STRING: 4, DOCUMENT: 0, ARRAY: 0, 0x05: 5, 0x0C: 16, 0x0D: 4, SYMBOL: 4, 0x0F: 0}
"""How many it has besides those that its length counts."""
Element = tuple[int, bytes, bytes]
"""Type byte, name and value."""


def equality_key(kind: int, value: bytes) -> bytes:
    """The value of this type, with its type, as bytes that are equal exactly where the server compares two values as equal.

    Numbers are equal by value, whatever their type: 1, 1.0 and Decimal 1.00; 0.0 and -0.0; NaN and NaN; also inside documents and arrays,
    of which order and names count. Keys one after another are as unambiguous as BSON: each tells where it ends.
    """
    if kind in NUMBERS:
        return NUMBERS[kind](value)
    if kind in (DOCUMENT, ARRAY):
        return b"".join([bytes([kind]), *(name + b"\0" + equality_key(inner, of) for inner, name, of in elements(value)), b"\0\0"])
    return bytes([STRING if kind == SYMBOL else kind]) + value


def elements(document: bytes) -> Iterator[Element]:
    """The elements of a document or array, in their order. Raises ValueError for a type that is not one of BSON."""
    at = 4
    while at < len(document) - 1:
        start = document.index(0, at) + 1
        end = start + _size(document, document[at], start)
        yield document[at], document[at + 1 : start - 1], document[start:end]
        at = end


def _size(document: bytes, kind: int, start: int) -> int:
    if kind in FIXED:
        return FIXED[kind]
    if kind in LENGTH_AND:
        return LENGTH_AND[kind] + int.from_bytes(document[start : start + 4], "little")
    if kind == REGEX:  # two texts, each closed by NUL
        return document.index(0, document.index(0, start) + 1) + 1 - start
    raise ValueError(f"{kind:#04x} is not a type of BSON")


def key_at(document: bytes, path: str) -> bytes:
    """The `equality_key` of the value at a path such as `a.b`; of null where there is none. Raises as `elements`."""
    return keys_at(document, (path,))[0]


def keys_at(document: bytes, paths: Sequence[str]) -> tuple[bytes, ...]:
    """Those at several paths, in one reading of the document."""
    ways = [path.partition(".") for path in paths]
    heads = {head.encode() for head, _, _ in ways}
    found: dict[bytes, tuple[int, bytes]] = {}
    for kind, name, value in elements(document):
        if name in heads:
            found[name] = (kind, value)
            if len(found) == len(heads):
                break
    return tuple(_key_inside(*found.get(head.encode(), (NULL, b"")), rest) for head, _, rest in ways)


def _key_inside(kind: int, value: bytes, rest: str) -> bytes:
    if not rest:
        return equality_key(kind, value)
    return key_at(value, rest) if kind == DOCUMENT else equality_key(NULL, b"")
