"""Another client: operations on documents of a collection in the shape of one of several mappings, and what was acknowledged of them."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from pymongo.database import Database
from pymongo.errors import OperationFailure

from writers.places import setting
from writers.shapes import NICK, VALUES, Shape

REFUSED = (121, 50, 112, 28)  # by the validator; the document is in a transaction; what is around the path is no document
KINDS = ("insert", "replace", "set", "set", "set", "other", "delete")
WRITES = st.tuples(
    st.integers(0, 12), st.sampled_from(KINDS), st.integers(0, 5), st.integers(0, 11), st.sampled_from(sorted(VALUES)), st.integers(0, 2)
)
"""Boundaries to wait, what to do, in which shape, with which document, with which field, and which of its values."""


@dataclass
class Known:
    """What was acknowledged of a document: values by key, those of unnamed fields by path; and where and when each was written last.

    `nicked`: it was written with what the step makes.
    """

    values: dict[str, Any]
    others: dict[str, Any] = field(default_factory=dict)
    written: dict[str, tuple[str, int]] = field(default_factory=dict)
    nicked: bool = False

    def copied(self) -> "Known":
        return copy.deepcopy(self)


@dataclass
class Writers:
    """`known` is what was acknowledged, by `_id`; `touched` are the documents that were written, `latest` is when some was last.

    `say` is told what happens.
    """

    database: Database
    say: Callable[[str], None]
    known: dict[int, Known] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    last: int = 100
    latest: int = 0

    def write(self, shapes: Sequence[Shape], drawn: tuple[Any, ...], boundary: int) -> None:
        """One operation in one of these shapes; what the server refuses was not acknowledged."""
        _, kind, place, which, key, choice = drawn
        shape = shapes[place % len(shapes)]
        ident = [*self.known][which % len(self.known)]
        value = VALUES[key][choice % len(VALUES[key])]
        told = f"{boundary}: {kind} in shape {place % len(shapes)} {ident} {key}={value}"
        try:
            done = getattr(self, f"_{kind}")(shape, ident, key, value, boundary)
        except OperationFailure as error:
            self.say(f"{told}: refused {error.code}")
            if error.code not in REFUSED:
                raise
        else:
            self.say(f"{told}: {done}")
            self.latest = boundary

    def _send(self, verb: str, **more: Any) -> int:
        """A transaction of the apply may hold the document: then it is not written."""
        reply = self.database.command({verb: "c", **more, "maxTimeMS": 200})
        for error in reply.get("writeErrors", []):
            raise OperationFailure("refused", error["code"])
        return int(reply["n"])

    def _insert(self, shape: Shape, _ident: int, key: str, value: Any, boundary: int) -> int:
        self.last += 1
        values = {name: some[0] for name, some in VALUES.items()} | {key: value}
        self._send("insert", documents=[shape.document(self.last, values)])
        self._acknowledged(self.last, Known({}, nicked=bool(shape.find(NICK))), shape, values, boundary)
        return self.last

    def _replace(self, shape: Shape, ident: int, key: str, value: Any, boundary: int) -> int:
        values = self.known[ident].values | {key: value}
        document = shape.document(ident, values)
        if found := self._send("update", updates=[{"q": {"_id": ident}, "u": document}]):
            self._acknowledged(ident, Known({}, nicked=bool(shape.find(NICK))), shape, values, boundary)
        return found

    def _set(self, shape: Shape, ident: int, key: str, value: Any, boundary: int) -> int:
        one = shape.find(key)
        if one is None:
            return -1
        found = self._send("update", updates=[setting(ident, one.path, one.stored(value))])
        if found:
            self._acknowledged(ident, self.known[ident], shape, {key: value}, boundary)
        return found

    def _other(self, _shape: Shape, ident: int, key: str, value: Any, _boundary: int) -> int:
        path = {"name": "note", "gender": "p.note"}.get(key, "q.note")
        found = self._send("update", updates=[{"q": {"_id": ident}, "u": {"$set": {path: value}}}])
        if found:
            self.known[ident].others[path] = value
            self.touched.add(ident)
        return found

    def _delete(self, _shape: Shape, ident: int, _key: str, _value: Any, _boundary: int) -> int:
        found = self._send("delete", deletes=[{"q": {"_id": ident}, "limit": 1}]) if len(self.known) > 2 else 0
        if found:
            del self.known[ident]
        return found

    def _acknowledged(self, ident: int, known: Known, shape: Shape, values: dict[str, Any], boundary: int) -> None:
        for key, value in values.items():
            if one := shape.find(key):
                known.values[key] = value
                known.written[key] = (one.path, boundary)
        self.known[ident] = known
        self.touched.add(ident)
