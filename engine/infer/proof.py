"""Proves an inferred mapping: its text is loaded as a mapping, its tests are run, and every row goes through its plan."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from engine.errors import EngineError, finding
from engine.mapping.loader import loads
from engine.mapping.model import Mapping
from engine.plan import compile_plan
from engine.preview.examples import failures
from engine.sources import open_source


def prove(text: str, malformed: int) -> Mapping:
    """The mapping of a text, if it loads, its tests pass, and it rejects only the `malformed` records of its source.

    Raises:
        EngineError: otherwise, which is a defect of `engine infer`. Findings hold codes and counts, no values.
    """
    mapping = loads(text, "the inferred mapping")
    failed = failures(mapping)
    if failed:
        raise EngineError(failed)
    source = open_source(mapping.source)
    plan = compile_plan(mapping, source.columns, now=datetime.now(UTC).replace(tzinfo=None))
    rejected: Counter[str] = Counter()
    broken = 0
    for batch in source.batches():
        broken += len(batch.malformed)
        counts = plan.apply(batch.frame).rejected.counts(plan.checks)
        rejected.update({f"{check.code} of {check.path}": times for check, times in counts.items()})
    if rejected or broken != malformed:
        reasons = ", ".join(f"{what}: {times:,}" for what, times in rejected.items()) or f"{broken - malformed} malformed records"
        hint = "this is a defect of engine infer: please report it"
        raise EngineError(finding("not_proven", f"the inferred mapping would reject rows ({reasons})", hint=hint, file=mapping.source.path))
    return mapping
