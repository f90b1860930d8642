"""The `_id` of a document as bytes, without decoding the document (bsonspec.org 1.1)."""

from __future__ import annotations

from engine.documents.bson.equality import FIXED, LENGTH_AND, equality_key

ID_AT = 4  # where the element of `_id` begins in a document, behind its length
VALUE = 9  # where the value of `_id` begins: length of the document (4), type (1), "_id" and NUL (4)
HEAD = b"_id\0"


def id_element(document: bytes) -> bytes:
    """Type, name and value of `_id`, which must come first.

    Raises:
        ValueError: the document does not begin with `_id`, or it is of a type that no `_id` has.
    """
    kind = document[ID_AT]
    if document[5:VALUE] != HEAD or (kind not in FIXED and kind not in LENGTH_AND):
        raise ValueError("the document does not begin with an _id of a known type")
    size = FIXED[kind] if kind in FIXED else LENGTH_AND[kind] + int.from_bytes(document[VALUE : VALUE + 4], "little")
    return document[ID_AT : VALUE + size]


def id_key(document: bytes) -> bytes:
    """The `_id` as bytes that are equal exactly where the server takes two `_id`s for one; see `equality_key`. Raises as `id_element`."""
    element = id_element(document)
    return equality_key(element[0], element[5:])


def without_id(document: bytes) -> bytes:
    """The same document without its `_id`. Raises as `id_element`."""
    rest = document[ID_AT + len(id_element(document)) :]
    return (len(rest) + ID_AT).to_bytes(4, "little") + rest
