"""Random mappings with arrays give the documents, rejects and accounting of the oracle, through the real encoder."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import bson
import numpy as np
from bson import Decimal128
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import Oracle
from random_mappings import COLUMNS, as_yaml, mappings, tables

from engine.mapping.loader import loads
from engine.plan import compile_plan
from engine.run.usage import SecondaryUsage
from engine.sources.secondary import SecondarySource, text_frame

NOW = datetime(2024, 6, 1, 12)  # noqa: DTZ001 -- BSON dates are UTC


def plain(value: Any) -> Any:
    """Decimals compare by their digits; a missing mean is not near anything."""
    match value:
        case dict():
            return {name: plain(one) for name, one in value.items()}
        case list():
            return [plain(one) for one in value]
        case Decimal128() | Decimal():
            return f"decimal {value}"
    return value


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(mappings(), st.integers(0, 2**16), st.integers(1, 9))
def test_documents_are_those_of_the_oracle(mapping: dict[str, Any], seed: int, batch: int) -> None:
    rows = tables(seed)
    wanted = Oracle(mapping, rows, COLUMNS).outcomes()
    model = loads(as_yaml(mapping))
    others = {name: SecondarySource(name, tuple(COLUMNS[name]), text_frame(tuple(COLUMNS[name]), rows[name])) for name in model.sources}
    plan = compile_plan(model, COLUMNS["root"], now=NOW, tables=others)
    frame = text_frame(tuple(COLUMNS["root"]), rows["root"])
    found: dict[int, Any] = {}
    taken = SecondaryUsage(others)
    for start in range(0, len(frame), batch):
        verdicts = plan.apply(frame[start : start + batch])
        taken.ask(verdicts.asked)
        taken.embed(verdicts.accepted.embedded)
        raw = plan.encode(verdicts.accepted).to_list()
        found |= {row: plain(bson.decode(one)) for row, one in zip(verdicts.accepted.row_numbers, raw, strict=True)}
        for row in verdicts.rejected.rows():
            found[row.number] = {check.code for check in plan.checks if check.outcome == "reject" and row.breaks(check)}
    assert found == {number: one.codes or plain(one.document) for number, one in enumerate(wanted, start=1)}
    assert [check for check in plan.checks if check.outcome not in ("reject", "null", "drop")] == []

    for name in others:
        asked = {place for one in wanted for source, place in one.asked if source == name}
        used = {place for one in wanted if not one.codes for source, place in one.used if source == name}
        assert set(np.flatnonzero(taken.asked[name])) == asked
        assert set(np.flatnonzero(taken.embedded[name])) == used
