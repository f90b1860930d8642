"""Engine and server give the same verdict on every document: over generated mappings, and over all that was ever found to differ.

The law: no document that the engine accepts is refused by the generated validator, and no document of a row that it rejects for a
constraint or rule would be accepted.
"""

import json
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from pymongo.database import Database
from pymongo.errors import OperationFailure

from engine.errors import UsageError

from . import generated, generated_arrays
from .judging import disagreements, mapping_of

ROWS = 90
CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))


@pytest.mark.parametrize(("made", "examples", "least"), [(generated, 400, 10_000), (generated_arrays, 100, 2_000)])
def test_generated_mappings(made: ModuleType, examples: int, least: int, database: Database) -> None:
    compared = 0

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(made.mappings(), st.integers(0, 2**16))
    def agree(parts, seed: int) -> None:
        nonlocal compared
        fields, rules, more = parts
        try:
            mapping = mapping_of(fields, rules, **more)
        except UsageError:
            reject()
        try:
            count, wrong = disagreements(database, mapping, made.rows(fields, ROWS, seed))
        except OperationFailure as error:
            raise AssertionError(f"the server refuses the validator: {error.details['errmsg']}") from None
        compared += count
        assert not wrong, "\n".join(wrong[:5])

    agree()
    print(f"{compared:,} documents compared")
    assert compared >= least, f"only {compared} documents were compared"


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_cases(file: Path, database: Database) -> None:
    """`{"about", "fields", "rules", "accepted": [cells], "rejected": [cells]}`: each row has the named verdict, of both."""
    case = json.loads(file.read_text(encoding="utf-8"))
    mapping = mapping_of(case["fields"], case.get("rules"), **case.get("more", {}))
    for verdict in ("accepted", "rejected"):
        count, wrong = disagreements(database, mapping, case[verdict])
        assert (count, wrong) == (len(case[verdict]), [])
