"""The `_id` of a document as bytes, without decoding the document (bsonspec.org 1.1)."""

from __future__ import annotations

ID_AT = 4  # where the element of `_id` begins in a document, behind its length
VALUE = 9  # where the value of `_id` begins: length of the document (4), type (1), "_id" and NUL (4)
HEAD = b"_id\0"
FIXED = {0x01: 8, 0x07: 12, 0x08: 1, 0x09: 8, 0x10: 4, 0x12: 8, 0x13: 16}
LENGTH_AND = {0x02: 4, 0x03: 0, 0x05: 5}  # what a string, document or binary has besides the bytes that its length counts


def id_element(document: bytes) -> bytes:
    """Type, name and value of `_id`, which must come first: two are equal only where the `_id`s have the same type and value.

    Raises:
        ValueError: the document does not begin with `_id`, or it is of a type that no mapping has.
    """
    kind = document[ID_AT]
    if document[5:VALUE] != HEAD or (kind not in FIXED and kind not in LENGTH_AND):
        raise ValueError("the document does not begin with an _id of a known type")
    size = FIXED.get(kind) or LENGTH_AND[kind] + int.from_bytes(document[VALUE : VALUE + 4], "little")
    return document[ID_AT : VALUE + size]
