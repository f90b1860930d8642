"""Values in documents by path; `a[].b` is the list of the `b` of all elements of `a`."""

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]


def put(document: Document, path: str, value: Any) -> None:
    array, inside, inner = path.partition("[].")
    *parents, last = array.split(".")
    for parent in parents:
        document = document.setdefault(parent, {})
    if not inside:
        document[last] = value
        return
    for element, one in zip(document.setdefault(last, [{} for _ in value]), value, strict=True):
        put(element, inner, one)


def get(document: Any, path: str) -> Any:
    """None where there is none."""
    array, inside, inner = path.partition("[].")
    for name in array.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    if not inside:
        return document
    found = [get(element, inner) for element in document] if isinstance(document, list) else []
    return found if any(one is not None for one in found) else None


def setting(ident: int, path: str, value: Any) -> Document:
    """The update of one document that writes it; in elements, where these are there."""
    array, inside, inner = path.partition("[].")
    if not inside:
        return {"q": {"_id": ident}, "u": {"$set": {path: value}}}
    elements = {f"{array}.{number}": one for number, one in enumerate(value)}
    there = {element: {"$exists": True} for element in elements}
    return {"q": {"_id": ident, **there}, "u": {"$set": {f"{element}.{inner}": one for element, one in elements.items()}}}


def unnamed(document: Document, paths: set[str], prefix: str = "") -> Iterator[str]:
    """The paths of a document that are not among these."""
    for name, value in document.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from unnamed(value, paths, f"{path}.")
        elif isinstance(value, list) and all(isinstance(element, dict) for element in value):
            for element in value:
                yield from unnamed(element, paths, f"{path}[].")
        elif path not in paths and path != "_id":
            yield path
