"""Two ways to the same state, on the real mongod: apply on the old collection, or a fresh run of the new mapping.

ENGINE_SOAK multiplies the number of examples.
"""

import csv
import json
from typing import Any

import pytest
from evolution.bench import ALLOW, SOAK, Bench, valid
from evolution.generated import COLUMNS, evolutions, rows
from evolution.undoing import undoing
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from jobs import command

from engine.evolution import diff
from engine.mapping.loader import loads


def left_and_taken(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
    """Paths that a field was renamed away from, and that another one has now."""
    return {one.get("was") for one in new["fields"].values()} & new["fields"].keys() & old["fields"].keys()


@given(evolutions())
@settings(max_examples=40 * SOAK, deadline=None)
def test_a_mapping_does_not_differ_from_itself_and_every_change_has_a_way_back(pair: Any) -> None:
    assume(not left_and_taken(*pair))  # on the way back, a path that was taken anew is one that its field gives up
    old, new = (loads(json.dumps(raw)) for raw in pair) if all(map(valid, pair)) else (None, None)
    if old and new:
        assert diff(old, loads(json.dumps(pair[0]))) == ()
        there, back = diff(old, new), diff(new, old)
        assert sorted(map(str, undoing(there))) == sorted(map(str, back))


@given(st.data())
@settings(max_examples=20 * SOAK, deadline=None, suppress_health_check=list(HealthCheck))
def test_apply_and_a_fresh_run_end_in_the_same_documents(bench: Bench, data: st.DataObject) -> None:
    old, new = data.draw(evolutions().filter(lambda pair: all(map(valid, pair))))
    bench.clear()
    with (bench.folder / "in.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *data.draw(rows(old, new))])
    bench.run(old)
    before = bench.documents()
    code, plan, said = bench.verb("plan", new)
    assert code in (0, 10, 11), said
    if plan["blocked"]:
        event("needs the source")
        assert bench.verb("apply", new, *ALLOW)[0] == 3
        assert bench.documents() == before
        return
    if plan["losses"]:
        assert bench.verb("apply", new)[0] == 3
        assert bench.documents() == before
    code, _, said = bench.verb("apply", new, *ALLOW)
    assert code == 0, said
    assert bench.verb("plan", new)[0] == 0
    assert command("verify", "-m", bench.mapping(new)).code == 0
    if plan["rejected_before"]:
        event("rows were rejected before that fit now")
        return
    event("equal" + (", set aside" if plan["leaving"] else ""))
    if any("[]" in one["subject"] or one["subject"] in new.get("arrays", {}) for one in plan["changes"]):
        event("changes in arrays")
    bench.run(new, "fresh")
    assert bench.documents() == bench.documents("fresh")
    _, back, _ = bench.verb("plan", old)
    if not back["blocked"] and not plan["leaving"] and all(one["code"] != "E102" for one in plan["changes"]):
        event("and back")
        assert bench.verb("apply", old, *ALLOW)[0] == 0
        assert bench.documents() == before


def test_a_level_stands_where_its_first_field_is(bench: Bench) -> None:
    """Also where the field that gave it its place is removed."""
    (bench.folder / "in.csv").write_text("id,no,name,city\n1,7,Ann,Rome\n", encoding="utf-8")
    fields = {"_id": {"column": "id", "type": "int"}, "name": {"column": "name"}, "home.city": {"column": "city"}}
    new = {"mapping": "m", "source": {"path": "in.csv", "columns": {"extra": "ignore"}}, "fields": fields}
    bench.run(new | {"fields": {"home.no": {"column": "no"}, **fields}})
    assert bench.verb("apply", new, *ALLOW)[0] == 0
    bench.run(new, "fresh")
    assert bench.documents() == bench.documents("fresh")


TEXT, OTHER = {"column": "a"}, {"column": "b"}
TAKEN = {
    "by a constant": ({"p": TEXT}, {"a": TEXT | {"was": "p"}, "p": {"value": "UK"}}),
    "by what is renamed too": ({"p": TEXT, "q": OTHER}, {"a": TEXT | {"was": "p"}, "p": OTHER | {"was": "q"}}),
    "by a copy": ({"p": TEXT, "q": OTHER}, {"a": TEXT | {"was": "p"}, "p": OTHER, "q": OTHER}),
    "by a computed field": ({"p": TEXT}, {"a": TEXT | {"was": "p"}, "p": {"compute": "coalesce(a, 'none')"}}),
    "in a document": ({"d.p": TEXT, "q": OTHER}, {"a": TEXT | {"was": "d.p"}, "d.p": OTHER | {"was": "q"}}),
    "after a removal": ({"p": TEXT, "q": OTHER}, {"p": OTHER | {"was": "q"}}),
    "after the removal of a document": ({"p.x": TEXT, "q": OTHER}, {"p": OTHER | {"was": "q"}}),
    "by a document": ({"p": TEXT, "q": OTHER}, {"a": TEXT | {"was": "p"}, "p.x": OTHER | {"was": "q"}}),
    "in a circle of three with a removal": ({"p": OTHER, "q": TEXT}, {"p": {"value": "UK"}, "q": OTHER | {"was": "p"}}),
}


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("case", TAKEN)
def test_a_path_that_is_taken_anew_needs_the_source(bench: Bench, case: str, *, always: bool) -> None:
    """A document does not show whether what it has there has moved; not even where every document has all fields."""
    (bench.folder / "in.csv").write_text("id,a,b\n1,x,1\n2,,2\n3,y,\n4,,\n5,x,3\n", encoding="utf-8")
    old, new = ({
        path: one | ({"default": "D"} if always and "column" in one else {}) for path, one in fields.items()
    } for fields in TAKEN[case])  # fmt: skip
    base = {"mapping": "m", "source": {"path": "in.csv", "columns": {"extra": "ignore"}}}
    key = {"_id": {"column": "id", "type": "int"}}
    bench.run(base | {"fields": key | old})
    before = bench.documents()
    code, _, said = bench.verb("apply", base | {"fields": key | new}, *ALLOW)
    assert (code, "do one after the other" in said) == (3, True), said
    assert bench.documents() == before


def test_a_copy_of_what_is_missing_is_written_as_the_field_says(bench: Bench) -> None:
    (bench.folder / "in.csv").write_text("id,a,b\n1,x,1\n2,,2\n", encoding="utf-8")
    base = {"mapping": "m", "source": {"path": "in.csv", "columns": {"extra": "ignore"}}}
    fields = {"_id": {"column": "id", "type": "int"}, "copied": TEXT, "d": OTHER | {"empty": "null", "minLength": 1}}
    bench.run(base | {"fields": fields})
    new = base | {"fields": fields | {"d": TEXT | {"empty": "null", "minLength": 1}}}
    assert bench.verb("plan", new)[1]["losses"] == []
    assert bench.verb("apply", new, *ALLOW)[0] == 0
    bench.run(new, "fresh")
    assert bench.documents() == bench.documents("fresh")
