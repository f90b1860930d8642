"""The rewriting alone, on the real mongod and over documents of every shape: it never fails, can be repeated, and loses nothing.

ENGINE_SOAK multiplies the number of examples.
"""

import copy
import json
import os
from typing import Any

import pytest
from apply.test_equalities import Bench, valid
from bson import decode, encode
from evolution.generated import COLUMNS, evolutions, rows
from hypothesis import HealthCheck, Phase, assume, event, given, settings
from hypothesis import strategies as st

from engine.evolution.judging import rewriting_by_evidence
from engine.mapping.loader import loads
from engine.mapping.model import Mapping
from engine.values.paths import dotted

SOAK = int(os.environ.get("ENGINE_SOAK", "1"))
FOREIGN = "other"
ODD: tuple[Any, ...] = (None, 7, "odd", [], [1, "x", None], [{"x": 1}], {}, {"x": {"y": 1}}, True, 2.5)


@pytest.fixture
def bench(database: Any, mongo_uri: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("MONGODB_URI", mongo_uri)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    return Bench(database, tmp_path / "work")


def places(value: Any) -> list[dict[str, Any]]:
    """All documents in a document, itself included."""
    if isinstance(value, list):
        return [place for one in value for place in places(one)]
    return [value, *(place for one in value.values() for place in places(one))] if isinstance(value, dict) else []


@st.composite
def mutated(draw: st.DrawFn, document: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """A document in which others wrote: fields that no mapping names, values of any type, fields that are gone."""
    found = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(places(found)))
        here = [name for name in place if name not in ("_id", FOREIGN)]
        how = draw(st.integers(0, 3))
        if how == 0:
            place[FOREIGN] = draw(st.sampled_from((1, "theirs", {"a": [1]})))
        elif how == 1 and here:
            place[draw(st.sampled_from(here))] = copy.deepcopy(draw(st.sampled_from(ODD)))
        elif how == 2 and here:
            del place[draw(st.sampled_from(here))]
        else:
            found[draw(st.sampled_from(names))] = copy.deepcopy(draw(st.sampled_from(ODD)))
    return found


def foreign(document: Any) -> list[str]:
    """What others wrote under names of their own."""
    return sorted(repr(place[FOREIGN]) for place in places(document) if FOREIGN in place)


def names(old: Mapping, new: Mapping) -> list[str]:
    """Outermost names of both mappings."""
    return sorted({dotted(field.path).partition(".")[0] for mapping in (old, new) for field in mapping.fields})


@given(st.data())
@settings(
    max_examples=15 * SOAK, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
def test_any_document_can_be_rewritten_any_number_of_times(bench: Bench, data: st.DataObject) -> None:
    pair = data.draw(evolutions().filter(lambda pair: all(map(valid, pair))))
    old, new = (loads(json.dumps(raw)) for raw in pair)
    rewrite = rewriting_by_evidence(old, new, None)
    assume(rewrite.stages)
    bench.clear()
    (bench.folder / "in.csv").write_text("\n".join(map(",".join, [COLUMNS, *data.draw(rows(*pair))])) + "\n", encoding="utf-8")
    bench.run(pair[0])
    bench.run(pair[1], "fresh")
    before, fresh = ([decode(raw) for raw in bench.documents(name)] for name in ("c", "fresh"))
    assume(before or fresh)
    odd = [data.draw(mutated(one, names(old, new))) for one in (*before, *fresh)]
    documents = [one | {"_id": number} for number, one in enumerate((*before, *odd, *fresh))]
    scratch = bench.database["scratch"]
    scratch.insert_many(documents)
    scratch.update_many({}, list(rewrite.stages))
    once = [encode(one) for one in scratch.find().sort("_id", 1)]
    for stored, document in zip(once, documents, strict=True):
        assert foreign(decode(stored)) == foreign(document), (document, decode(stored))
    for stored, document in zip(once[-len(fresh) :] if fresh else [], fresh, strict=True):
        assert encode(decode(stored) | {"_id": 0}) == encode(document | {"_id": 0})
    scratch.update_many({}, list(rewrite.stages))
    twice = [encode(one) for one in scratch.find().sort("_id", 1)]
    assert twice == once
    guarded = bench.database["guarded"]
    guarded.insert_many(documents)
    if rewrite.old:
        guarded.update_many({"$or": [*rewrite.old]}, list(rewrite.stages))
    found = [encode(one) for one in guarded.find().sort("_id", 1)]
    assert found[: len(before)] == once[: len(before)]
    assert [decode(one) for one in found] == [decode(one) for one in once]  # in any order of fields: others may have had another one
    event("rewritten")
