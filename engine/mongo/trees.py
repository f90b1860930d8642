"""What of a decoded document is the mapping's: a tree of its paths. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bson.codec_options import CodecOptions, DatetimeConversion

EXACT: CodecOptions[Any] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS)
Document = dict[str, Any]
Query = dict[str, Any]
Tree = dict[str, Any]  # by name, a tree of what is inside; empty where the value is the mapping's as a whole


def tree_of(paths: Iterable[str]) -> Tree:
    """These paths."""
    tree: Tree = {}
    for path in paths:
        node = tree
        for name in path.split("."):
            node = node.setdefault(name, {})
    return tree


def overlaid(live: Document, new: Document, tree: Tree, *, merges: bool) -> Document:
    """The new document, and behind it what the live one has beside the paths of the tree; or all that the new one lacks, if it `merges`."""
    found: Document = {}
    for name, value in new.items():
        inside = tree.get(name) and isinstance(value, dict) and isinstance(live.get(name), dict)
        found[name] = overlaid(live[name], value, tree[name], merges=merges) if inside else value
    for name, value in live.items():
        if name in found:
            continue
        if merges or name not in tree:
            found[name] = value
        elif tree[name] and isinstance(value, dict) and (others := overlaid(value, {}, tree[name], merges=merges)):
            found[name] = others
    return found
