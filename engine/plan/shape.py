"""The shape of the documents that a mapping makes."""

from __future__ import annotations

from typing import Any

from engine.documents.bson import ArrayShape, DocumentShape, ScalarShape, Shape
from engine.mapping.model import ID, Field, Mapping
from engine.values.paths import MARK, arrays_of


def shape(mapping: Mapping) -> DocumentShape:
    """The document's shape: `_id` first, then the fields in the order of the mapping, nested where paths have points and marks."""
    arrays = {array.path: array for array in mapping.arrays}
    tree: dict[str, Any] = {ID: ScalarShape(ID, mapping.id_type.name)}
    for field in mapping.fields:
        if all(arrays[path].embed for path in arrays_of(field.path)):
            *parents, last = field.path.split(".")
            node = tree
            for parent in parents:
                node = node.setdefault(parent, {})
            node[last] = _value(field)
    nulls = {path for path, array in arrays.items() if array.empty == "null"}
    return _document(tree, "", nulls)


def _value(field: Field) -> Shape:
    return ScalarShape(field.path, field.type.name, null=field.writes_null)


def _document(tree: dict[str, Any], prefix: str, nulls: set[str]) -> DocumentShape:
    return DocumentShape(tuple((name.removesuffix(MARK), _node(node, f"{prefix}{name}", nulls)) for name, node in tree.items()))


def _node(node: Any, path: str, nulls: set[str]) -> Shape:
    """What is at a path: elements behind a mark, a document, or a value."""
    element = _document(node, f"{path}.", nulls) if isinstance(node, dict) else node
    if not path.endswith(MARK):
        return element
    array = path.removesuffix(MARK)
    return ArrayShape(array, element, null=array in nulls)
