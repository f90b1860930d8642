"""Paths of the mapping language: `a.b`, and `lines[].a` for what is in an array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

MARK = "[]"
MAX_LEVELS = 180  # of documents and arrays in one another, the outermost document included: what mongod stores


def array_of(path: str) -> str:
    """The innermost array that a path is in: `a[].b` of `a[].b[].c`, `genres` of `genres[]`; empty for the document itself."""
    return path[: path.rindex(MARK)] if MARK in path else ""


def arrays_of(path: str) -> Iterator[str]:
    """All arrays that a path is in, the innermost first."""
    while path := array_of(path):
        yield path


def in_element(path: str) -> str:
    """What is left of a path inside its innermost array: `c.d` of `a[].c.d`; empty where the elements are values."""
    return path[path.rindex(MARK) + len(MARK) :].removeprefix(".") if MARK in path else path


def dotted(path: str) -> str:
    """The path as MongoDB's queries and indexes write it: without marks."""
    return path.replace(MARK, "")


def document_order(paths: Sequence[str]) -> list[str]:
    """Paths in the order of the document: the fields of a nested document are together, at the place of the first one."""
    heads: dict[str, list[str]] = {}
    for path in paths:
        head, _, rest = path.partition(".")
        heads.setdefault(head, []).append(rest)
    return [
        f"{head}.{rest}" if rest else head for head, inner in heads.items() for rest in (document_order(inner) if inner != [""] else [""])
    ]
