"""What becomes of a live document that a row's document matches: when the two agree, and which update makes them agree. Pure.

In a closed collection a document is the mapping's as a whole. In an open one (`Validation.open`) others may keep fields of their own in it:
there only the mapped paths are compared, and an update names each of them, so that no field of others is lost, nor a write of theirs that
comes at the same time. Amazon DocumentDB has no updates by pipeline, so operators are computed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, Literal, Protocol

from bson import decode, encode
from bson.raw_bson import RawBSONDocument

from engine.documents.bson import without_id
from engine.mapping import model
from engine.mapping.model import ID
from engine.mongo.arrays import KeptArray, kept_arrays
from engine.mongo.metadata import Paths, masked, paths_of
from engine.mongo.trees import EXACT, Document, Query, Tree, tree_of

ANY_NAME = "*"  # the last name of a path whose members are named by columns
Differing = Literal["update", "ignore", "refuse"]


@dataclass(frozen=True)
class Change:
    """An update as the server takes it, and what the live document must still be for it."""

    update: Any
    still: Query = field(default_factory=dict)


class Comparison(Protocol):
    """Of a live document and the one that a row makes, both as BSON."""

    def holds(self, old: bytes, new: bytes) -> bool:
        """Whether the live document needs no update."""

    def update(self, old: bytes, new: bytes) -> Change:
        """What makes it hold."""


@dataclass(frozen=True)
class Whole:
    """The document is the mapping's as a whole, byte for byte.

    `load_paths` are those of load metadata, which is no change by itself. `keeps_id`: the live `_id` stays, whatever the row's is.
    """

    load_paths: Paths = ()
    keeps_id: bool = False

    def holds(self, old: bytes, new: bytes) -> bool:
        """Whether they are the same."""
        return old == new or self._compared(old) == self._compared(new)

    def _compared(self, document: bytes) -> bytes:
        own = without_id(document) if self.keeps_id else document
        return encode(masked(decode(own, EXACT), self.load_paths), codec_options=EXACT) if self.load_paths else own

    def update(self, _old: bytes, new: bytes) -> Change:
        """The new document itself."""
        return Change(RawBSONDocument(without_id(new) if self.keeps_id else new))


@dataclass(frozen=True)
class Named:
    """Of the document, the paths in `tree` are the mapping's, `load_paths` among them.

    `merges`: where the row has no value, the live one stays. So do elements of the `arrays`. The paths in `once` are written when the
    document is inserted, and left alone afterwards.
    """

    tree: Tree
    load_paths: Paths = ()
    merges: bool = False
    arrays: tuple[KeptArray, ...] = ()
    once: Tree = field(default_factory=dict)

    def holds(self, old: bytes, new: bytes) -> bool:
        """Whether the mapped values are the same, in type too."""
        if old == new:
            return True
        live, made = self.values(old), self.values(new)
        settled = self._settled(live, made)
        return _encoded(live) == _encoded(settled) or (self.merges and _each(settled).items() <= _each(live).items())

    def update(self, old: bytes, new: bytes) -> Change:
        """Set what the row has; unset what it has not. What stays as it is, is named only in case the document is inserted again."""
        before, after = decode(old, EXACT), decode(new, EXACT)
        live = dict(_values(before, self.tree))
        made = dict(_values(after, self.tree))
        wanted = self._settled(live, made)
        gone = () if self.merges else live.keys() - wanted.keys()
        changed = [array for array in self.arrays if array.path in wanted and wanted[array.path] is not live.get(array.path)]
        stay = {array.path for array in self.arrays} - {array.path for array in changed}
        places = _placed({path: value for path, value in wanted.items() if path not in stay}, before, after)
        setting = dict(places)
        first = dict(_values(after, self.once)) | {path: made[path] for path in stay & made.keys()}
        first = {path: value for path, value in first.items() if not any(path.startswith(f"{place}.") for place in setting)}
        operators = {"$set": setting, "$unset": dict.fromkeys(gone, ""), "$setOnInsert": first}
        still = [array.unchanged_since(live) for array in changed]
        named = {name: paths for name, paths in operators.items() if paths}
        return Change(named or {"$set": {}}, reduce(or_, still, {}))  # an update without operators would be a new, empty document

    def _settled(self, live: Document, made: Document) -> Document:
        """The values that the live document will have."""
        return reduce(lambda values, array: array.settled(live, values), self.arrays, made)

    def values(self, document: bytes) -> Document:
        """The values at the mapped paths, by path, load metadata masked; missing ones are left out, and so is `_id`."""
        return dict(_values(masked(decode(document, EXACT), self.load_paths), self.tree))


def _values(document: Document, tree: Tree) -> Iterator[tuple[str, Any]]:
    for name, inner in tree.items():
        if name == ANY_NAME:
            yield from ((member, value) for member, value in document.items() if member not in tree)
        elif name in document and not inner:
            yield name, document[name]
        elif isinstance(document.get(name), dict):
            yield from ((f"{name}.{path}", value) for path, value in _values(document[name], inner))


def _encoded(values: Document) -> bytes:
    return encode(dict(sorted(values.items())), codec_options=EXACT)


def _each(values: Document) -> dict[str, bytes]:
    return {path: encode({"": value}, codec_options=EXACT) for path, value in values.items()}


def _placed(wanted: Document, live: Document, made: Document) -> Iterator[tuple[str, Any]]:
    """The values to set. Where something other than a document is on the way to one, it is replaced by all that belongs there."""
    for path, value in wanted.items():
        names, at, into = path.split("."), live, made
        for depth, name in enumerate(names[:-1], start=1):
            at, into = at.get(name, {}), into[name]
            if not isinstance(at, dict):
                path, value = ".".join(names[:depth]), into  # noqa: PLW2901 -- several paths may meet here, in one and the same value
                break
        yield path, value


Outcome = Literal["inserted", "updated", "unchanged", "ignored", "unmatched", "expired"]
WRITTEN: tuple[Outcome, ...] = ("inserted", "updated", "unchanged")  # the live document is to hold the row's

DUPLICATE = ("duplicate_key", "another document has the same key")
SUPERSEDED = ("superseded", "a later run may have written the live document with this key, which differs")


@dataclass(frozen=True)
class Policy:
    """What a mode does with a document: `inserts` it where none is live, and what it does where a `differing` one is live.

    `refusal`: the code and reason where it refuses that.
    """

    comparison: Comparison
    differing: Differing = "update"
    inserts: bool = True
    refusal: tuple[str, str] = DUPLICATE

    def outcome(self, *, live: bool, differs: bool) -> Outcome:
        """What became of a document that was not refused: whether one was `live`, and whether that one `differs`."""
        if not live:
            return "inserted" if self.inserts else "unmatched"
        if not differs:
            return "unchanged"
        return "updated" if self.differing == "update" else "ignored"


def policy_of(mapping: model.Mapping) -> Policy:
    """The policy of a mapping's mode."""
    target = mapping.target
    matched = target.on_match if target.mode in {"upsert", "update"} else "replace"
    merges, load, once = matched == "merge", paths_of(mapping.load_paths), mapping.on_insert_paths
    tree, arrays = tree_of(path for path in mapping.own_paths if path not in {ID, *once}), kept_arrays(mapping, merges=merges)
    named = merges or once or arrays or mapping.validation.open or target.amends
    comparison = Named(tree, load, merges, arrays, tree_of(once)) if named else Whole(load, bool(target.key_paths))
    differing: Differing = "refuse" if target.mode == "append" else "ignore" if matched == "ignore" else "update"
    return Policy(comparison, differing, inserts=not target.amends)
