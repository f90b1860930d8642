"""Documents that a changed mapping refuses are set aside, and going back brings them back: the bytes of before, on the real mongod.

Random mappings and sources, as in `test_equalities`. ENGINE_SOAK multiplies the number of examples.
"""

import copy
import csv
from pathlib import Path
from typing import Any

import pytest
from apply.test_equalities import ALLOW, SOAK, Bench, valid
from evolution.generated import COLUMNS, CONSTRAINTS, FITTING, _constrain, _index, _rename, _reorder, mappings
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from jobs import command
from pymongo.database import Database

Raw = dict[str, Any]
STEPS = (_rename, _rename, _reorder, _constrain, _index)  # there is a way back from each
NARROW = ("required", "minimum", "maximum", "enum", "pattern", "minLength", "maxLength", "multipleOf")


@pytest.fixture
def bench(database: Database, mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    return Bench(database, tmp_path / "work")


@st.composite
def narrowings(draw: st.DrawFn) -> tuple[Raw, Raw, Raw]:
    """A mapping that takes most rows, what it became, narrower in most fields, and what that became without these constraints."""
    old = draw(mappings())
    _widen(old)
    new = copy.deepcopy(old)
    for step in draw(st.lists(st.sampled_from(STEPS), max_size=2)):
        step(draw, new)
    wider = copy.deepcopy(new)
    _widen(wider)
    for path, field in new["fields"].items():
        if "column" in field and draw(st.integers(0, 3)):
            new["fields"][path] = field | draw(st.sampled_from([{"required": True}, *CONSTRAINTS[field["type"]]]))
    return old, new, wider


def _widen(raw: Raw) -> None:
    for field in raw["fields"].values():
        for name in (*NARROW, "on_error"):
            field.pop(name, None)


@st.composite
def fitting_rows(draw: st.DrawFn, raw: Raw) -> list[list[str]]:
    """Rows that the mapping takes, but for columns that are read as several types."""
    kinds: dict[str, set[str]] = {}
    for field in raw["fields"].values():
        for name in [field["column"].replace("{n}", str(number)) for number in (1, 2, 3)] if "column" in field else ():
            kinds.setdefault(name, set()).add(field["type"])
    cells = [st.sampled_from((*_both(kinds.get(name, {"string"})), "")) for name in COLUMNS]
    return [[*row] for row in draw(st.lists(st.tuples(*cells), min_size=4, max_size=8))]


def _both(kinds: set[str]) -> tuple[str, ...]:
    return FITTING[next(iter(kinds))] if len(kinds) == 1 else ("7", "3", "12")


def narrowed(bench: Bench, data: st.DataObject, old: Raw, new: Raw) -> list[bytes]:
    """The documents of the old mapping; then the new one sets some of them aside. None where it does not."""
    bench.clear()
    with (bench.folder / "in.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *data.draw(fitting_rows(old))])
    bench.run(old)
    before = bench.documents()
    _, plan, _ = bench.verb("plan", new)
    if plan["refusals"] or not plan["leaving"]:
        event("nothing is set aside")
        return []
    code, done, said = bench.verb("apply", new, *ALLOW)
    assert code == 0, said
    assert done["set_aside"] == plan["leaving"]
    return before


@given(st.data())
@settings(max_examples=8 * SOAK, deadline=None, suppress_health_check=list(HealthCheck))
def test_narrowing_and_going_back_leaves_the_bytes_of_before(bench: Bench, data: st.DataObject) -> None:
    old, new, _ = data.draw(narrowings().filter(lambda every: all(map(valid, every))))
    if not (before := narrowed(bench, data, old, new)):
        return
    _, plan, _ = bench.verb("plan", old)
    (kept,) = plan["set_aside"]
    if plan["refusals"]:
        event("needs the source")
        return
    assert kept["fitting"] == kept["documents"]
    code, done, said = bench.verb("apply", old, *ALLOW)
    assert (code, done.get("restored")) == (0, kept["documents"]), said
    assert command("verify", "-m", bench.mapping(old)).code == 0
    assert not [name for name in bench.database.list_collection_names() if "__set_aside_" in name]
    event("as before")
    assert bench.documents() == before


@given(st.data())
@settings(max_examples=8 * SOAK, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_comes_back_under_a_wider_mapping_is_as_a_fresh_run_has_it(bench: Bench, data: st.DataObject) -> None:
    old, new, wider = data.draw(narrowings().filter(lambda every: all(map(valid, every))))
    if not narrowed(bench, data, old, new):
        return
    _, plan, _ = bench.verb("plan", wider)
    (kept,) = plan["set_aside"]
    if plan["refusals"]:
        event("needs the source")
        return
    code, done, said = bench.verb("apply", wider, *ALLOW)
    assert (code, done.get("restored")) == (0, kept["fitting"]), said
    assert command("verify", "-m", bench.mapping(wider)).code == 0
    if plan["rejected_before"] or kept["fitting"] < kept["documents"]:
        event("some do not come back")
        return
    event("equal")
    bench.run(wider, "fresh")
    assert bench.documents() == bench.documents("fresh")
