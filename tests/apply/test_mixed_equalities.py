"""Two ways to the same state from documents of two shapes, on the real mongod: apply, or a fresh run of all files.

ENGINE_SOAK multiplies the number of examples.
"""

import csv
import json
from pathlib import Path
from typing import Any

from bson import decode
from evolution.bench import ALLOW, ANY_SOURCE, SOAK, Bench, valid
from evolution.generated import COLUMNS, grown, rows
from hypothesis import HealthCheck, Phase, assume, event, given, settings
from hypothesis import strategies as st
from jobs import Ended, command

ANY = [*ANY_SOURCE, "--allow", "mixed_shapes", "--allow", "existing_documents"]


def write(file: Path, found: list[list[str]]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *found])
    return file


def by_id(documents: list[bytes]) -> dict[Any, bytes]:
    return {decode(one)["_id"]: one for one in documents}


@given(st.data())
@settings(
    max_examples=10 * SOAK, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
def test_apply_to_both_shapes_and_a_fresh_run_end_in_the_same_documents(bench: Bench, data: st.DataObject) -> None:
    first, second, third = data.draw(grown().filter(lambda three: all(map(valid, three))))
    known, added = data.draw(rows(first, second, third)), data.draw(rows(first, second, third))
    bench.clear()

    def run(raw: dict[str, Any], found: list[list[str]], **target: str) -> Ended:
        return command("run", "-m", bench.mapping(raw, **target), "--source", write(bench.folder / "in.csv", found), "--json", *ANY)

    assert run(first, known, mode="append").code == 0
    assert run(second, added, mode="append").code == 0
    before, mapping = bench.documents(), bench.mapping(third, mode="append")
    plan = command("plan", "-m", mapping, "--json").report
    assume(plan["shapes"])
    if plan["refusals"]:
        event("needs the source")
        assert command("apply", "-m", mapping, *ALLOW).code == 3
        assert bench.documents() == before
        return
    ended = command("apply", "-m", mapping, *ALLOW)
    assert ended.code == 0, ended.err
    assert command("plan", "-m", mapping).code == 0
    assert command("verify", "-m", mapping).code == 0
    if plan["doubts"]:
        event("told what a fresh run might give otherwise")
        return
    event("equal")
    assert run(third, [*known, *added], collection="fresh").code == 0
    fresh = by_id(bench.documents("fresh"))  # of rows that no run had rejected
    assert all(fresh[one] == document for one, document in by_id(bench.documents()).items()), json.dumps([first, second, third])
