"""The shape of a document: which frame columns become which fields. Says nothing about bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from engine.values.paths import MAX_LEVELS


@dataclass(frozen=True)
class ScalarShape:
    """One value per row, from the frame's `column`; `type` is a type of the mapping language (`engine.values.types`).

    A missing value becomes BSON null where `null`, otherwise the field is left out.
    """

    column: str
    type: str
    null: bool = False


@dataclass(frozen=True)
class DocumentShape:
    """Named fields in the order in which they are written. Nested, it is left out where every one of its fields is."""

    fields: tuple[tuple[str, Shape], ...]


@dataclass(frozen=True)
class ArrayShape:
    """The lists of `column`, each value in the shape of `element`.

    A document reads the fields of the list's structs; a scalar or an array takes the inner values themselves, its own `column` is ignored.
    An empty list is an empty array and a null inside it BSON null. No element is ever left out (that would renumber the rest): a struct
    without any value is an empty document. A missing list becomes BSON null where `null`, otherwise the field is left out.
    """

    column: str
    element: Shape
    null: bool = False


Shape = ScalarShape | DocumentShape | ArrayShape


def check(shape: Shape) -> None:
    """Refuse what no server or reader would take.

    Raises:
        ValueError: a key holds NUL or a lone surrogate, a document has a key twice, or there are more than `MAX_LEVELS` levels.
    """
    for depth, inner in _walk(shape):
        if depth > MAX_LEVELS:
            raise ValueError(f"documents nest more than {MAX_LEVELS} levels deep; the server stores at most {MAX_LEVELS}")
        if isinstance(inner, DocumentShape):
            _check_keys([key for key, _ in inner.fields])


def _walk(shape: Shape) -> Iterator[tuple[int, Shape]]:
    """Every shape with its level; not recursive, as a mapping may nest deeper than Python does."""
    todo = [(1, shape)]
    while todo:
        depth, inner = todo.pop()
        if isinstance(inner, ScalarShape):
            continue
        yield depth, inner
        children = [inner.element] if isinstance(inner, ArrayShape) else [child for _, child in inner.fields]
        todo += [(depth + 1, child) for child in children] if depth <= MAX_LEVELS else []


def _check_keys(keys: list[str]) -> None:
    for key, count in Counter(keys).items():
        if "\0" in key:
            raise ValueError(f"the field name {key!r} holds a NUL character, which ends a name in BSON")
        if count > 1:
            raise ValueError(f"the field {key!r} is written twice in one document")
        key.encode()
