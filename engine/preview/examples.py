"""The mapping's own `tests:`: each example row goes through the real plan, and what comes out is compared.

`unmissed` turns it round: what could be taken out of the mapping without any example noticing (mutation testing).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

from engine.errors import Finding
from engine.expressions.bounds import bound
from engine.mapping.columns import columns_of
from engine.mapping.model import ID, Case, Child, Field, Mapping
from engine.plan import Check, Plan, compile_plan
from engine.sources.secondary import Table, table_frame
from engine.values.paths import MARK, arrays_of

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
        for number, (case, problems) in enumerate(zip(mapping.tests, _problems(_results(mapping)), strict=True), start=1)
        for wrong in problems
    ]


def unmissed(mapping: Mapping) -> list[Advice]:
    """The constraints and rules whose removal changes no test's result. Warnings are left out: a test cannot expect them."""
    if not mapping.tests:
        return []
    results = _results(mapping)
    usual = _problems(results)
    alive = [
        (line, subject, what) for line, subject, what, mutant in _mutants(mapping) if _without(results, subject, what, mutant) == usual
    ]
    return [
        Advice(subject, tuple(what for _, _, what in group if what), line)
        for (line, subject), group in groupby(alive, key=lambda one: one[:2])
    ]


def _without(results: list[Result], subject: str, what: str, mutant: Mapping) -> list[list[str]]:
    """What is wrong with the results of a mutant. Where a check only ends rows, that is to be had without evaluating them anew."""
    path, code = (subject, what) if what else ("", subject.removeprefix("rule "))
    outcomes = {check.outcome for one in results for check in one.plan.checks if (check.path, check.code) == (path, code)}
    return _problems(results, (path, code)) if outcomes <= ENDS and not _replaced(mutant, path, code) else _problems(_results(mutant))


def _replaced(mutant: Mapping, path: str, code: str) -> bool:
    """Whether another check stands in for the one that was taken out."""
    return code == "required" and mutant.field(path).empty == "fail"


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


class Result(NamedTuple):
    """An example, the plan that it went through, and the row that came out."""

    case: Case
    plan: Plan
    row: dict[str, Any]


def _problems(results: list[Result], left_out: tuple[str, str] | None = None) -> list[list[str]]:
    """For each test, what is wrong with its result; `left_out` is the path and code of checks that are taken not to be there."""
    ends: dict[int, list[Check]] = {}
    for one in results:
        checks = (check for check in one.plan.checks if check.outcome in ENDS and (check.path, check.code) != left_out)
        ends.setdefault(id(one.plan), list(checks))
    return [_compare(one.case, one.plan, one.row, ends[id(one.plan)]) for one in results]


def _results(mapping: Mapping) -> list[Result]:
    """All tests evaluated. Where other sources are read, each test has its own rows of them."""
    alone = mapping.sources or mapping.group_by
    groups = [[case] for case in mapping.tests] if alone else [list(mapping.tests)] if mapping.tests else []
    return [found for cases in groups for found in _of_cases(mapping, cases)]


def _of_cases(mapping: Mapping, cases: list[Case]) -> list[Result]:
    wanted = tuple(columns_of(mapping))
    named = [*(mapping.source.dialect.names or ()), *(name for case in mapping.tests for name in _cells(case))]
    columns = (*wanted, *(name for name in dict.fromkeys(named) if name not in wanted))
    tables = {name: _table(mapping, name, cases) for name in (*mapping.sources, *([""] if mapping.group_by else []))}
    plan = compile_plan(mapping, columns, now=datetime.now(UTC).replace(tzinfo=None), tables=tables)
    done = plan.evaluate(plan.grouped(table_frame(columns, [_cells(case) for case in cases])))
    return [Result(case, plan, row) for case, row in zip(cases, done.iter_rows(named=True), strict=True)]


def _cells(case: Case) -> dict[str, str]:
    return {name: value for name, value in case.given.items() if isinstance(value, str)}


def _table(mapping: Mapping, source: str, cases: list[Case]) -> Table:
    """The rows of another source that these tests give, with the columns that any test gives."""
    named = (name for row in _rows(mapping, source, mapping.tests) for name in row)
    columns = tuple(dict.fromkeys([*columns_of(mapping, source), *named]))
    return Table(source, columns, table_frame(columns, _rows(mapping, source, cases)))


def _rows(mapping: Mapping, source: str, cases: Iterable[Case]) -> list[dict[str, str]]:
    """The rows of another source, each found by its document where it does not say otherwise."""
    return [
        (_cells(case) if not source else {}) | {theirs: _cells(case).get(ours, "") for theirs, ours in origin.on} | dict(row)
        for case in cases
        for name, origin in _origins(mapping)
        if origin.source == source
        for row in case.given.get(name, ())
        if not isinstance(row, str)
    ]


def _origins(mapping: Mapping) -> Iterator[tuple[str, Child]]:
    yield from ((one.path, one.origin) for one in mapping.arrays if isinstance(one.origin, Child))
    yield from ((one.name, one.origin) for one in mapping.lookups if isinstance(one.origin, Child))


def _compare(case: Case, plan: Plan, row: dict[str, Any], ends: list[Check]) -> list[str]:
    broken = [check for check in ends if row[check.flag]]
    codes = ", ".join(check.code for check in broken)
    if case.reject is not None:
        if any(check.code == case.reject for check in broken):
            return []
        return [f"expected the row to be rejected by {case.reject}, " + (f"it was by {codes}" if codes else "it was accepted")]
    if broken:
        return [f"the row was {'filtered' if any(check.outcome == 'filter' for check in broken) else 'rejected'} by {codes}"]
    expected = (case.expect or {}).items()
    return [wrong for path, raw in expected if (wrong := _differs(plan.mapping.field(path), raw, value_at(row, path), path.count(MARK)))]


def value_at(row: MappingOf[str, Any], path: str) -> Any:
    """The value of a field in an evaluated row; for one in an array the list of its values."""
    array = next((array for array in reversed(list(arrays_of(path))) if array in row), "")
    if not array or path in row:
        return row[path]
    elements = row[array]
    if elements is None or path == f"{array}{MARK}":
        return elements
    return [value_at(element, path) for element in elements]


def _differs(one: Field, raw: Any, found: Any, depth: int) -> str:
    """What differs; the values in arrays, which are lists to this depth, are compared one by one."""
    if depth and isinstance(raw, list) and isinstance(found, list):
        if len(raw) != len(found):
            return f"{one.path}: expected {len(raw)} elements, found {len(found)}"
        return next((wrong for pair in zip(raw, found, strict=True) if (wrong := _differs(one, *pair, depth - 1))), "")
    if depth and isinstance(found, list):
        return f"{one.path}: found {len(found)} elements; expect a list"
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
