"""Edits of a mapping on a collection that others write, on the real mongod: a state machine of edits, three kinds of writers, and kills.

Writers of the old shape, of the new one, and of fields that no mapping names write between the commands of an apply; it is killed at one of
them, and called again. Nothing that was acknowledged is lost then, nothing that fits is set aside, and what nobody touched is as if loaded.
ENGINE_SOAK multiplies the number of examples.
"""

import csv
import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from evolution.bench import ALLOW, SOAK, Bench
from hypothesis import HealthCheck, event, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from jobs import command
from pymongo.errors import OperationFailure
from writers.interleaving import Interleaving, watching
from writers.shapes import FIRST, VALUES, Known, Shape, edited, get, put

from engine.apply import applying

ROWS = 8
ASIDE = "__set_aside_"
REFUSED = (121, 50, 112, 28)  # by the validator; the document is in a transaction; what is around the path is no document
KINDS = ("insert", "replace", "set", "set", "set", "other", "delete")
WRITES = st.tuples(
    st.integers(0, 12), st.sampled_from(KINDS), st.booleans(), st.integers(0, 11), st.sampled_from(sorted(VALUES)), st.integers(0, 2)
)
"""Boundaries to wait, what to do, in the new shape or the old, with which document, with which field, and which of its values."""


class Others(RuleBasedStateMachine):
    """`known` is what was acknowledged, by `_id`. `touched` are the documents that others have written."""

    def __init__(self, bench: Bench, between: Interleaving) -> None:
        super().__init__()
        self.bench, self.between = bench, between
        self.shape, self.known, self.touched, self.last = FIRST, {}, set[int](), 100

    @property
    def live(self) -> Any:
        return self.bench.database["c"]

    @initialize(additional=st.booleans(), data=st.data())
    def load(self, additional: bool, data: st.DataObject) -> None:
        self.bench.clear()
        self.shape = Shape(FIRST.fields, additional)
        values = [{key: data.draw(st.sampled_from(some)) for key, some in VALUES.items()} for _ in range(ROWS)]
        self.known: dict[int, Known] = {ident: Known(row) for ident, row in enumerate(values)}
        with (self.bench.folder / "in.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([["id", *VALUES], *([ident, *row.values()] for ident, row in enumerate(values))])
        self.bench.run(self.shape.raw)

    # writers

    def write(self, old: Shape, new: Shape, drawn: tuple[Any, ...], boundary: int) -> None:
        """One operation of another client; what the server refuses was not acknowledged."""
        _, kind, of_new, which, key, choice = drawn
        shape = new if of_new else old
        ident = [*self.known][which % len(self.known)]
        value = VALUES[key][choice % len(VALUES[key])]
        try:
            done = getattr(self, f"_{kind}")(shape, ident, key, value, boundary)
        except OperationFailure as error:
            note(f"{boundary}: {kind} {'new' if of_new else 'old'} {ident} {key}={value}: refused {error.code}")
            if error.code not in REFUSED:
                raise
        else:
            note(f"{boundary}: {kind} {'new' if of_new else 'old'} {ident} {key}={value}: {done}")

    def _send(self, verb: str, **more: Any) -> int:
        """A transaction of the apply may hold the document: then it is not written."""
        reply = self.bench.database.command({verb: "c", **more, "maxTimeMS": 200})
        for error in reply.get("writeErrors", []):
            raise OperationFailure("refused", error["code"])
        return int(reply["n"])

    def _insert(self, shape: Shape, _ident: int, key: str, value: Any, boundary: int) -> None:
        self.last += 1
        values = {name: some[0] for name, some in VALUES.items()} | {key: value}
        self._send("insert", documents=[shape.document(self.last, values)])
        self._acknowledged(self.last, Known({}), shape, values, boundary)

    def _replace(self, shape: Shape, ident: int, key: str, value: Any, boundary: int) -> int:
        values = self.known[ident].values | {key: value}
        document = shape.document(ident, values)
        if found := self._send("update", updates=[{"q": {"_id": ident}, "u": document}]):
            self._acknowledged(ident, Known({}), shape, values, boundary)
        return found

    def _set(self, shape: Shape, ident: int, key: str, value: Any, boundary: int) -> int:
        one = shape.find(key)
        if one is None:
            return -1
        found = self._send("update", updates=[{"q": {"_id": ident}, "u": {"$set": {one.path: one.stored(value)}}}])
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

    # the engine

    @rule(data=st.data(), writes=st.lists(WRITES, max_size=12), kills=st.lists(st.integers(1, 160), max_size=2))
    def apply(self, data: st.DataObject, writes: list[Any], kills: list[int]) -> None:
        old, new = self.shape, data.draw(edited(self.shape))
        note(f"{old.raw} -> {new.raw}")
        code, plan, said = self.bench.verb("plan", new.raw)
        assert code in (0, 10, 11), said
        if code == 0:
            event("nothing to do")
            self.shape = new
            return
        if plan["refusals"]:
            event("refused: " + ", ".join(sorted({refusal["code"] for refusal in plan["refusals"]})))
            return
        aside = self._aside()
        operations = [(drawn[0], partial(self.write, old, new, drawn)) for drawn in writes]
        for kill in kills:
            if self._apply(new, operations, kill):
                event("not killed")
                break
            event("killed")
            self.bench.database["_engine_locks"].update_many({}, {"$set": {"expires": datetime(2000, 1, 1)}})  # noqa: DTZ001
        else:
            assert self._apply(new, operations)
        self.shape = new
        self._check(new, aside)

    def _apply(self, new: Shape, operations: list[tuple[int, Callable[[int], None]]], kill: int = -1) -> bool:
        """Whether it ended by itself: then it has done all."""
        with self.between.during(operations, kill):
            code, _, said = self.bench.verb("apply", new.raw, *ALLOW)
        if self.between.dead:
            note("killed")
            return False
        assert code == 0, said
        return True

    # what must be so at the end

    def _aside(self) -> dict[int, Any]:
        names = [name for name in self.bench.database.list_collection_names() if ASIDE in name]
        return {found["_id"]: found for name in names for found in self.bench.database[name].find()}

    def _check(self, new: Shape, before: dict[int, Any]) -> None:
        assert self.bench.verb("plan", new.raw)[0] == 0
        assert command("verify", "-m", self.bench.mapping(new.raw)).code == 0
        live, aside = {found["_id"]: found for found in self.live.find()}, self._aside()
        note(f"live {live} aside {aside}")
        assert not live.keys() & aside.keys()
        assert live.keys() | aside.keys() == self.known.keys()
        for ident, known in self.known.items():
            self._found(new, known, live.get(ident))
        for ident in aside.keys() - before.keys():
            assert self._fits_not(new, ident), f"{ident} was set aside"
        self._untouched(new)
        self.known = {ident: known for ident, known in self.known.items() if ident in live}  # what is aside is nobody's to write
        for name in [name for name in self.bench.database.list_collection_names() if ASIDE in name]:
            self.bench.database.drop_collection(name)

    def _found(self, new: Shape, known: Known, document: Any) -> None:
        if document is None:
            return
        for key in [key for key in known.values if not new.find(key)]:
            del known.values[key]
        for key, value in known.values.items():
            one, (path, when) = new.find(key), known.written.get(key, ("", 0))
            assert one
            wanted, found = one.stored(value), get(document, one.path)
            if path != one.path and get(document, path) is not None and (found is not None or when >= self.between.closed):
                event("both paths")
                continue
            assert (found, type(found)) == (wanted, type(wanted)), (document["_id"], key)
        for path, value in known.others.items():
            assert get(document, path) == value, (document["_id"], path)

    def _fits_not(self, new: Shape, ident: int) -> bool:
        known = self.known[ident]
        document = new.document(ident, known.values)
        for path, value in known.others.items():
            put(document, path, value)
        return new.refuses(document)

    def _untouched(self, new: Shape) -> None:
        self.bench.run(new.raw, "fresh")
        mine = {"_id": {"$in": [ident for ident in self.known if ident not in self.touched]}}
        raw = [{found["_id"]: json.dumps(found, default=repr) for found in self.bench.database[name].find(mine)} for name in ("c", "fresh")]
        assert raw[0] == raw[1]


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Interleaving:
    """Writers are at work until the engine reads the content that it notes in the ledger."""
    found = watching(monkeypatch)
    content = applying.content_of

    def last(*arguments: Any, **more: Any) -> Any:
        found.operations.clear()  # also for the next attempt, which may find all done
        return content(*arguments, **more)

    monkeypatch.setattr(applying, "content_of", last)
    return found


def test_no_acknowledged_write_is_lost_whoever_writes_and_wherever_it_is_killed(bench: Bench, between: Interleaving) -> None:
    run_state_machine_as_test(
        partial(Others, bench, between),
        settings=settings(max_examples=4 * SOAK, stateful_step_count=3, deadline=None, suppress_health_check=list(HealthCheck)),
    )
