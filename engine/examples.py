"""The mapping's own `tests:`: each example row goes through the real plan, and what comes out is compared.

`unmissed` turns it round: what could be taken out of the mapping without any example noticing (mutation testing).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

import polars as pl

from engine.bounds import bound
from engine.errors import Finding
from engine.model import ID, Case, Field, Mapping
from engine.plan import Check, Plan, compile_plan
from engine.sources.batch import ROW

ENDS = frozenset({"reject", "filter", "fail"})  # outcomes after which a row is no document; a test calls all of them `reject`


@dataclass(frozen=True)
class Advice:
    """Constraints of a field, or a rule, that no test would miss; `line` is where the mapping says them."""

    subject: str
    what: tuple[str, ...]
    line: int

    def __str__(self) -> str:
        return f"line {self.line}: no test would miss {self.subject}" + (f" {', '.join(self.what)}" if self.what else "")


def failures(mapping: Mapping) -> list[Finding]:
    """One finding per example that does not come out as the mapping says."""
    return [
        Finding(case.line, 1, "test_failed", f"test {number}: {wrong}", f"tests.{number}", file=str(mapping.file))
        for number, (case, problems) in enumerate(zip(mapping.tests, _problems(mapping), strict=True), start=1)
        for wrong in problems
    ]


def unmissed(mapping: Mapping) -> list[Advice]:
    """The constraints and rules whose removal changes no test's result. Warnings are left out: a test cannot expect them."""
    if not mapping.tests:
        return []
    usual = _problems(mapping)
    alive = [(line, subject, what) for line, subject, what, mutant in _mutants(mapping) if _problems(mutant) == usual]
    return [
        Advice(subject, tuple(what for _, _, what in group if what), line)
        for (line, subject), group in groupby(alive, key=lambda one: one[:2])
    ]


def _mutants(mapping: Mapping) -> Iterator[tuple[int, str, str, Mapping]]:
    """The mapping with one thing taken out, for each thing: its line, field or rule, constraint."""
    for place, one in enumerate(mapping.fields):
        less = [("required", replace(one, required=False))] if one.required and one.path != ID else []
        less += [(name, replace(one, constraints={key: limit for key, limit in one.constraints.items() if key != name}))
                 for name in one.constraints]  # fmt: skip
        for name, mutant in less:
            others = (*mapping.fields[:place], mutant, *mapping.fields[place + 1 :])
            yield one.line, one.path, name, replace(mapping, fields=others)
    for rule in mapping.rules:
        if rule.on_fail != "warn":
            yield rule.line, f"rule {rule.name}", "", replace(mapping, rules=tuple(other for other in mapping.rules if other is not rule))


def _problems(mapping: Mapping) -> list[list[str]]:
    """For each test, what is wrong with its result."""
    columns = list(mapping.columns) + [name for name in (mapping.source.dialect.names or ()) if name not in mapping.columns]
    plan = compile_plan(mapping, columns, now=datetime.now(UTC).replace(tzinfo=None))
    cells = {name: [case.given.get(name, "") for case in mapping.tests] for name in columns}
    rows = {**cells, ROW: range(1, len(mapping.tests) + 1)}
    done = plan.evaluate(pl.DataFrame(rows, schema={**dict.fromkeys(columns, pl.String), ROW: pl.Int64}))
    ends = [check for check in plan.checks if check.outcome in ENDS]
    return [_compare(case, plan, row, ends) for case, row in zip(mapping.tests, done.iter_rows(named=True), strict=True)]


def _compare(case: Case, plan: Plan, row: dict[str, Any], ends: list[Check]) -> list[str]:
    broken = [check for check in ends if row[check.flag]]
    codes = ", ".join(check.code for check in broken)
    if case.reject is not None:
        if any(check.code == case.reject for check in broken):
            return []
        return [f"expected the row to be rejected by {case.reject}, " + (f"it was by {codes}" if codes else "it was accepted")]
    if broken:
        return [f"the row was {'filtered' if any(check.outcome == 'filter' for check in broken) else 'rejected'} by {codes}"]
    return [wrong for path, raw in (case.expect or {}).items() if (wrong := _differs(plan.mapping.field(path), raw, row[path]))]


def _differs(one: Field, raw: Any, found: Any) -> str:
    found = found.hex() if isinstance(found, bytes) else found
    try:
        wanted = _wanted(one, raw)
    except ValueError as error:
        return f"{one.path}: the expected value must be {error}"
    if one.type.name == "decimal" and found is not None:
        found = Decimal(found)
    if found == wanted and isinstance(found, bool) == isinstance(wanted, bool):
        return ""
    return f"{one.path} differs" if one.private else f"{one.path}: expected {_shown(wanted)}, found {_shown(found)}"


def _wanted(one: Field, raw: Any) -> Any:
    value = None if raw is None else bound(raw, one.type.name)
    return value.hex() if isinstance(value, bytes) else value


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return value.isoformat() if isinstance(value, datetime) else f'"{value}"' if isinstance(value, str) else str(value)
