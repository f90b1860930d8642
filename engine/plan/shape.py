"""The shape of the documents that a mapping makes."""

from __future__ import annotations

from typing import Any

from engine.documents.bson import Array, Document, Scalar, Shape
from engine.mapping.model import ID, Field, Mapping
from engine.values.paths import MARK, arrays_of


def shape(mapping: Mapping) -> Document:
    """The document's shape: `_id` first, then the fields in the order of the mapping, nested where paths have points and marks."""
    arrays = {one.path: one for one in mapping.arrays}
    tree: dict[str, Any] = {ID: Scalar(ID, mapping.id_type.name)}
    for one in mapping.fields:
        if all(arrays[path].embed for path in arrays_of(one.path)):
            *parents, last = one.path.split(".")
            node = tree
            for parent in parents:
                node = node.setdefault(parent, {})
            node[last] = _value(one)
    nulls = {path for path, one in arrays.items() if one.empty == "null"}
    return _document(tree, "", nulls)


def _value(one: Field) -> Shape:
    return Scalar(one.path, one.type.name, null=one.writes_null)


def _document(tree: dict[str, Any], prefix: str, nulls: set[str]) -> Document:
    return Document(tuple((name.removesuffix(MARK), _node(node, f"{prefix}{name}", nulls)) for name, node in tree.items()))


def _node(node: Any, path: str, nulls: set[str]) -> Shape:
    """What stands at a path: elements behind a mark, a document, or a value."""
    element = _document(node, f"{path}.", nulls) if isinstance(node, dict) else node
    if not path.endswith(MARK):
        return element
    array = path.removesuffix(MARK)
    return Array(array, element, null=array in nulls)
