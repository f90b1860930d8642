"""Plan and apply say the same, for random pairs of mappings, with documents that others wrote past the validator.

ENGINE_SOAK multiplies the number of examples.
"""

import copy
import csv
from uuid import uuid4

from bson import decode
from bson.binary import Binary
from evolution.bench import ALLOW, SOAK, Bench, valid
from evolution.generated import COLUMNS, Raw, evolutions, rows
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

LATEST = 2_147_483_647  # seconds: the longest that a TTL index takes


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Raw, Raw]:
    """Two mappings as elsewhere, sometimes with indexes that refuse or delete documents or that queries need, or open."""
    old, new = draw(evolutions())
    for raw in (old, new):
        raw["validation"] = raw.get("validation", {}) | draw(st.sampled_from([{}, {}, {}, {"additional": True}, {"existing": "keep"}]))
        raw["indexes"] = raw.get("indexes", {}) | draw(st.sampled_from(_special(raw)))
    return old, new


def _special(raw: Raw) -> list[Raw]:
    kinds = {path: one.get("type", "string") for path, one in raw["fields"].items() if "[]" not in path and "column" in one}
    unique = [{"only": {"keys": {path: 1}, "unique": True}} for path in kinds]
    words = [{"words": {"keys": {path: "text"}}} for path, kind in kinds.items() if kind == "string"]
    old = [{"old": {"keys": {path: 1}, "expireAfterSeconds": LATEST}} for path, kind in kinds.items() if kind == "date"]
    return [{}, {}, *unique, *words, *old]


@st.composite
def strangers(draw: st.DrawFn, documents: list[Raw], *mapped: Raw) -> list[Raw]:
    """Documents like those that are there, with a change that no mapping, or only the new one, may describe."""
    paths = sorted({path.partition("[]")[0] for raw in mapped for path in raw["fields"]} | {"zz"})
    found = []
    for document in draw(st.lists(st.sampled_from(documents or [{}]), max_size=3)):
        other = copy.deepcopy(document) | {"_id": draw(st.sampled_from([Binary.from_uuid(uuid4()), "odd"]))}
        if other["_id"] in [one["_id"] for one in found]:
            continue
        *around, last = draw(st.sampled_from(paths)).split(".")
        node = other
        for name in around:
            node = node.setdefault(name, {}) if isinstance(node.get(name, {}), dict) else {}
        value = draw(st.sampled_from([None, 7, "odd", [], [{"x": 1}], {"x": 1}, "missing"]))
        node.pop(last, None) if value == "missing" else node.update({last: value})
        found.append(other)
    return found


def allowing(losses: list[Raw]) -> list[str]:
    return [part for code in dict.fromkeys(loss["code"] for loss in losses) for part in ("--allow", code)]


@given(st.data())
@settings(max_examples=25 * SOAK, deadline=None, suppress_health_check=list(HealthCheck))
def test_apply_does_what_the_plan_says(bench: Bench, data: st.DataObject) -> None:
    old, new = data.draw(pairs().filter(lambda pair: all(map(valid, pair))))
    bench.clear()
    with (bench.folder / "in.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *data.draw(rows(old, new))])
    if bench.tried(old).code != 0:  # a unique index over equal values
        return
    odd = data.draw(strangers([*map(decode, bench.documents())], old, new))
    if odd:
        bench.database.command("insert", "c", documents=odd, bypassDocumentValidation=True)
    before = bench.documents()
    code, plan, said = bench.verb("plan", new)
    assert code in (0, 10, 11), said
    assert (code == 11) == bool(plan["losses"]), plan
    if plan["refusals"]:
        event(f"refused: {plan['refusals'][0]['code']}")
        assert bench.verb("apply", new, *ALLOW)[0] in (3, 4)
        assert bench.documents() == before
        return
    code, _, said = bench.verb("apply", new)
    assert code == (3 if plan["losses"] else 0), said
    if plan["losses"]:
        assert bench.documents() == before
        *rest, last = plan["losses"]
        if last["code"] not in {loss["code"] for loss in rest}:
            assert bench.verb("apply", new, *allowing(rest))[0] == 3
        code, done, said = bench.verb("apply", new, *allowing(plan["losses"]))
        assert code == 0, said
        assert done["set_aside"] == plan["leaving"], (done, plan)
        event(", ".join(sorted({loss["code"] for loss in plan["losses"]})))
    assert bench.verb("plan", new)[0] == 0
