"""What MongoDB refuses about an index, or about two of them, whatever the documents are: its limits and which kinds of keys go together.

Source: MongoDB manual, "Indexes" and "MongoDB Limits and Thresholds". What depends on the server or on the collection is tried there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations

from engine.mapping import model
from engine.mapping.semantics.scope import Scope

PLUGINS = ("text", "2dsphere", "hashed")  # kinds of which one index can have only one
SAME = ("unique", "sparse", "partialFilterExpression", "collation")  # options that make another index of the same keys


def _kinds(index: model.Index) -> list[int | str]:
    return [kind for _, kind in index.keys]


def _is_wildcard(index: model.Index) -> bool:
    return any(path.endswith("$**") for path, _ in index.keys)


ROWS: tuple[tuple[Callable[[model.Index], bool], str, str], ...] = (
    (lambda index: [path for path, _ in index.keys] == ["_id"] and _kinds(index) != ["hashed"],
     "_id has an index in every collection, with no other order and no options", "remove this index"),
    (lambda index: len({*_kinds(index)} & {*PLUGINS}) > 1, "MongoDB does not put text, 2dsphere and hashed into one index",
     "make two indexes"),
    (lambda index: _kinds(index).count("hashed") > 1, "MongoDB takes one hashed field in an index", "hash one of them"),
    (lambda index: "hashed" in _kinds(index) and bool(index.options.get("unique")),
     "a hashed index cannot be unique: other values can have the same hash", "use 1 instead of hashed"),
    (lambda index: _is_wildcard(index) and bool({"unique", "expireAfterSeconds"} & index.options.keys()),
     "an index over all fields ($**) can be neither unique nor a TTL index", "name the field"),
    (lambda index: _is_wildcard(index) and -1 in _kinds(index), "an index over all fields ($**) has no descending order", "use 1"),
)  # fmt: skip
"""Whether an index has the fault, the fault, and the remedy."""


def check_limits(scope: Scope, index: model.Index) -> None:
    """Report what the server would refuse about one index."""
    for has_fault, message, hint in ROWS:
        if has_fault(index):
            scope.report(("indexes", index.name), "not_allowed", message, hint, at_key=True)


def check_together(scope: Scope, indexes: Iterable[model.Index]) -> None:
    """Report two indexes that a collection cannot have beside each other."""
    for one, other in combinations(indexes, 2):
        if one.is_text and other.is_text:
            message = f"a collection has one text index, and {one.name} is one"
            scope.report(("indexes", other.name), "contradiction", message, "put the fields into one text index", at_key=True)
        elif one.keys == other.keys and all(one.options.get(option) == other.options.get(option) for option in SAME):
            message = f"{one.name} has the same keys, which the server takes for the same index"
            scope.report(("indexes", other.name), "contradiction", message, "remove one of them", at_key=True)
