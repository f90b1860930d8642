"""Edits of a mapping on a collection that others write, on the real mongod: a state machine of edits, three kinds of writers, and kills.

Writers of the old shape, of the new one, and of fields that no mapping names write between the commands of an apply; it is killed at one of
them, and then continued, taken back, or taken over by another mapping. Nothing that was acknowledged is lost then, nothing that fits is set
aside, and what nobody touched is as if loaded. ENGINE_SOAK multiplies the number of examples.
"""

import csv
import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from bson import decode, encode
from evolution.bench import ALLOW, SOAK, Bench
from faults.killing import expire_locks
from hypothesis import HealthCheck, Phase, event, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from jobs import command
from writers.edits import VALIDATIONS, edited
from writers.interleaving import Interleaving, watching
from writers.places import get, put
from writers.shapes import FIRST, NICK, VALUES, Shape, cells
from writers.writing import WRITES, Known, Writers

from engine.apply import applying, undoing
from engine.mapping.model import Target
from engine.mongo.ledger import Ledger

ROWS = 8
ASIDE = "__set_aside_"
CONTINUE, UNDO, TAKE_OVER = "continue", "undo", "take over"
WAYS = (CONTINUE, UNDO, TAKE_OVER)
Documents = dict[int, Any]


class Others(RuleBasedStateMachine):
    """`shape` is what was applied last, `found` that and all that were tried since, in whose shapes others write.

    `away` is what was acknowledged of documents that are aside. `stepped`: a step has been carried out.
    """

    def __init__(self, bench: Bench, between: Interleaving) -> None:
        super().__init__()
        self.bench, self.between = bench, between
        self.shape, self.found = FIRST, [FIRST]
        self.writers, self.stepped = Writers(bench.database, note), False
        self.away, self.allowed = dict[int, Known](), ALLOW

    @initialize(additional=st.booleans(), validation=st.sampled_from(VALIDATIONS), data=st.data())
    def load(self, additional: bool, validation: dict[str, str], data: st.DataObject) -> None:
        self.bench.clear()
        self.shape = Shape(FIRST.fields, additional, **validation)
        values = [{key: data.draw(st.sampled_from(some)) for key, some in VALUES.items()} for _ in range(ROWS)]
        self.writers.known = {ident: Known(row) for ident, row in enumerate(values)}
        with (self.bench.folder / "in.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([["id", *cells(values[0])], *([ident, *cells(row).values()] for ident, row in enumerate(values))])
        self.bench.run(self.shape.raw)

    @rule(
        data=st.data(),
        writes=st.lists(WRITES, max_size=12),
        kills=st.lists(st.tuples(st.integers(1, 160), st.sampled_from(WAYS)), max_size=3),
    )
    def apply(self, data: st.DataObject, writes: list[Any], kills: list[tuple[int, str]]) -> None:
        new = data.draw(edited(self.shape))
        note(f"{self.shape.raw} -> {new.raw}")
        if not (plan := self._possible(new)):
            return
        self.allowed = ALLOW if writes else [part for loss in plan["losses"] for part in ("--allow", _exactly(loss))]
        self.found = [self.shape, new]
        earlier, self.writers.touched = self.writers.touched, set()
        before, way, killed = self._raw("c"), CONTINUE, False
        operations = [(drawn[0], partial(self.writers.write, self.found, drawn)) for drawn in writes]
        for kill, after in [*kills, (-1, "")]:
            if (report := self._attempt(way, operations, kill)) is not None:
                break
            way, killed = self._next(data, after), True
        self._end(report or {}, before)
        if report and not (writes or killed):
            assert report["set_aside"] == plan["leaving"]
        self.writers.touched |= earlier
        self.stepped |= any(shape.step for shape in self.found)  # what a step makes has no place in the order of fields
        self._check()

    def _possible(self, new: Shape) -> dict[str, Any] | None:
        """The plan, if there is something to do that needs no source."""
        code, plan, said = self.bench.verb("plan", new.raw)
        assert code in (0, 10, 11), said
        if plan["refusals"]:
            event("refused: " + ", ".join(sorted({refusal["code"] for refusal in plan["refusals"]})))
        elif code == 0:
            event("nothing to do")
            self.shape = new
        return plan if code > 0 and not plan["refusals"] else None

    def _attempt(self, way: str, operations: list[Any], kill: int) -> dict[str, Any] | None:
        """What it did; None if it was killed."""
        with self.between.during(operations, kill):
            code, report, said = self.bench.verb("apply", self.found[-1].raw, *(["--undo"] if way == UNDO else self.allowed))
        if self.between.dead:
            note("killed")
            event(f"killed: {way}")
            expire_locks(self.bench.database)
            return None
        if code == 3 and "needs_source" in said:
            event("needs the source by now")  # because of what others wrote, or of values that were put back
            return {"unfit": self.bench.verb("plan", self._base(undoable=True).raw)[0]}
        assert code == 0, said
        event(f"ended: {way}")
        return report

    def _next(self, data: st.DataObject, way: str) -> str:
        """The way on from here: the wanted one, where there is such a way."""
        told = self.bench.verb("plan", self.found[-1].raw)[1]["unfinished"]
        note(f"{told}")
        if told is None or way == CONTINUE:
            return CONTINUE
        if way == TAKE_OVER:
            third = data.draw(edited(self._base(undoable=told["undoable"])))
            if not self._possible(third):
                return CONTINUE
            note(f"third {third.raw}")
            self.found.append(third)
            self.allowed = ALLOW
        elif not told["undoable"]:
            code, _, said = self.bench.verb("apply", self.shape.raw, "--undo")
            assert (code, "not_undoable" in said) == (3, True), said
            return CONTINUE
        return way

    def _base(self, *, undoable: bool) -> Shape:
        """What the collection will be when the unfinished apply is taken back or finished."""
        ledger = Ledger(self.bench.database.client, Target(self.bench.database.name, "c"))
        record = ledger.applied() if undoable else ledger.unfinished_apply()
        assert record
        recorded = json.loads(record.applied)
        base = next(shape for shape in self.found if json.dumps({name: recorded[name] for name in shape.raw}) == json.dumps(shape.raw))
        return replace(base, made=max(shape.made for shape in self.found))

    def _end(self, report: dict[str, Any], before: Documents) -> None:
        """Of an undo: what nobody touched is what it was, byte for byte; what others wrote and cannot be so, is told."""
        self.shape = self._base(undoable=True)
        first, last, here = (json.dumps(shape.raw) for shape in (self.found[0], self.found[-1], self.shape))
        if here == last:
            return
        assert here == first
        after = self._raw("c")
        assert {ident: raw for ident, raw in before.items() if self._mine(ident)} == {
            ident: raw for ident, raw in after.items() if self._mine(ident)
        }
        if report.get("unfit"):
            event("unfit")
            assert self.bench.verb("plan", self.shape.raw)[0] == 11
            assert self.bench.verb("apply", self.shape.raw, *ALLOW)[0] == 0

    def _mine(self, ident: int) -> bool:
        return ident in self.writers.known and ident not in self.writers.touched

    # what must be so at the end

    def _raw(self, name: str) -> dict[int, bytes]:
        return {found["_id"]: encode(found) for found in self.bench.database[name].find()}

    def _aside(self) -> Documents:
        names = [name for name in self.bench.database.list_collection_names() if ASIDE in name]
        return {found["_id"]: found for name in names for found in self.bench.database[name].find()}

    def _check(self) -> None:
        known = self.away | self.writers.known
        code, plan, said = self.bench.verb("plan", self.shape.raw)
        assert code == 0, json.dumps({name: some for name, some in plan.items() if some}) + said
        if self.writers.latest <= self.between.counted:
            verified = command("verify", "-m", self.bench.mapping(self.shape.raw))
            assert verified.code == 0, verified.out
        indexes = self.bench.database["c"].index_information()
        assert {*indexes} == {"_id_", *self.shape.raw["indexes"]}
        live, aside = {found["_id"]: found for found in self.bench.database["c"].find()}, self._aside()
        note(f"live {live} aside {aside}")
        assert not live.keys() & aside.keys()
        assert live.keys() | aside.keys() == known.keys()
        for ident, document in live.items():
            self._found(known[ident], document)
        for ident, document in aside.items():
            assert ident in self.away or self._fits_not(known[ident], document), f"{ident} was set aside"
        assert all(kept["fitting"] == kept["live_again"] for kept in plan["set_aside"])
        self.writers.known = {ident: one for ident, one in known.items() if ident in live}  # what is aside is nobody's to write
        self.away = {ident: one for ident, one in known.items() if ident in aside}
        self._untouched()

    def _found(self, known: Known, document: Any) -> None:
        for key in [key for key in known.values if not self.shape.find(key)]:
            del known.values[key]
        for key, value in known.values.items():
            one, (path, when) = self.shape.find(key), known.written.get(key, ("", 0))
            assert one
            wanted, found = one.stored(value), get(document, one.path)
            if path != one.path and get(document, path) is not None and (found is not None or when >= self.between.closed):
                event("both paths")
                continue
            assert _typed(found) == _typed(wanted), (document["_id"], key)
        for path, value in known.others.items():
            assert get(document, path) == value, (document["_id"], path)
        if nick := self.shape.find(NICK):
            once = [name.upper() for name in VALUES["name"]]
            twice = [f"{made}{name}" for made in once for name in once] if known.nicked else []  # the step did not know it was made
            assert get(document, nick.path) in (None, *once, *twice)

    def _fits_not(self, known: Known, stored: Any) -> bool:
        """Whether the mapping refuses it: with what was acknowledged of it, or since it holds a field twice."""
        document = self.shape.document(stored["_id"], known.values)
        for path, value in known.others.items():
            put(document, path, value)
        return self.shape.refuses(document) or self._twice(stored)

    def _twice(self, stored: Any) -> bool:
        paths = [[one.path for shape in self.found if (one := shape.find(key))] for key in VALUES]
        return any(sum(get(stored, path) is not None for path in {*some}) > 1 for some in paths)

    def _untouched(self) -> None:
        self.bench.run(self.shape.raw, "fresh")
        live, fresh = ({ident: raw for ident, raw in self._raw(name).items() if self._mine(ident)} for name in ("c", "fresh"))
        staying = [ident for ident in live.keys() - fresh.keys() if self.shape.keeps and self.shape.refuses(decode(live[ident]))]
        read = decode if self.stepped else bytes
        assert {ident: read(raw) for ident, raw in live.items() if ident not in staying} == {
            ident: read(raw) for ident, raw in fresh.items()
        }


def _exactly(loss: dict[str, Any]) -> str:
    """What allows it and no more."""
    return f"{loss['code']}:{loss['subject']}" + ("" if loss["documents"] is None else f":{loss['documents']}")


def _typed(value: Any) -> Any:
    return [_typed(one) for one in value] if isinstance(value, list) else (value, type(value))


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Interleaving:
    """Knows when the engine reads the content that it notes in the ledger."""
    found = watching(monkeypatch)
    for module in (applying, undoing):
        monkeypatch.setattr(module, "content_of", found.counting(module.content_of))
    return found


def test_no_acknowledged_write_is_lost_whoever_writes_and_wherever_it_is_killed(bench: Bench, between: Interleaving) -> None:
    run_state_machine_as_test(
        partial(Others, bench, between),
        settings=settings(
            max_examples=3 * SOAK,
            stateful_step_count=3,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink an example takes minutes
        ),
    )
